"""The Status: complete, frozen, JSON, and stable as text."""

import pytest
from pydantic import ValidationError

import streamweave_lab as sw
from streamweave_lab.engine.status import STATUS_VERSION


def ended_run() -> sw.LocalRun:
    invert = sw.Map[int, float]("invert", lambda n: 12 / n)
    good, bad = sw.Collect[float]("good"), sw.Count("bad")
    return sw.Graph("twelve", sw.Replay("numbers", [0, 1, 2, 0]) >> invert >> good, invert.error >> bad).run_to_end()


def test_a_status_is_a_few_lines_of_text_without_clocks_and_rates() -> None:
    assert str(ended_run().status()) == (
        "twelve: stopped\n"
        "  numbers  Replay   ended  out 4\n"
        "  invert   Map      ended  in 4 · out 2, error 2 · 2 errors\n"
        "  good     Collect  ended  in 2\n"
        "  bad      Count    ended  in 2"
    )


def test_a_status_survives_json() -> None:
    status = ended_run().status()
    assert sw.Status.model_validate_json(status.model_dump_json()) == status
    assert status.status_version == STATUS_VERSION


def test_a_status_cannot_be_changed() -> None:
    status = ended_run().status()
    with pytest.raises(ValidationError, match="frozen"):
        status.ready = True  # type: ignore[misc]


def test_nodes_and_edges_are_found_by_name() -> None:
    status = ended_run().status()
    assert status.node("invert").errors == 2
    assert status.edge("invert.error", "bad.in").received == 2
    with pytest.raises(KeyError):
        status.node("nobody")
