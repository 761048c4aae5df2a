"""Try a checkpoint out: would this graph go on from it? Nothing runs, and nothing outside is touched."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from streamweave_lab.clock import VirtualClock
from streamweave_lab.engine.checkpoints import changed_nodes, kept_in
from streamweave_lab.errors import StateError
from streamweave_lab.graph.node import Sink, Source
from streamweave_lab.state.codec import encode

if TYPE_CHECKING:
    from streamweave_lab.engine.kept import Kept
    from streamweave_lab.graph.graph import Graph
    from streamweave_lab.graph.node import Node
    from streamweave_lab.state.store import Checkpoint

Outcome = Literal["restored", "readable", "stateless", "differs", "failed"]


@dataclass(frozen=True)
class Rehearsal:
    """What became of each node. `ready` if the graph would go on from the checkpoint."""

    ready: bool
    outcomes: dict[str, Outcome]
    """By node: "restored" and the same again; "readable", which is all that is tried of sources and sinks, as these
    touch what is outside; "stateless"; "differs" after it was restored; "failed"."""
    problems: tuple[str, ...]
    """A sentence for everything that stands in the way, or that will be different."""


def rehearse(graph: Graph, checkpoint: Checkpoint) -> Rehearsal:
    """Restore the state of every step into a copy of its node, let it snapshot again, and compare.

    Sources and sinks are not opened: their state is decoded, and migrated where that is due. A source that knows how
    many items it has fails where there are fewer than had come.
    """
    problems = [f"nodes {change}" for change in changed_nodes(checkpoint, graph)]
    try:
        kept = kept_in(checkpoint, graph, allow_changed=True)
    except StateError as error:
        return Rehearsal(False, {}, (*problems, str(error)))
    outcomes: dict[str, Outcome] = {}
    for name, each in kept.items():
        outcomes[name], problem = _tried(graph[name], each)
        if problem:
            problems.append(f"{name}: {problem}")
    bad = {"failed", "differs"} & set(outcomes.values())
    return Rehearsal(not bad and not changed_nodes(checkpoint, graph), outcomes, tuple(problems))


def _tried(drawn: Node, kept: Kept) -> tuple[Outcome, str]:
    state = kept.state
    if isinstance(drawn, Source) and drawn.total is not None and (kept.position or 0) > drawn.total:
        return "failed", f"it has only {drawn.total} items, and the checkpoint was taken after {kept.position}"
    if state is None:
        return "stateless", ""
    try:
        state = drawn.brought_up(state, kept.version)
        if isinstance(drawn, Source | Sink):
            return "readable", ""
        again = _restored(drawn, state)
    except Exception as error:
        return "failed", repr(error)
    if encode(again) != encode(state):
        return "differs", "what it keeps after it was restored is not what it was restored from"
    return "restored", ""


def _restored(drawn: Node, state: Any) -> Any:
    node = copy.copy(drawn)
    node._outbox, node._emitted, node.clock = _Nowhere(), {}, VirtualClock()
    node.opened()
    node.restore(state)
    again = node.snapshot()
    node.closed()
    return again


class _Nowhere:
    """An Outbox that lets nothing out."""

    def send(self, port: str, items: list[Any], times: list[float] | None) -> None:
        """Nothing is sent in a rehearsal."""

    def refuse(self, item: Any, error: BaseException, time: float | None) -> None:
        """Nothing is refused."""

    def late(self, items: list[Any], times: list[float]) -> None:
        """Nothing is late."""

    def wake_at(self, when: float) -> None:
        """Nobody is woken."""

    def enough(self) -> None:
        """Nothing comes anyway."""
