"""Try a checkpoint out: would this graph go on from it, and what would it do? Nothing outside is changed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from streamweave_lab.clock import VirtualClock
from streamweave_lab.engine.checkpoints import changed_nodes, kept_in
from streamweave_lab.engine.shadow import Shadow, shadow_of
from streamweave_lab.errors import StateError
from streamweave_lab.graph.node import Sink
from streamweave_lab.graph.source import Source
from streamweave_lab.operators.ends import Collect, Count, Latest
from streamweave_lab.state.codec import encode
from streamweave_lab.state.store import Checkpoint

if TYPE_CHECKING:
    from streamweave_lab.config.model import Config
    from streamweave_lab.engine.kept import Kept
    from streamweave_lab.graph.graph import Graph
    from streamweave_lab.graph.node import Node

Outcome = Literal["restored", "readable", "stateless", "differs", "failed"]


_KEEPERS = (Collect, Latest, Count)
"""Sinks that keep what comes to them in the run, and touch nothing else."""


@dataclass(frozen=True)
class Rehearsal:
    """What became of each node. `ready` if the graph would go on from the checkpoint."""

    ready: bool
    outcomes: dict[str, Outcome]
    """By node: "restored" and the same again; "readable", which is all that is tried of nodes that touch what is
    outside (sources, most sinks, logic that is awaited); "stateless"; "differs" after it was restored; "failed"."""
    problems: tuple[str, ...]
    """A sentence for everything that stands in the way, or that will be different."""
    shadow: Shadow | None = None
    """What the next items would have done, where that was asked for."""


def rehearse(
    graph: Graph, checkpoint: Checkpoint, *, items: int = 0, config: Config | None = None, allow_changed: bool = False
) -> Rehearsal:
    """Restore the state of every node into a copy of it, let it snapshot again, and compare.

    Nodes that touch what is outside are not opened: their state is decoded, and migrated where that is due. A source
    that knows how many items it has fails where there are fewer than had come.

    With `items` a shadow run follows, if the graph is ready: so many items of each source that can be replayed go
    through copies of the nodes, from the checkpoint on, in virtual time. Those sources are opened and read. Sinks are
    replaced by counters, and nodes whose logic is awaited (MapAsync) are left out; `Rehearsal.shadow` names them. The
    functions of all other steps are called, so they must not act on the outside themselves. If the shadow run fails,
    the graph is not ready. `config` is what the nodes are configured with.
    With `allow_changed` nodes that are new or gone are told, and do not stand in the way, as in `start`.
    """
    if not isinstance(checkpoint, Checkpoint):
        raise TypeError(f"rehearse takes a checkpoint, such as store.latest({graph.name!r}), not {checkpoint!r}")
    changes = changed_nodes(checkpoint, graph)
    problems = [f"nodes {change}" for change in changes]
    try:
        kept = kept_in(checkpoint, graph, allow_changed=True)
    except StateError as error:
        return Rehearsal(False, {}, (*problems, str(error)))
    outcomes: dict[str, Outcome] = {}
    for name, each in kept.items():
        outcomes[name], problem = _tried(graph[name], each, config)
        if problem:
            problems.append(problem if problem.startswith(f"{name}: ") else f"{name}: {problem}")
    ready = not {"failed", "differs"} & set(outcomes.values()) and (allow_changed or not changes)
    shadow = shadow_of(graph, kept, items, config) if ready and items > 0 else None
    if shadow is not None and shadow.failed:
        ready = False
        problems.append(f"the shadow run failed in {shadow.failed}")
    return Rehearsal(ready, outcomes, tuple(problems), shadow)


def _tried(drawn: Node, kept: Kept, config: Config | None) -> tuple[Outcome, str]:
    state = kept.state
    if isinstance(drawn, Source) and drawn.total is not None and (kept.position or 0) > drawn.total:
        return "failed", f"it has only {drawn.total} items, and the checkpoint was taken after {kept.position}"
    if state is None:
        return "stateless", ""
    try:
        state = drawn.brought_up(state, kept.version)
        if isinstance(drawn, Source) or drawn.awaits or (isinstance(drawn, Sink) and type(drawn) not in _KEEPERS):
            return "readable", ""
        again = _restored(drawn, state, config)
    except StateError as error:
        return "failed", str(error)
    except Exception as error:
        return "failed", repr(error)
    if encode(again) != encode(state):
        where = difference(state, again)
        return "differs", f"what it keeps after it was restored is not what it was restored from: {where}"
    return "restored", ""


def _restored(drawn: Node, state: Any, config: Config | None) -> Any:
    node = copy.copy(drawn)
    node._outbox, node._emitted, node.clock = _Nowhere(), {}, VirtualClock()
    node.opened()
    try:
        node.restore(copy.deepcopy(state))  # a node may go on working on what it was given
        if config is not None:
            node.configure(config)
        return node.snapshot()
    finally:
        node.closed()


def difference(before: Any, after: Any, place: str = "it") -> str:
    """Where two values differ first. No values are shown: a state has items in it."""
    if type(before) is not type(after):
        return f"{place} is of type {type(after).__name__} instead of {type(before).__name__}"
    if isinstance(before, dict):
        for key in before:
            if key not in after:
                return f"{place} has no {key!r} any more"
            if found := difference(before[key], after[key], f"{place}[{key!r}]"):
                return found
        more = [key for key in after if key not in before]
        return f"{place} has {more[0]!r}, which is new" if more else ""
    if isinstance(before, list | tuple):
        if len(before) != len(after):
            return f"{place} has {len(after)} entries instead of {len(before)}"
        pairs = enumerate(zip(before, after, strict=True))
        return next(filter(None, (difference(one, other, f"{place}[{n}]") for n, (one, other) in pairs)), "")
    return "" if encode(before) == encode(after) else f"{place} has another value"


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

    def let_go(self, time: float, first: Callable[[], None]) -> None:
        """Nobody is told."""
