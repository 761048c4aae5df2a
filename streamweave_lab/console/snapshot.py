"""The console's static twin: tables and a drawing that need no script, made from a Status alone."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from streamweave_lab.console.ending import counted, dropped, ending
from streamweave_lab.graph.drawing import NodeLook, States, Tone, image
from streamweave_lab.graph.shape import EdgeShape, GraphShape, NodeShape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamweave_lab.console.ending import Ending
    from streamweave_lab.engine.status import NodeStatus, Status

WIDGET = "application/vnd.jupyter.widget-view+json"

# Inline styles, for a page that does not trust a notebook drops all others. Colours that both grounds bear.
_BOX = "font-family:system-ui,sans-serif;font-size:13px;line-height:1.5"
_TABLES = "display:flex;flex-wrap:wrap;gap:0 56px;align-items:flex-start"
_TABLE = "border-collapse:collapse;margin:8px 0;font-size:12px;color:inherit"
_LEFT = "text-align:left;padding:3px 16px 3px 0;border-bottom:1px solid rgba(128,128,128,.35)"
_RIGHT = _LEFT.replace("left", "right", 1) + ";font-variant-numeric:tabular-nums"
_QUIET = "opacity:.75"
_SIGNS = {"ok": "✓", "ended": "■", "paused": "❚❚", "short": "▲", "failed": "✕"}


def twin(status: Status) -> str:
    """The run as HTML for a page without a kernel.

    A run that goes on shows only what does not change; one that has ended its account: items, errors, late and
    dropped ones. There are no clocks and rates in it, so it is the same whenever the same items went through.
    """
    over = ending(status)
    parts = [_title(status, over), f'<div style="margin:8px 0">{drawing(status, states=over is not None)}</div>']
    if over:
        parts.append(f'<div style="{_TABLES}">{_ports(status)}{_edges(status)}</div>')
    return f'<div style="{_BOX}">{"".join(parts)}</div>'


def drawing(status: Status, *, states: bool = True) -> str:
    """The graph of a run as an HTML image, with what each node has come to."""
    shape = GraphShape(
        status.graph,
        tuple(NodeShape(node.name, node.kind, node.role) for node in status.nodes),
        tuple(EdgeShape(edge.source, edge.target) for edge in status.edges),
    )
    looks = {node.name: NodeLook(_tone(node), _caption(node)) for node in status.nodes} if states else {}
    return image(shape, States(nodes=looks))


def _tone(node: NodeStatus) -> Tone:
    return "failed" if node.state == "failed" else "ended"


def _caption(node: NodeStatus) -> str:
    items = sum((node.items_out if node.role == "source" else node.items_in).values())
    return counted(items, "item")


def _title(status: Status, over: Ending | None) -> str:
    name = f"<strong>{escape(status.graph)}</strong>"
    if over is None:
        said = "was going on when this was shown"
        if status.stale_seconds is not None:
            said = f"was {status.state} when it was last heard of, {status.stale_seconds:,.0f} s before this was shown"
        return f'{name} <span style="{_QUIET}">{said}; this is its graph.</span>'
    lost = "" if dropped(status) else ", nothing dropped"
    said = f"{over.word}{lost}" + (f". {over.sentence}" if over.sentence else "")
    return f"{name} {_SIGNS[over.tone]} {escape(said)}"


def _ports(status: Status) -> str:
    rows, wired = [], {edge.source for edge in status.edges}
    for node in status.nodes:
        ports = [(port, "in", n) for port, n in node.items_in.items()]
        ports += [(port, "out", n) for port, n in node.items_out.items() if n or f"{node.name}.{port}" in wired]
        for i, (port, way, items) in enumerate(ports):
            once = [node.name, node.kind] if i == 0 else ["", ""]
            counts = [f"{node.errors:,}", f"{node.late:,}"] if i == 0 else ["", ""]
            rows.append([*once, f"→ {port}" if way == "in" else f"{port} →", f"{items:,}", *counts])
    return _table(["node", "kind", "port", "items", "errors", "late"], rows, numbers_from=3)


def _edges(status: Status) -> str:
    rows = [[f"{e.source} → {e.target}", f"{e.sent:,}", f"{e.received:,}", f"{e.dropped:,}"] for e in status.edges]
    return _table(["edge", "sent", "received", "dropped"], rows, numbers_from=1)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers_from: int) -> str:
    def cells(row: Sequence[str], tag: str) -> str:
        styles = [_LEFT if i < numbers_from else _RIGHT for i in range(len(row))]
        return "".join(
            f'<{tag} style="{style}">{escape(cell)}</{tag}>' for style, cell in zip(styles, row, strict=True)
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f'<table style="{_TABLE}"><thead><tr>{cells(head, "th")}</tr></thead><tbody>{body}</tbody></table>'
