from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from streamweave_lab.ops.metrics.families import FAMILIES, Family
from streamweave_lab.ops.metrics.folding import FOLDED, PORTS, VARIABLE
from streamweave_lab.ops.metrics.telemetry import LAST_SECONDS

PAGE = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()
RULES = (files("streamweave_lab.ops") / "alerts" / "streamweave.rules.yml").read_text()
SUFFIX = {"counter": "_total", "info": "_info"}


@pytest.mark.parametrize("family", [*FAMILIES, FOLDED], ids=lambda family: str(family.name))
def test_the_page_describes_every_family_as_it_is(family: Family) -> None:
    name = family.metric + SUFFIX.get(family.kind, "")
    otel = f"`{family.instrument}` {family.unit}".strip()
    labels = ", ".join(family.labels) or "–"
    assert f"| `{name}` | {family.kind} | {labels} | {otel} | {family.what} |" in PAGE


def test_the_page_has_no_family_that_is_gone() -> None:
    assert len(re.findall(r"^\| `streamweave_", PAGE, re.MULTILINE)) == len(FAMILIES) + 1


def test_the_page_has_every_alert_and_no_other() -> None:
    assert re.findall(r"^\| (Streamweave\w+) \|", PAGE, re.MULTILINE) == re.findall(r"- alert: (\w+)", RULES)


def test_the_page_has_the_limits_as_they_are() -> None:
    assert f"At most {PORTS} ports are told apart, or as many as `{VARIABLE}` says" in PAGE
    assert f"waits at most {LAST_SECONDS:g} seconds for the last push" in " ".join(PAGE.split())
