"""What a drawing must have before it can run: told all at once, each problem with the ends that it is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from streamweave_lab.errors import GraphError
from streamweave_lab.graph.logic import faults_of
from streamweave_lab.graph.node import Node, Step
from streamweave_lab.graph.port import ClosedPath, Edge
from streamweave_lab.graph.types import mismatch

_MAY_BE_OPEN = {"error", "late", "left_only", "right_only", "excess"}
"""Output ports that need no edge: what leaves there unwired is a failure, or dropped on purpose, and counted."""


def checked(graph: str, paths: tuple[Any, ...]) -> tuple[dict[str, Node], tuple[Edge, ...]]:
    """The nodes of `paths` by name, in topological order, and their edges, in the order they were drawn.

    Raises: GraphError that names everything that is wrong.
    """
    drawn, problems = _gathered(paths)
    edges = tuple(drawn)
    every = [node for edge in edges for node in (edge.source.node, edge.target.node)]
    nodes = list(dict.fromkeys([*every, *(path for path in paths if isinstance(path, Node))]))
    ordered, stuck = _in_order(nodes, edges)
    problems += _twice_named(nodes)
    problems += _open_ports(nodes, edges)
    problems += [problem for edge in edges if (problem := mismatch(edge))]
    if stuck:
        problems.append(
            f"it has a cycle: {_a_cycle(stuck, edges)}; a graph must flow one way. To go round "
            f"with an item until it has converged, use sw.Iterate(name, f, until=…, limit=…)"
        )
    if problems:
        raise GraphError(_told(graph, problems))
    return {node.name: node for node in ordered}, edges


def check_start(graph: str, nodes: Iterable[Node], config: object) -> None:
    """What must be there before the nodes can run.

    Raises: GraphError that names all methods that are missing; TypeError if `config` is no configuration.
    """
    if faults := [fault for node in nodes for fault in faults_of(node)]:
        raise GraphError(_told(graph, faults))
    from streamweave_lab.config.model import Config

    if isinstance(config, type) and issubclass(config, Config):
        name = config.__name__
        raise TypeError(f"graph {graph!r} is started with a {name}, not with the class; pass {name}() or {name}.load()")
    if config is not None and not isinstance(config, Config):
        raise TypeError(
            f"graph {graph!r} is started with an instance of a class derived from sw.Config, not with "
            f"{config!r:.80}; make one of such values, as in Settings(speed=60)"
        )


def _told(graph: str, problems: list[str]) -> str:
    if len(problems) == 1:
        return f"graph {graph!r}: {problems[0]}"
    return f"graph {graph!r} has {len(problems)} problems:" + "".join(f"\n- {problem}" for problem in problems)


def _gathered(paths: tuple[Any, ...]) -> tuple[list[Edge], list[str]]:
    edges: dict[tuple[int, str, int, str], Edge] = {}
    problems: list[str] = []
    for path in paths:
        if not isinstance(path, ClosedPath | Node):
            problems.append(f"{path!r} is not a path; draw one with >>")
            continue
        for edge in path.edges if isinstance(path, ClosedPath) else ():
            ends = (id(edge.source.node), edge.source.name, id(edge.target.node), edge.target.name)
            if edges.setdefault(ends, edge) is not edge:
                problems.append(f"the edge {edge!r} is drawn twice")
    return list(edges.values()), problems


def _twice_named(nodes: list[Node]) -> Iterator[str]:
    for name, count in Counter(node.name for node in nodes).items():
        if count > 1:
            kinds = ", ".join(node.kind for node in nodes if node.name == name)
            yield f"{count} nodes are named {name!r} ({kinds}); give each its own name"


def _open_ports(nodes: list[Node], edges: tuple[Edge, ...]) -> Iterator[str]:
    fed = {(edge.target.node, edge.target.name) for edge in edges}
    drained = {(edge.source.node, edge.source.name) for edge in edges}
    for node in nodes:
        for port in node.inputs:
            if (node, port) not in fed:
                own = port == "in" and len(node.inputs) > 1 and isinstance(node, Step)
                hint = ", or derive it from sw.Node and give it `out`, for a Step always has `in`" if own else ""
                yield f"nothing leads to {node.name}.{port}; draw an edge to it{hint}"
        for port in node.outputs:
            if port not in _MAY_BE_OPEN and (node, port) not in drained:
                yield (
                    f"{node.name}.{port} leads nowhere, its items would be lost; "
                    f"draw an edge from it to a step or a sink"
                )


def _in_order(nodes: list[Node], edges: tuple[Edge, ...]) -> tuple[list[Node], dict[Node, set[Node]]]:
    """Kahn's algorithm; ties keep the order of drawing. With it the nodes that a cycle holds up, if there is one."""
    waiting = {node: {e.source.node for e in edges if e.target.node is node} for node in nodes}
    ordered: list[Node] = []
    while (free := next((node for node, before in waiting.items() if not before), None)) is not None:
        ordered.append(free)
        del waiting[free]
        for before in waiting.values():
            before.discard(free)
    return ordered, waiting


def _a_cycle(waiting: dict[Node, set[Node]], edges: tuple[Edge, ...]) -> str:
    """Walk upstream from any waiting node until one comes round again."""
    node = next(iter(waiting))
    seen: list[Node] = []
    while node not in seen:
        seen.append(node)
        node = next(before for before in waiting[node] if before in waiting)
    ring = [*seen[seen.index(node) :], node][::-1]
    steps = [next(e for e in edges if e.source.node is a and e.target.node is b) for a, b in pairwise(ring)]
    return ", ".join(map(repr, steps))


__all__ = ["check_start", "checked"]
