"""The two Bokeh figures as they are sent to the browser."""

from __future__ import annotations

import json

import streamweave_lab as sw
from streamweave_lab.console import charts
from tests.console.runs import finished


def test_both_figures_are_json_with_empty_sources_named_as_they_are() -> None:
    made = charts.documents(finished().status())
    text = json.dumps(made)
    assert '"name": "throughput"' in text
    assert '"name": "frontier"' in text
    assert '"node3"' in text  # a column for each of four nodes
    assert '"node4"' not in text


def test_event_time_is_a_date_from_1973_on() -> None:
    dated = sw.Graph("dated", sw.Replay("r", [1_357_020_000.0], time=float) >> sw.Count("c")).run_to_end()
    assert charts.is_date(dated.status())
    assert not charts.is_date(finished().status())


def test_bokeh_comes_from_the_package_itself() -> None:
    assert b"Bokeh" in charts.library()


def test_items_without_event_time_have_no_frontier_to_draw() -> None:
    timeless = sw.Graph("timeless", sw.Replay("r", [1]) >> sw.Count("c")).run_to_end()
    assert charts.documents(timeless.status())["frontier"] is None
