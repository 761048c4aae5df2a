"""The Status: complete, frozen, JSON, and stable as text."""

import asyncio

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


def test_a_status_has_every_field_of_every_part_in_its_order_and_its_type() -> None:
    status = ended_run().status()
    for part in (status, *status.nodes, *status.edges, status.loop):
        assert list(vars(part)) == list(type(part).model_fields)
        assert type(part).model_validate(part.model_dump(), strict=True).model_dump_json() == part.model_dump_json()


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


def test_a_failed_run_counts_what_its_node_had_in_hand() -> None:
    invert = sw.Map[int, float]("invert", lambda n: 12 / n)
    graph = sw.Graph("failing", sw.Replay("numbers", [1, 2, 0, 3]) >> invert >> sw.Count("end"))

    async def main() -> sw.LocalRun:
        run = graph.start()
        with pytest.raises(sw.errors.RunFailedError):
            await run.done()
        return run

    run = asyncio.run(main())
    status = run.status()
    assert [(node.name, node.state) for node in status.nodes] == [
        ("numbers", "ended"),
        ("invert", "failed"),
        ("end", "ended"),
    ]
    assert status.node("invert").dropped == run.dropped["invert"]
    left = sum(edge.dropped for edge in status.edges) + status.node("invert").dropped
    assert status.node("numbers").items_out["out"] == status.node("end").items_in["in"] + left


def test_late_items_that_an_unwired_port_drops_are_told_once() -> None:
    window = sw.Window("sums", sw.count(), sw.Tumbling(seconds=5))
    items = sw.Replay("times", [1.0, 20.0, 2.0, 3.0], time=float)
    status = sw.Graph("late", items >> window >> sw.Count("end")).run_to_end().status()
    assert (status.node("sums").late, status.node("sums").dropped) == (2, 2)
    assert [event.message for event in status.events if event.event == "node.late_dropped"] == [
        "sums drops late items, and counts them; draw sums.late to a sink to keep them"
    ]


def test_a_returned_item_is_not_lost_in_silence() -> None:
    class Twice(sw.Step[int, int]):
        def on_item(self, item: int) -> int:  # type: ignore[override]
            return item * 2

    graph = sw.Graph("twice", sw.Replay("numbers", [1]) >> Twice("twice") >> sw.Count("end"))
    with pytest.raises(sw.errors.RunFailedError, match="on_item returned 2; send it"):
        graph.run_to_end()
