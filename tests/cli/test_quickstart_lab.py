"""`streamweave-lab quickstart` with real JupyterLab, looked at in real Chromium."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from streamweave_lab.cli.notebook import NAME, TAG, find
from tests.browser.lab import CHROMIUM, FLAGS
from tests.cli.conftest import Start

pytestmark = pytest.mark.browser

ADDRESS = re.compile(r"http://(?:localhost|127\.0\.0\.1):\d+/lab/\S*token=\w+")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM or None, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(autouse=True)
def closed_pages(browser: Browser) -> Iterator[None]:
    """Close the pages of a test: they would ask the next test's server for what it does not know."""
    yield
    for context in browser.contexts:
        context.close()


@contextmanager
def served(start: Start, *arguments: str, said: list[str] | None = None) -> Iterator[str]:
    """The address that the command prints, while it serves."""
    command = start("quickstart", "--no-browser", *arguments, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    printed = [] if said is None else said
    try:
        for line in command.stderr or ():
            printed.append(line)
            if found := ADDRESS.search(line):
                break
        else:
            raise AssertionError("".join(printed))
        yield found[0]
    finally:
        command.send_signal(signal.SIGTERM)
        command.communicate(timeout=120)


@dataclass
class Opened:
    """A page of JupyterLab, and what the browser complained of."""

    page: Page
    problems: list[str]

    def settled(self) -> None:
        """Wait until the launcher's extension has run the cells, or has decided not to."""
        self.page.wait_for_selector("body[data-streamweave-quickstart=done]", state="attached", timeout=120_000)

    def saved(self, file: Path) -> list[dict[str, Any]]:
        """Save the notebook, and return the code cells of the file."""
        before = file.stat().st_mtime_ns
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+s")
        until(lambda: file.stat().st_mtime_ns > before and bool(file.read_text()))
        return [cell for cell in json.loads(file.read_text())["cells"] if cell["cell_type"] == "code"]


def open_page(browser: Browser, address: str) -> Opened:
    page = browser.new_context(viewport={"width": 1360, "height": 900}).new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(address, timeout=120_000)
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=120_000)
    return Opened(page, problems)


def until(true: Callable[[], bool], seconds: float = 120) -> None:
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def above_and_below(file: Path) -> tuple[int, int]:
    """How many code cells stand above the tag, and how many below."""
    cells = json.loads(file.read_text())["cells"]
    tag = next(i for i, cell in enumerate(cells) if TAG in cell["metadata"].get("tags", []))
    above = sum(cell["cell_type"] == "code" for cell in cells[:tag])
    return above, sum(cell["cell_type"] == "code" for cell in cells) - above


def test_the_cells_above_the_tag_run_by_themselves_once_and_the_others_wait(
    start: Start, browser: Browser, tmp_path: Path
) -> None:
    here = tmp_path / "here"
    with served(start) as address:
        opened = open_page(browser, address)
        opened.settled()
        above, below = above_and_below(here / NAME)
        assert above > 1
        assert below > 1
        cells = opened.saved(here / NAME)
        assert [cell["execution_count"] for cell in cells] == [*range(1, above + 1), *([None] * below)]
        assert cells[above - 1]["outputs"], "the cell before the tag shows the console"
        assert opened.page.locator(".jp-CodeCell").nth(above - 1).locator(".jp-OutputArea-output").first.is_visible()
        assert opened.page.get_by_text("official Jupyter news").count() == 0

        began = (here / "flights.toml").stat().st_mtime_ns
        opened.page.reload()
        opened.settled()
        open_page(browser, address).settled()
        assert (here / "flights.toml").stat().st_mtime_ns == began, (
            "neither a reload nor a second browser runs it again"
        )


def test_notebooks_opened_otherwise_never_run_by_themselves(start: Start, browser: Browser, tmp_path: Path) -> None:
    foreign = tmp_path / "here" / "foreign.ipynb"
    with served(start) as address:
        packaged = json.loads(find().read_text())
        packaged["cells"][1]["source"] = "open('ran', 'w')"
        foreign.write_text(json.dumps(packaged))
        opened = open_page(browser, address.replace(NAME, foreign.name))
        opened.page.wait_for_selector(
            ".jp-NotebookPanel .jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=120_000
        )
        opened.page.wait_for_timeout(1000)
        assert not (tmp_path / "here" / "ran").exists()
        assert opened.problems == []


def test_a_copy_whose_cells_were_changed_opens_as_it_is_and_nothing_runs(
    start: Start, browser: Browser, tmp_path: Path
) -> None:
    changed = json.loads(find().read_text())
    changed["cells"][1]["source"] = "open('ran', 'w')"
    (tmp_path / "here" / NAME).write_text(json.dumps(changed))
    said: list[str] = []
    with served(start, said=said) as address:
        opened = open_page(browser, address)
        opened.page.wait_for_selector(
            ".jp-NotebookPanel .jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=120_000
        )
        opened.page.wait_for_timeout(1000)
    assert not (tmp_path / "here" / "ran").exists()
    assert "its cells are not those of the package" in said[0]
    assert json.loads((tmp_path / "here" / NAME).read_text()) == changed
