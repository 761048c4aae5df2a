"""Why a run is as it is, in sentences, each with the facts beside it: pure functions of a Status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any

from streamweave_lab.engine.status import NodeStatus, Status
from streamweave_lab.ops.explain.explanation import Explanation
from streamweave_lab.ops.explain.flow import blocked_edges, bottleneck, edge_facts, stuck
from streamweave_lab.ops.explain.frontier import frontier
from streamweave_lab.ops.explain.trouble import checkpoint, trouble

QUESTIONS = {
    "frontier": "Why does the frontier stand where it is?",
    "bottleneck": "What is the bottleneck?",
    "ready": "Is it ready?",
    "pause": "What does the pause cost?",
    "trouble": "Which nodes are in trouble?",
    "checkpoint": "What is wrong with checkpoints?",
}


@dataclass(frozen=True)
class Explained:
    """What can be said of one run. As text it has no clocks: those are among the facts."""

    graph: str
    explanations: tuple[Explanation, ...] = field(default=())

    def of(self, question: str) -> tuple[Explanation, ...]:
        """The answers to one question.

        "frontier", "bottleneck", "ready"; "pause" while paused; "trouble" and "checkpoint" if there is any.
        """
        return tuple(each for each in self.explanations if each.question == question)

    def __str__(self) -> str:
        width = max((len(each.question) for each in self.explanations), default=0)
        return "\n".join([self.graph, *(f"  {e.question.ljust(width)}  {e.sentence}" for e in self.explanations)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th style="text-align:left">{escape(QUESTIONS.get(each.question, each.question))}</th>'
            f'<td style="text-align:left">{escape(each.sentence)}{_facts_as_html(each.facts)}</td></tr>'
            for each in self.explanations
        )
        return f"<table><caption>{escape(self.graph)}</caption><tbody>{rows}</tbody></table>"


def explain(status: Status) -> Explained:
    """Why the frontier stands, what the bottleneck is, why it is not ready, what a pause costs, what hangs or fails."""
    always = (frontier(status), bottleneck(status), *_ready(status))
    return Explained(status.graph, (*always, *_pause(status), *trouble(status), *checkpoint(status)))


def _ready(status: Status) -> Iterator[Explanation]:
    if status.ready:
        said = f"{status.graph} is ready: it runs, its event loop answers, and items can move"
        yield Explanation("ready", said, {"cause": "none", "state": status.state})
        return
    if status.state != "running":
        yield _state(status)
    if status.loop.stalled_seconds:
        by = status.loop.blocked_by or "something"
        facts = {"cause": "stalled loop", "blocked_by": by, "seconds": status.loop.stalled_seconds}
        yield Explanation("ready", f"the event loop does not answer: {by} blocks it", facts)
    elif status.state == "running" and stuck(status):
        edges = {name: edge_facts(status, name) for name in blocked_edges(status)}
        remedy = "give them more capacity, as (a >> b).capacity(n) does"
        said = f"nothing can move: {', '.join(edges)} wait for each other; {remedy}"
        yield Explanation("ready", said, {"cause": "blocked edge", "edges": edges})
    elif status.state == "running":
        cause = "starting" if status.reasons and status.reasons[0].startswith("starting") else "other"
        yield Explanation("ready", "; ".join(status.reasons) or "it does not say why", {"cause": cause})


def _state(status: Status) -> Explanation:
    facts: dict[str, Any] = {"cause": status.state, "reasons": list(status.reasons)}
    if status.state == "failed":
        dropped = {f"{edge.source} -> {edge.target}": edge.dropped for edge in status.edges if edge.dropped}
        node = next((node.name for node in status.nodes if node.state == "failed"), None)
        facts |= {"cause": "failed node", "node": node, "dropped": dropped}
        _, _, error = status.reasons[0].partition(": ") if status.reasons else ("", "", "a node failed")
        return Explanation("ready", f"the run has failed: {error}", facts)
    if status.state == "paused":
        facts |= {"cause": "pause", "seconds": status.pause.seconds if status.pause else None}
        return Explanation("ready", "the run is paused: nothing flows until it is resumed or stepped", facts)
    if status.state == "draining" and status.drain is not None:
        held = {node.name: node.held for node in status.nodes if node.held}
        queued = {f"{edge.source} -> {edge.target}": edge.queued for edge in status.edges if edge.queued}
        facts |= {"cause": "drain", "phase": status.drain.phase, "seconds": status.drain.seconds}
        facts |= {"held": held, "queued": queued}
        by = f", and {', '.join(held)} still holds items" if held else ""
        return Explanation("ready", f"the run drains: it is in the phase {status.drain.phase!r}{by}", facts)
    said = {
        "stopped": "the run has stopped",
        "created": "the run has not been started",
        "suspending": "the run is being suspended",
        "starting": status.reasons[0] if status.reasons else "the run is starting",
    }
    return Explanation("ready", said.get(status.state, f"the run is {status.state}"), facts)


def _pause(status: Status) -> Iterator[Explanation]:
    if status.state != "paused" or status.pause is None:
        return
    costs = [each for node in status.nodes if node.role == "source" for each in _cost(status, node)]
    nothing = Explanation("pause", "no source waits: the pause has cost nothing so far", {"cause": "none"})
    yield from costs or [nothing]


def _cost(status: Status, node: NodeStatus) -> Iterator[Explanation]:
    """What the pause does to one source."""
    assert status.pause is not None  # noqa: S101 - the caller has looked
    name, grown = node.name, status.pause.grown.get(node.name)
    facts: dict[str, Any] = {
        "source": name,
        "state": node.state,
        "position": node.position,
        "backlog": node.backlog,
        "grown": grown,
    }
    facts["seconds"] = status.pause.seconds
    waits = None if node.backlog is None else f"{node.backlog:,} {'item waits' if node.backlog == 1 else 'items wait'}"
    if grown:
        said = f"{name} falls behind: {waits} outside, {grown:,} more than when the pause began"
        yield Explanation("pause", said, {"cause": "falling behind"} | facts)
    elif any(reason.startswith(f"{name} has items in hand") for reason in status.reasons):
        yield Explanation("pause", f"{name} has items in hand that it cannot send", {"cause": "held source"} | facts)
    elif node.state == "blocked":
        said = f"{name} has items, and no room for them: it was blocked before the pause"
        said += f"; {waits} outside" if node.backlog else ""
        yield Explanation("pause", said, {"cause": "blocked source"} | facts)
    elif node.backlog:
        said = f"{name} is not asked: {waits} outside, no more than when the pause began"
        yield Explanation("pause", said, {"cause": "not asked"} | facts)
    elif node.backlog is None and node.state != "ended":
        said = f"{name} is not asked, and how many items wait outside is not known of it"
        if node.total is not None and node.position is not None:
            said = f"{name} is not asked: {node.total - node.position:,} of its {node.total:,} items are still to come"
        yield Explanation("pause", said, {"cause": "not asked"} | facts)


def _facts_as_html(facts: dict[str, Any]) -> str:
    said = "; ".join(f"{key}: {_plain(value)}" for key, value in facts.items() if value not in (None, {}, []))
    return f"<br><small>{escape(said)}</small>" if said else ""


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.15g}" if value.is_integer() else f"{value:.3f}"
    return value if isinstance(value, str) else json.dumps(value)


__all__ = ["QUESTIONS", "Explained", "Explanation", "explain"]
