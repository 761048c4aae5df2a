"""The tables of `top`: nodes, edges and events, each cut to the lines there is room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from rich.table import Table
from rich.text import Text

from streamweave_lab.cli.top.parts import band, clock, fill_bar, percent, plain, rate, time_bar
from streamweave_lab.cli.top.rates import Seen, edge_name
from streamweave_lab.engine.status import EdgeStatus, EventStatus, NodeStatus

T = TypeVar("T")

STATES = {"busy": "cyan", "blocked": "yellow", "failed": "bold red", "ended": "bright_black", "idle": "bright_black"}
LEVELS = {"info": ("·", "bright_black"), "warning": ("!", "yellow"), "error": ("✗", "red")}
WIDE = 100
"""Columns from which bars are drawn at length."""


def nodes_table(seen: Seen, width: int, lines: int) -> Table:
    """A line a node, in the order of the flow."""
    bar = 24 if width >= WIDE else 10
    table = _table(
        ("NODE", {"ratio": 2, "no_wrap": True, "overflow": "ellipsis"}), ("STATE", {"width": 7}),
        ("IN/S", {"width": 7, "justify": "right"}), ("OUT/S", {"width": 7, "justify": "right"}),
        ("BUSY █ BLOCKED ▒" if width >= WIDE else "█ ▒", {"width": bar}),
        ("BUSY", {"width": 4, "justify": "right"}), ("BLKD", {"width": 4, "justify": "right"}),
        ("", {"ratio": 2, "no_wrap": True, "overflow": "ellipsis"}),
    )  # fmt: skip
    shown, more = chosen(seen.status.nodes, lines - 1, lambda node: _node_urgency(seen, node))
    for node in shown:
        did = seen.node(node.name)
        table.add_row(
            Text(plain(node.name), "bold"), Text(node.state, STATES[node.state]), rate(did.items_in),
            rate(did.items_out), time_bar(did.busy, did.blocked, bar), percent(did.busy),
            Text(percent(did.blocked), band(did.blocked)), _remarks(node),
        )  # fmt: skip
    return _told(table, more, "node")


def edges_table(seen: Seen, width: int, lines: int) -> Table:
    """A line an edge: what waits in it, and how long its sender had to wait for room."""
    table = _table(
        ("EDGE", {"ratio": 3, "no_wrap": True, "overflow": "ellipsis"}), ("", {"width": 24 if width >= WIDE else 10}),
        ("QUEUED", {"justify": "right", "width": 7}), ("CAPACITY", {"justify": "right", "width": 8}),
        ("BLKD", {"justify": "right", "width": 4}), ("", {"ratio": 1, "no_wrap": True, "overflow": "ellipsis"}),
    )  # fmt: skip
    shown, more = chosen(seen.status.edges, lines - 1, lambda edge: _edge_urgency(seen, edge))
    for edge in shown:
        fill, waited = _fill(edge), seen.edges.get(edge_name(edge), 0.0)
        table.add_row(
            Text(plain(f"{edge.source} → {edge.target}")), fill_bar(fill, 24 if width >= WIDE else 10, _colour(fill)),
            f"{edge.queued:,}", f"{edge.capacity:,}", Text(percent(waited), band(waited)), _dropped(edge),
        )  # fmt: skip
    return _told(table, more, "edge")


def events_table(events: Sequence[EventStatus], lines: int) -> Table:
    """The newest events, newest first."""
    table = _table(
        ("EVENTS", {"width": 8}), ("", {"width": 1}), ("", {"no_wrap": True}),
        ("", {"ratio": 1, "no_wrap": True, "overflow": "ellipsis"}),
    )  # fmt: skip
    for event in events[: max(0, lines - 1)]:
        mark, style = LEVELS[event.level]
        message = Text(plain(event.message))
        if event.by:
            message.append(f"  by {plain(event.by)}", "bright_black")
        if event.why:
            message.append(f"  ({plain(event.why)})", "bright_black")
        table.add_row(clock(event.at), Text(mark, style), Text(event.event, style), message)
    return table


def chosen(things: Sequence[T], lines: int, urgency: Callable[[T], Any]) -> tuple[list[T], int]:
    """As many as there are lines for, the most urgent, in their own order; and how many are left out."""
    if len(things) <= lines:
        return [*things], 0
    shown = max(1, lines - 1)  # the last line says how many there are beside them
    best = sorted(range(len(things)), key=lambda n: urgency(things[n]), reverse=True)[:shown]
    return [things[n] for n in sorted(best)], len(things) - shown if lines > 1 else 0


def _node_urgency(seen: Seen, node: NodeStatus) -> tuple[bool, bool, float, float]:
    did = seen.node(node.name)
    held = node.name == seen.status.frontier_held_by
    return node.state == "failed", held or node.errors > 0, did.blocked, did.busy


def _edge_urgency(seen: Seen, edge: EdgeStatus) -> tuple[bool, bool, float, float]:
    return edge.blocked, edge.dropped > 0, seen.edges.get(edge_name(edge), 0.0), _fill(edge)


def _fill(edge: EdgeStatus) -> float:
    return edge.queued / edge.capacity if edge.capacity else 0.0


def _colour(fill: float) -> str:
    return "red" if fill >= 0.9 else "yellow" if fill >= 0.5 else "green"


def _remarks(node: NodeStatus) -> Text:
    """What is out of the ordinary."""
    said = Text()
    counts = (
        (node.errors, "errors", "red"), (node.restarts, "restarts", "yellow"), (node.late, "late", "yellow"),
        (node.dropped, "dropped", "red"), (node.held, "held", ""), (node.backlog or 0, "waiting outside", ""),
    )  # fmt: skip
    for count, what, style in counts:
        if count:
            said.append(" · " if said else "").append(f"{count:,} {what}", style)
    return said


def _dropped(edge: EdgeStatus) -> Text:
    return Text(f"{edge.dropped:,} dropped" if edge.dropped else "", "red")


def _table(*columns: tuple[str, dict[str, Any]]) -> Table:
    table = Table(box=None, expand=True, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold bright_black")
    for title, how in columns:
        table.add_column(title, **how)
    return table


def _told(table: Table, more: int, what: str) -> Table:
    if more:
        table.add_row(Text(f"… {more} more {what}{'s' if more > 1 else ''}", "bright_black"))
    return table


__all__ = ["chosen", "edges_table", "events_table", "nodes_table"]
