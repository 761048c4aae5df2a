"""The quickstart as its reader goes through it: real JupyterLab, real Chromium, real flights."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.browser.lab import REPOSITORY, Lab
from tests.browser.notebook import Notebook

QUICKSTART = Path(REPOSITORY, "notebooks", "teach", "01_quickstart.ipynb")
TOTALS = """
s = run.status()
print({"state": s.state, "in": s.node("departures").items_out["out"], "errors": s.node("parse").errors,
       "late": s.node("hourly").late, "version": s.config.version, "left": sum(e.sent - e.received for e in s.edges)})
"""

pytestmark = pytest.mark.browser


def number_in(text: str) -> int:
    return int(re.sub(r"\D", "", text))


class Console:
    """What a reader sees of the console under one cell."""

    def __init__(self, book: Notebook, cell: int) -> None:
        self.book, self.cell = book, book.cell(cell)
        self.pill = self.cell.locator(".sw-pill")
        self.came_in = self.cell.locator(".sw-tile", has_text="Throughput").locator(".sw-note")

    def items_in(self) -> int:
        return number_in(self.came_in.inner_text())

    def wait_for_more_than(self, items: int) -> None:
        note = self.came_in.element_handle()
        self.book.page.wait_for_function(
            "([note, items]) => Number(note.textContent.replace(/\\D/g, '')) > items",
            arg=[note, items],
            timeout=120_000,
        )

    def press(self, name: str) -> None:
        self.cell.locator(f"button[data-do='{name}']").click()

    def says(self, words: str) -> None:
        self.cell.get_by_text(words).first.wait_for(timeout=120_000)


def numbers(book: Notebook) -> dict[str, object]:
    told: dict[str, object] = ast.literal_eval(book.text(book.add(TOTALS)))
    return told


def test_the_quickstart_is_run_watched_reloaded_and_drained(lab: Lab) -> None:
    book = lab.open(QUICKSTART, viewport={"width": 1360, "height": 1700})
    kinds = book.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.map(c => c.model.type)")
    code = [index for index, kind in enumerate(kinds) if kind == "code"]
    for index in code[:5]:
        book.run(index)
    console = Console(book, code[4])

    # It is live: well, and its numbers move.
    console.cell.get_by_text("Ready", exact=True).wait_for()
    console.wait_for_more_than(0)
    console.wait_for_more_than(console.items_in())
    book.screenshot("quickstart-light", of=console.cell)
    book.theme("dark")
    book.screenshot("quickstart-dark", of=console.cell)
    book.theme("light")

    # A change of the file is shown, then applied; a bad one is refused with the limit.
    settings = lab.root / "flights.toml"
    settings.write_text("schema_version = 1\nspeed = 86400\nleast_delay = 15\n")
    console.press("reload")
    console.says("least_delay")
    book.screenshot("quickstart-diff", of=console.cell)
    console.press("apply")
    console.says("configuration version 2")
    settings.write_text("schema_version = 1\nspeed = 86400\nleast_delay = 9999\n")
    console.press("close")
    console.press("reload")
    console.says("must be at most 600")
    book.screenshot("quickstart-refused", of=console.cell)
    assert numbers(book)["version"] == 2

    # The page is loaded anew: the console comes back, live.
    book.save()
    book.reload()
    book.show(code[4])
    console = Console(book, code[4])
    console.cell.get_by_text("Ready", exact=True).wait_for(timeout=120_000)
    console.wait_for_more_than(console.items_in())

    # Drained by the button, after asking; the console and the kernel agree.
    console.press("drain")
    console.says("Sources stop.")
    console.press("drain-now")
    console.says("Drained")
    console.says("nothing dropped")
    console.cell.locator(".sw-pill", has_text="Drained").wait_for()
    book.screenshot("quickstart-drained", of=console.cell)
    told = numbers(book)
    assert told["state"] == "stopped"
    assert told["left"] == 0
    assert console.items_in() == told["in"]
    trouble = console.cell.locator(".sw-tile", has_text="Refused items")
    assert number_in(trouble.locator(".sw-big").inner_text()) == told["errors"]
    assert trouble.locator(".sw-note").inner_text() == f"{told['late']:,} late · 0 dropped"

    assert book.problems == []
    book.shut_down()
