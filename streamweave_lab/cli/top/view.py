"""One frame of `top`, made of what was seen: a pure function, tested without a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from streamweave_lab.cli.top.parts import duration, instant, plain
from streamweave_lab.cli.top.rates import Seen
from streamweave_lab.cli.top.tables import edges_table, events_table, nodes_table
from streamweave_lab.engine.status import Status

UNLIMITED = 10_000
"""Lines, where a frame is not for a screen."""

LEAST_EVENTS, LEAST_EDGES = 3, 4
"""Lines that these keep when there are many nodes, the heading included."""


def frame(seen: Seen, width: int, height: int = UNLIMITED, footer: Text | None = None) -> RenderableType:
    """All of it in `height` lines: the header, nodes, edges, events, and the footer in the last line."""
    head = header(seen.status, width)
    below = [] if footer is None else [footer]
    room = height - len(head) - len(below) - 2  # a blank line before edges and before events
    nodes, edges, events = allotted(room, len(seen.status.nodes), len(seen.status.edges), len(seen.status.events))
    body: list[RenderableType] = [nodes_table(seen, width, nodes)]
    if edges > 1:
        body += [Text(), edges_table(seen, width, edges)]
    if events > 1:
        body += [Text(), events_table(seen.status.events, events)]
    if footer is not None:
        drawn = len(head) + _lines(nodes, len(seen.status.nodes)) + len(below)
        drawn += 1 + _lines(edges, len(seen.status.edges)) if edges > 1 else 0
        drawn += 1 + _lines(events, len(seen.status.events)) if events > 1 else 0
        body += [Text()] * max(0, height - drawn)
    return Group(*head, *body, *below)


def allotted(room: int, nodes: int, edges: int, events: int) -> tuple[int, int, int]:
    """How many of `room` lines the nodes, edges and events get; each wants a heading, and has fewer if it is short."""
    for_events = min(LEAST_EVENTS, events + 1)
    for_edges = min(LEAST_EDGES, edges + 1)
    for_nodes = min(nodes + 1, max(2, room - for_events - for_edges))
    for_edges = min(edges + 1, max(0, room - for_events - for_nodes))
    return for_nodes, for_edges, min(events + 1, max(0, room - for_nodes - for_edges))


def header(status: Status, width: int) -> list[Text]:
    """Is it well, how far has it come, where does it pinch: a line each."""
    lines = [_first(status), *_reasons(status), _progress(status)]
    if status.bottleneck:
        lines.append(_line("pinch", plain(status.bottleneck)))
    lines += _checkpoint(status)
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return [*lines, Text()]


def _first(status: Status) -> Text:
    line = Text.assemble((f" {plain(status.graph)} ", "bold reverse"), " ")
    ready = ("● ready", "bold green") if status.ready else ("▲ not ready", "bold red")
    if status.state in ("stopped", "failed"):
        ready = (f"■ {status.state}", "bold red" if status.state == "failed" else "bold")
    line.append(*ready)
    if status.state not in ("running", "stopped", "failed"):
        line.append(f" · {status.state}", "yellow")
    line.append(f" · up {duration(status.uptime)}")
    if status.config:
        line.append(f" · configuration {status.config.version}")
    if status.loop.lag_seconds > 0.1:
        line.append(f" · loop {duration(status.loop.lag_seconds)} late", "yellow")
    stale = status.stale_seconds
    if stale is not None:
        line.append(f" · not heard of for {duration(stale)}", "bold red")
    return line


def _reasons(status: Status) -> list[Text]:
    said = [reason for reason in status.reasons if reason != status.state]
    lines = [_line("because", plain(reason), "red") for reason in said[:3]]
    if status.drain is not None and status.state == "draining":
        phase = f"{status.drain.phase}, {duration(status.drain.seconds)} so far"
        lines.append(_line("drain", phase, "yellow"))
    return lines


def _progress(status: Status) -> Text:
    if status.frontier is None:
        return _line("frontier", "none: no event time has been completed")
    said = instant(status.frontier)
    if status.lag is not None and status.state not in ("stopped", "failed"):
        said += f" · {duration(status.lag)} behind the newest"
    if status.frontier_held_by:
        said += f" · held by {plain(status.frontier_held_by)}"
    return _line("frontier", said)


def _checkpoint(status: Status) -> list[Text]:
    kept = status.checkpoint
    if kept is None:
        return []
    if kept.problem:
        return [_line("checkpoint", f"failed: {plain(kept.problem)}", "red")]
    if kept.last_at is None:
        return [_line("checkpoint", "none yet")]
    return [_line("checkpoint", f"{kept.last_id}, {duration(max(0.0, status.taken_at - kept.last_at))} old")]


def _line(label: str, said: str, style: str = "default") -> Text:
    return Text.assemble((f"{label:11}", "bright_black"), (said, style))


def _lines(given: int, things: int) -> int:
    return min(given, things + 1)


__all__ = ["allotted", "frame", "header"]
