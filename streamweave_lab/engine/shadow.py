"""A shadow run: a bounded number of items through copies of a graph's nodes, with nothing coming out of it."""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Any

from streamweave_lab.clock import VirtualClock
from streamweave_lab.engine.core import Core
from streamweave_lab.engine.host import VirtualHost
from streamweave_lab.graph.node import Node, Sink, Step
from streamweave_lab.graph.source import END, AsyncSource, Poll, Source, Wait

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamweave_lab.config.model import Config
    from streamweave_lab.engine.kept import Kept
    from streamweave_lab.graph.batch import Batch, Failure
    from streamweave_lab.graph.graph import Graph

_BATCH = 256
_QUIET = 100
"""Answers of a source without an item, one after the other, that mean that there is nothing more now."""
_JUMPS = 100_000
_LONG = 1e9
_SHOWN = 3


@dataclass(frozen=True)
class Shadow:
    """What a shadow run did. Items are as the graph shows them (`redact=`), and of each sink the first 3."""

    came_in: dict[str, int]
    """By source: items brought in, at most as many as were asked for."""
    would_come_out: dict[str, int]
    """By sink: items that came to it."""
    first: dict[str, tuple[str, ...]]
    refused: dict[str, int]
    """By node: items it refused."""
    late: dict[str, int]
    not_run: dict[str, str]
    """By node: why it was left out. What would come from it did not come."""
    failed: str | None
    """How the run would fail; None if it went well."""
    replaced: tuple[str, ...] = field(default=())
    """Sinks, for which something stood in that only counts."""


class _StandIn(Node):
    """Takes what comes to a node, and counts it."""

    counted = 0
    shown: list[tuple[str, Any]]

    def opened(self) -> None:
        self.counted, self.shown = 0, []

    def on_batch(self, port: str, batch: Batch) -> None:
        """Count."""
        self.counted += len(batch.items)
        self.shown += [(port, item) for item in batch.items[: _SHOWN - len(self.shown)]]


class _Sink(_StandIn, Sink[Any]):
    """Stands in for a sink."""


class _Step(_StandIn, Step[Any, Any]):
    """Stands in for a step that touches the outside."""


class _Silent(Source[Any]):
    """Stands in for a source that cannot be replayed."""

    def poll(self, limit: int) -> Poll[Any]:
        """Nothing."""
        return Wait(_LONG)

    def seek(self, position: int) -> None:
        """Nowhere."""


def shadow_of(graph: Graph, kept: Mapping[str, Kept], items: int, config: Config | None) -> Shadow:
    """Let at most `items` items of each source that can be replayed through copies of the nodes of `graph`.

    Time is virtual. Sinks are replaced, nodes whose logic is awaited and sources that cannot be replayed left out;
    the functions of all other steps are called.
    """
    not_run = {name: why for name, node in graph.nodes.items() if (why := _why_not(node, kept.get(name)))}
    nodes = [_stood_in(node, name in not_run, items) for name, node in graph.nodes.items()]
    same = {name for name, node in graph.nodes.items() if name not in not_run and not isinstance(node, Sink)}
    before = {name: each if name in same else replace(each, state=None) for name, each in kept.items()}
    heard = _Listener(graph)
    clock = VirtualClock()
    host = VirtualHost(clock)
    core = Core(graph, nodes, clock, host, heard, _BATCH)
    try:
        core.open(config, before)
        core.let_in()
        _run(core, host, clock, same)
    except Exception as error:
        heard.failed(core.opening or "?", None, error)
    core.halt()
    sinks = [node.name for node in graph if isinstance(node, Sink)]
    ends = {name: core.by_name[name].node for name in sinks}
    return Shadow(
        came_in={state.node.name: vars(state.node).get("brought", 0) for state in core.sources},
        would_come_out={name: node.counted for name, node in ends.items() if isinstance(node, _StandIn)},
        first={
            name: tuple(graph.shown(f"{name}.{port}", item) for port, item in vars(node).get("shown", ()))
            for name, node in ends.items()
        },
        refused=dict(heard.refusals), late={s.node.name: s.late_items for s in core.states if s.late_items},
        not_run=not_run, failed=heard.failure, replaced=tuple(sinks),
    )  # fmt: skip


def _run(core: Core, host: VirtualHost, clock: VirtualClock, same: set[str]) -> None:
    sources = [state for state in core.sources if state.node.name in same]
    for _ in range(_JUMPS):
        core.go(clock.now(), inf)
        if core.halted or all(vars(state.node).get("spent") for state in sources):
            return
        if not core.runnable and not host.jump():
            return


def _why_not(node: Node, kept: Kept | None) -> str:
    if node.awaits and not isinstance(node, Sink):
        return "its logic is awaited, so it touches what is outside"
    if not isinstance(node, Source):
        return ""
    if isinstance(node, AsyncSource) or type(node).seek is Source.seek:
        return "it cannot be replayed in virtual time"
    try:
        copy.copy(node).seek((kept and kept.position) or 0)
    except NotImplementedError as error:
        return str(error)
    except Exception:  # noqa: S110 - it was not opened; what is wrong shows when it is
        pass
    return ""


def _stood_in(drawn: Node, left_out: bool, items: int) -> Node:
    if isinstance(drawn, Sink):
        return _as(drawn, _Sink)
    if left_out:
        return _as(drawn, _Silent if isinstance(drawn, Source) else _Step)
    node = copy.copy(drawn)
    if isinstance(node, Source):
        node.__class__ = _bounded(type(node), items)
    return node


def _as(drawn: Node, kind: type[Node]) -> Node:
    """A node with the name and the ports of another."""
    node: Node = object.__new__(kind)
    same = ("name", "inputs", "outputs", *drawn.inputs, *drawn.outputs)
    vars(node).update({name: value for name, value in vars(drawn).items() if name in same})
    node._outbox, node._item_time, node._emitted = None, None, {}
    node.window_granularity, node.state_version = drawn.window_granularity, drawn.state_version
    return node


def _bounded(kind: type[Source[Any]], items: int) -> type[Source[Any]]:
    """The same source, which brings so many items and then no more; a run that goes on would not end here either."""

    def poll(self: Any, limit: int) -> Poll[Any]:
        left = items - self.brought
        if left <= 0 or self.quiet >= _QUIET:
            self.spent = True
            return Wait(_LONG)
        answer = kind.poll(self, min(limit, left))
        if answer is END:
            self.spent = True
        elif isinstance(answer, list) and answer:
            self.brought, self.quiet = self.brought + len(answer), 0
        else:
            self.quiet += 1
        return answer

    return type(kind.__name__, (kind,), {"poll": poll, "brought": 0, "quiet": 0, "spent": False})


class _Listener:
    """Hears what happens, for the account. Nobody else does."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.refusals: Counter[str] = Counter()
        self.failure: str | None = None
        self.core: Core | None = None

    def told(
        self, event: str, message: str, *, level: str = "info", node: str | None = None, port: str | None = None
    ) -> None:
        """Something happened."""

    def confirmed(self, node: int, epoch: int) -> None:
        """No barrier is awaited."""

    def node_ended(self, node: int) -> None:
        """Sources may end."""

    def failed(self, node: str, item: Any, error: BaseException, why: str = "") -> None:
        """The run would fail."""
        if self.failure is None:
            on = "" if item is None else f" on {self._graph.shown(node, item)}"
            self.failure = f"{node}: {self._graph.error_shown(error)}{on}"

    def refused(self, failure: Failure[Any]) -> None:
        """An item has left by an error port."""
        self.refusals[failure.node] += 1

    def skipped(self, failure: Failure[Any]) -> None:
        """An item was dropped."""
        self.refusals[failure.node] += 1

    def drain_asked(self) -> None:
        """A node has stopped."""
