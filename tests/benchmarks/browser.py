"""What the console costs the browser: main-thread time a frame without and with the Bokeh charts, and the heap."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.console import CELL
from tests.benchmarks.report import Result, told

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession

    from tests.browser.notebook import Notebook

GROUP = "The console in Chromium, 4 frames a second, 21 ports"
SECONDS = 20
HEAP_MINUTES = 5
FRAMES = 4.0
"""A second; that so many come is measured by the group `console`."""
HISTORY_SECONDS = 130
"""Until the two minutes that a page keeps are full, a heap must grow."""

_TIMED = 'type("Timed", (Paced,), {"time": staticmethod(lambda _: __import__("time").time())})("numbers")'
"""The source of the measurement of frames, with event times, so that both charts have something to draw."""


def measure(rounds: int) -> list[Result]:
    """One page; the bare one of JupyterLab first, whose own work is taken off."""
    from tests.browser.lab import Lab

    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder), Path(folder)) as lab:
        book = lab.open([CELL.format(source=_TIMED), "run"], viewport={"width": 1360, "height": 2600})
        session = book.page.context.new_cdp_session(book.page)
        session.send("Performance.enable")
        book.run(0)
        told("browser: the page alone")
        alone = _busy_ms(book, session)
        book.run(1)
        console = book.cell(1).locator(".sw-console")
        console.get_by_text("Ready", exact=True).wait_for()
        told("browser: the console")
        plain = _busy_ms(book, session) - alone
        console.locator(".sw-fold summary").click()
        console.locator(".sw-figurebox .bk-Figure").nth(1).wait_for()
        told("browser: the console with both charts")
        charts = _busy_ms(book, session) - alone
        told(f"browser: the heap over {HEAP_MINUTES} minutes")
        growth = _heap_growth(book, session)
    return [
        Result(GROUP, "main thread a frame, without charts", plain / FRAMES, "ms", 20.0),
        Result(GROUP, "main thread a frame, with both charts", charts / FRAMES, "ms", 60.0),
        Result(GROUP, f"heap growth over {HEAP_MINUTES} minutes, all shown", growth, "MB", 1.0),
    ]


def _busy_ms(book: Notebook, session: CDPSession) -> float:
    """Milliseconds a second that the main thread is busy."""
    book.page.wait_for_timeout(3000)
    before = _metrics(session)
    book.page.wait_for_timeout(SECONDS * 1000)
    after = _metrics(session)
    busy: float = (after["TaskDuration"] - before["TaskDuration"]) / (after["Timestamp"] - before["Timestamp"])
    return busy * 1000


def _heap_growth(book: Notebook, session: CDPSession) -> float:
    book.page.wait_for_timeout(HISTORY_SECONDS * 1000)
    before = _heap(session)
    book.page.wait_for_timeout(HEAP_MINUTES * 60_000)
    return (_heap(session) - before) / 2**20


def _heap(session: CDPSession) -> float:
    """Bytes that are still needed."""
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    used: float = _metrics(session)["JSHeapUsedSize"]
    return used


def _metrics(session: CDPSession) -> dict[str, Any]:
    return {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
