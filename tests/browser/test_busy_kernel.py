"""The console while a cell awaits, and while a cell blocks the kernel."""

from __future__ import annotations

import pytest

from tests.browser.lab import Lab

STEADY = """
import asyncio, time
import streamweave_lab as sw


async def steady():
    while True:
        yield 1
        await asyncio.sleep(0.01)


run = sw.Graph("steady", sw.Replay("ticks", steady()) >> sw.Count("count")).start()
run
"""

pytestmark = pytest.mark.browser


def test_buttons_work_while_a_cell_awaits(lab: Lab) -> None:
    book = lab.open([STEADY, "await run.done()\nprint('over')"])
    book.run(0)
    console = book.cell(0)
    console.get_by_text("Ready", exact=True).wait_for()
    book.run(1, wait=False)
    console.locator("button[data-do='pause']").click()
    console.get_by_text("Resume", exact=True).wait_for(timeout=120_000)
    console.locator("button[data-do='pause']").click()
    console.get_by_text("Pause", exact=True).wait_for(timeout=120_000)
    console.locator("button[data-do='drain']").click()
    console.locator("button[data-do='drain-now']").click()
    book.wait(1, timeout=120)
    assert book.text(1) == "over"
    assert book.problems == []
    book.shut_down()


def test_a_cell_that_blocks_is_told_of_and_named_afterwards(lab: Lab) -> None:
    ask = "print(run.status().loop.blocked_by, run.status().loop.longest_stall_seconds > 4)"
    wake = lab.root / "wake"
    block = f"from pathlib import Path\nprint('blocking')\nwhile not Path({str(wake)!r}).exists(): time.sleep(0.1)"
    book = lab.open([STEADY, block, ask])
    book.run(0)
    console = book.cell(0)
    console.get_by_text("Ready", exact=True).wait_for()
    book.run(1, wait=False)
    book.cell(1).get_by_text("blocking", exact=True).wait_for()
    console.locator("button[data-do='pause']").click()
    console.get_by_text("Pause: queued, the kernel is busy").wait_for(timeout=120_000)
    console.get_by_text("the kernel is busy, a cell blocks it").wait_for(timeout=120_000)
    console.locator(".sw-pill", has_text="No news").wait_for(timeout=120_000)  # and not Ready, which nobody knows
    console.get_by_text("running when it was last heard of").wait_for(timeout=120_000)
    book.screenshot("kernel-blocked", of=console)
    book.page.wait_for_timeout(5000)
    wake.touch()
    book.wait(1, timeout=120)
    console.get_by_text("Resume", exact=True).wait_for(timeout=120_000)
    console.get_by_text("a cell blocked the event loop").first.wait_for(timeout=120_000)
    book.run(2)
    assert book.text(2) == "a cell True"
    assert book.problems == []
    book.shut_down()
