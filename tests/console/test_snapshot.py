"""The static twin: true, the same each time, and harmless."""

from __future__ import annotations

import asyncio
import base64
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

from streamweave_lab.console.snapshot import drawing, twin
from streamweave_lab.engine.status import Status
from tests.console.runs import HOSTILE, finished, waiting


class Tags(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def with_hostile_names(status: Status) -> Status:
    """The same document as if names were anything at all: they come from JSON where a run is far away."""
    document: dict[str, Any] = status.model_dump()
    document["graph"] = HOSTILE
    document["reasons"] = [HOSTILE]
    document["nodes"][0]["kind"] = HOSTILE
    document["nodes"][0]["items_out"] = {HOSTILE: 3}
    return Status(**document)


def test_a_finished_run_shows_its_account() -> None:
    text = Tags(twin(finished().status())).text
    assert "sieve" in text
    assert "Came to its end, nothing dropped" in text
    assert "check.error → bad.in" in text
    assert "100" in text
    assert "90" in text


def test_two_equal_runs_have_equal_twins() -> None:
    assert twin(finished().status()) == twin(finished().status())


def test_a_run_that_goes_on_shows_only_what_does_not_change() -> None:
    async def main() -> None:
        run = waiting().start()
        before = twin(run.status())
        await asyncio.sleep(0.02)
        await run.pause()
        assert twin(run.status()) == before
        assert "was going on when this was shown" in before
        await run.stop()

    asyncio.run(main())


def test_it_needs_no_script_and_no_network() -> None:
    page = twin(finished().status())
    found = Tags(page)
    assert found.tags <= {"div", "strong", "span", "img", "table", "thead", "tbody", "tr", "th", "td"}
    assert found.attributes <= {"style", "alt", "src"}
    assert re.findall(r'src="([^"]{11})', page) == ["data:image/"]


def test_hostile_names_stay_text() -> None:
    page = twin(with_hostile_names(finished().status()))
    found = Tags(page)
    assert "script" not in found.tags
    assert HOSTILE in found.text
    encoded = re.search(r"base64,([^\"]+)", page)
    assert encoded is not None
    svg = ElementTree.fromstring(base64.b64decode(encoded[1]))
    assert not [element for element in svg.iter() if element.tag.endswith("script")]


def test_the_drawing_tells_how_each_node_ended() -> None:
    page = drawing(finished().status())
    encoded = re.search(r"base64,([^\"]+)", page)
    assert encoded is not None
    svg = base64.b64decode(encoded[1]).decode()
    assert "100 items" in svg
    assert "90 items" in svg
