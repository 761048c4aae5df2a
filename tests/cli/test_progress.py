from __future__ import annotations

import asyncio
import io

from rich.console import Console

from streamweave_lab.cli.progress import Bar, Lines, facts, position_of, progress_view, watch
from streamweave_lab.engine.status import NodeStatus, Status
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Count, Replay


def source(name: str, position: int, total: int | None) -> NodeStatus:
    return NodeStatus(
        name=name, kind="Replay", role="source", state="busy", items_in={}, items_out={"out": position},
        position=position, total=total,
    )  # fmt: skip


def status(*sources: NodeStatus, state: str = "running", frontier: float | None = None) -> Status:
    fields = {"graph": "g", "state": state, "ready": True, "reasons": (), "host": "loop", "taken_at": 0.0}
    return Status.model_validate(fields | {"uptime": 2.0, "frontier": frontier, "nodes": sources, "edges": ()})


def console(terminal: bool = False) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=100)


def written(to: Console) -> str:
    assert isinstance(to.file, io.StringIO)
    return to.file.getvalue()


def test_the_way_is_the_sum_over_the_sources_and_unknown_if_one_does_not_know() -> None:
    assert position_of(status(source("a", 10, 100), source("b", 5, 50))) == (15, 150)
    assert position_of(status(source("a", 10, 100), source("b", 5, None))) == (15, None)


def test_facts_are_items_rate_and_event_time() -> None:
    assert facts(status(source("a", 1000, 5000), frontier=0.0)) == "1,000 of 5,000 items, 500/s, up to 1970-01-01 00:00"
    assert facts(status(source("a", 0, None))) == "0 items"
    assert facts(status(source("a", 2, 2), frontier=float("inf"))) == "2 of 2 items, 1/s"


def test_the_rate_is_that_of_this_process_and_not_of_what_came_before_it_went_on() -> None:
    resumed = source("a", 21_000, 50_000).model_copy(update={"items_out": {"out": 1000}})
    assert facts(status(resumed)) == "21,000 of 50,000 items, 500/s"
    nothing_yet = source("a", 21_000, None).model_copy(update={"items_out": {"out": 0}})
    assert facts(status(nothing_yet)) == "21,000 items"


def test_without_a_terminal_there_is_a_line_for_each_tenth_and_each_state() -> None:
    to = console()
    lines = progress_view(to)
    assert isinstance(lines, Lines)
    for position in (0, 1, 9, 10, 11, 55, 100):
        lines.show(status(source("a", position, 100)))
    lines.show(status(source("a", 100, 100), state="stopped"))
    assert [line.partition(":")[0] + line[line.rfind(" (") :] for line in written(to).splitlines()] == [
        "g running (0%)",
        "g running (10%)",
        "g running (55%)",
        "g running (100%)",
        "g stopped (100%)",
    ]


def test_a_terminal_has_a_bar() -> None:
    to = console(terminal=True)
    view = progress_view(to)
    assert isinstance(view, Bar)
    with view:
        view.show(status(source("a", 50, 100)))
    shown = written(to)
    assert "━━" in shown
    assert "50%" in shown
    assert "50 of 100 items, 25/s" in shown


def test_watching_ends_with_the_run_and_shows_its_end() -> None:
    async def watched() -> str:
        to = console()
        await watch(Graph("g", Replay("r", range(1000)) >> Count("c")).start(), Lines(to))
        return written(to)

    assert "g stopped: 1,000 of 1,000 items" in asyncio.run(watched())
