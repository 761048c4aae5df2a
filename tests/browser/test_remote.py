"""A notebook attached to a process: its console live, while the process hangs, and drained by the button."""

from __future__ import annotations

import ast
import re
import signal
from typing import TYPE_CHECKING

import pytest

from tests.remote.conftest import Process

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator

    from tests.browser.lab import Lab

ATTACH = """
import streamweave_lab as sw
run = sw.attach({url!r}, token_file={file!r})
run
"""
TOLD = """
s = run.status()
print({"state": s.state, "in": s.node("ticks").items_out["out"], "left": sum(e.sent - e.received for e in s.edges)})
"""
MORE = "([note, items]) => Number(note.textContent.replace(/\\D/g, '')) > items"

pytestmark = pytest.mark.browser


def items_in(note: Locator) -> int:
    return int(re.sub(r"\D", "", note.inner_text()))


def test_a_run_of_another_process_is_watched_lost_found_and_drained(lab: Lab, tmp_path: Path) -> None:
    process = Process(tmp_path)
    process.settings.write_text("schema_version = 1\nlimit = 20\n")
    process.start()
    book = lab.open(
        [ATTACH.format(url=process.url, file=str(process.token_file))], viewport={"width": 1360, "height": 1250}
    )
    book.run(0)
    console = book.cell(0).locator(".sw-console")
    pill, note = console.locator(".sw-pill"), console.locator(".sw-tile .sw-note").first

    def says(words: str) -> None:
        console.get_by_text(words).first.wait_for(timeout=120_000)

    def goes_on() -> None:
        book.page.wait_for_function(MORE, arg=[note.element_handle(), items_in(note)], timeout=120_000)

    # Live, and said to be elsewhere.
    console.get_by_text("Ready", exact=True).wait_for(timeout=120_000)
    goes_on()
    says(f"at {process.url}")
    assert book.text(0) == "run of graph 'ticking' in another process: 3 nodes, 2 edges"
    book.screenshot("remote-live", of=console)

    # It hangs: what was last heard stays, and is not shown as if it were well.
    process.send(signal.SIGSTOP)
    console.get_by_text("No news", exact=True).wait_for(timeout=120_000)
    says("running when it was last heard of")
    says(f"No news: the process at {process.url} does not answer. It was last heard of")
    assert pill.get_attribute("data-tone") == "lost"
    book.screenshot("remote-stale", of=console)
    process.send(signal.SIGCONT)
    console.get_by_text("Ready", exact=True).wait_for(timeout=120_000)
    goes_on()

    # The difference that a reload would make comes from the other process.
    process.settings.write_text("schema_version = 1\nlimit = 30\n")
    console.locator("button[data-do='reload']").click()
    says("limit")
    console.locator("button[data-do='apply']").click()
    says("configuration version 2")

    # Drained by the button; the console and the kernel agree, though the process is gone.
    console.locator("button[data-do='drain']").click()
    console.locator("button[data-do='drain-now']").click()
    says("nothing dropped")
    console.locator(".sw-pill", has_text="Drained").wait_for()
    assert process.end() == 0
    told = ast.literal_eval(book.text(book.add(TOLD)))
    assert told == {"state": "stopped", "in": items_in(note), "left": 0}
    book.screenshot("remote-drained", of=console)
    assert book.problems == []
    book.shut_down()
    process.kill()
