"""The comments of Mermaid text that are meant for StreamWeave, read."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, cast, get_args

from streamweave_lab.errors import GraphError
from streamweave_lab.graph.mermaid_notes import MODES, NUMBERS, Binding, MermaidNotes, plain
from streamweave_lab.graph.shape import EdgeShape, split
from streamweave_lab.graph.supervision import Policy, Supervision

_WORDS = (
    "begin", "end", "graph", "input", "output", "execution_mode", "shard_config", "node", "node_id", "subgraph_unit",
    "edge",
)  # fmt: skip
_OF_A_NODE = ("kind", "supervision_policy", "supervision_group", *NUMBERS)
_EDGE = re.compile(r"(?P<source>\S+\.\S+) -> (?P<target>\S+\.\S+) capacity=(?P<items>0*[1-9]\d*)")
_BINDING = re.compile(r"(?P<name>.+?) (?P<arrow>->|<-) (?P<port>\S+\.\S+)(?: \[.*\])?")


class Comments:
    """What the comments read so far say."""

    def __init__(self) -> None:
        self.graph: str | None = None
        """The name of the graph, where one is said."""
        self.names: dict[str, str] = {}
        """The names of nodes that are drawn under another one."""
        self.kinds: dict[str, str] = {}
        self.supervision: dict[str, Supervision] = {}
        self.bindings: dict[str, list[Binding]] = {"input": [], "output": []}
        self.mode = MODES[0]
        self.shard: tuple[int, int] | None = None
        self.units: list[str] = []
        self.capacities: dict[EdgeShape, int] = {}
        self.lines: dict[object, int] = {}

    @property
    def outside(self) -> set[str]:
        """The names of what feeds the graph, or is fed by it."""
        return {binding.name for bindings in self.bindings.values() for binding in bindings}

    def read(self, said: str, number: int) -> None:
        """Take one comment, without its prefix. Raises: GraphError if it says nothing that can be understood."""
        word, _, rest = re.sub(r"^(execution_mode|shard_config)=", r"\1 ", said).partition(" ")
        if word in ("input", "output"):
            self._bind(word, rest, number)
        elif word == "graph":
            self.graph = _name(rest)
        elif word == "node":
            self._node(rest, number)
        elif word == "node_id":
            drawn, _, name = rest.partition("=")
            self.names[drawn.strip()] = name.strip()
        elif word == "execution_mode":
            self.mode = _one_of(MODES, rest, "an execution mode")
        elif word == "shard_config":
            self.shard = _shard(rest)
        elif word == "edge":
            self._edge(rest, number)
        elif word == "subgraph_unit":
            self.units.append(rest)
        elif word == "feedback":
            raise GraphError("a feedback edge makes a cycle, which a graph does not have; use sw.Iterate instead of it")
        elif word not in ("begin", "end"):
            _one_of(_WORDS, word, "a word of these comments")

    def of_nodes(self, names: Iterable[str]) -> dict[str, str]:
        """The kinds of the nodes of these names, "" where none is said, in the order in which comments name them.

        Raises: GraphError if a comment is about a node that is not drawn.
        """
        drawn = dict.fromkeys(names, "")
        said = {self._real(node, drawn): node for node in (*self.kinds, *self.supervision)}
        for name, node in said.items():
            if name not in drawn:
                close = get_close_matches(name, drawn, n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                raise GraphError(f"line {self.lines['node', node]}: no node {name!r} is drawn{hint}")
        kinds = {self._real(node, drawn): kind for node, kind in self.kinds.items()}
        return {**kinds, **{name: "" for name in drawn if name not in kinds}}

    def notes(self, names: Iterable[str], edges: Container[EdgeShape]) -> MermaidNotes:
        """All but the kinds. Raises: GraphError if a port outside is of none of the nodes, or an edge is not drawn."""
        drawn = dict.fromkeys(names, "")
        bound: dict[str, tuple[Binding, ...]] = {}
        for word, bindings in self.bindings.items():
            for binding in bindings:
                node = self._real(binding.port.rpartition(".")[0], drawn)
                if node not in drawn:
                    raise GraphError(f"line {self.lines[binding]}: {word} {binding.name!r}: no node {node!r} is drawn")
            bound[word] = tuple(bindings)
        supervision = {self._real(node, drawn): note for node, note in self.supervision.items()}
        capacities = {self._drawn(edge, drawn, edges): items for edge, items in self.capacities.items()}
        return MermaidNotes(
            bound["input"], bound["output"], self.mode, self.shard, supervision, tuple(self.units), capacities
        )

    def _drawn(self, edge: EdgeShape, drawn: dict[str, str], edges: Container[EdgeShape]) -> EdgeShape:
        ends = [f"{self._real(node, drawn)}.{port}" for node, port in map(split, (edge.source, edge.target))]
        real = EdgeShape(*ends)
        if real not in edges:
            raise GraphError(f"line {self.lines[edge]}: no edge {real.source} -> {real.target} is drawn")
        return real

    def _real(self, node: str, drawn: dict[str, str]) -> str:
        return node if node in drawn else self.names.get(node, node)

    def _bind(self, word: str, rest: str, number: int) -> None:
        found = _BINDING.fullmatch(rest)
        arrow = "->" if word == "input" else "<-"
        if not found or found["arrow"] != arrow:
            raise GraphError(f"an {word} is written `{word} name {arrow} node.port`, not {rest!r}")
        binding = Binding(found["name"], found["port"])
        self.bindings[word].append(binding)
        self.lines.setdefault(binding, number)

    def _node(self, rest: str, number: int) -> None:
        node, *said = rest.split()
        self.lines.setdefault(("node", node), number)
        facts = dict(part.partition("=")[::2] for part in said)
        for key in facts:
            _one_of(_OF_A_NODE, key, "something said of a node")
        if "kind" in facts:
            self.kinds[node] = facts["kind"]
        policy, group = facts.get("supervision_policy"), facts.get("supervision_group")
        if policy is not None or group is not None:
            numbers = {key: _number(key, facts[key]) for key in NUMBERS if key in facts}
            self.supervision[node] = replace(_supervision(policy or "restart", group), **numbers)

    def _edge(self, rest: str, number: int) -> None:
        found = _EDGE.fullmatch(rest)
        if not found:
            raise GraphError(f"an edge is written `edge a.out -> b.in capacity=64`, not {rest!r}")
        edge = EdgeShape(plain(found["source"]), plain(found["target"]))
        self.capacities[edge] = int(found["items"])
        self.lines.setdefault(edge, number)


def _supervision(text: str, group: str | None) -> Supervision:
    """Upstream writes "RestartGroup", and here it is "restart_group"; there, whatever has a group restarts with it."""
    policy = _one_of(get_args(Policy), re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text).lower(), "a supervision policy")
    return Supervision(policy="restart_group" if policy == "restart" and group else cast(Policy, policy), group=group)


def _number(key: str, text: str) -> Any:
    try:
        return int(text) if key == "max_restarts" else float(text)
    except ValueError:
        raise GraphError(f"{key} is a number, not {text!r}") from None


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", text):
        raise GraphError(f"{text!r} cannot name a graph: use the letters A to Z and a to z, digits, '_', '.' and '-'")
    return text


def _shard(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or int(found[1]) >= int(found[2]):
        raise GraphError(f"a shard is written i/n, counted from 0, such as 0/4, not {text!r}")
    return int(found[1]), int(found[2])


def _one_of(known: tuple[str, ...], given: str, what: str) -> str:
    if given not in known:
        close = get_close_matches(given, known, n=1)
        raise GraphError(f"{given!r} is not {what}; " + (f"did you mean {close[0]}?" if close else ", ".join(known)))
    return given


__all__ = ["Comments"]
