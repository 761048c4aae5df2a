"""Mermaid text read back: what is drawn, and what its comments say. Pure; nodes are made elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from streamweave_lab.errors import GraphError
from streamweave_lab.graph.mermaid_comments import Comments
from streamweave_lab.graph.mermaid_lines import Link, read_line
from streamweave_lab.graph.mermaid_notes import COMMENT, MermaidNotes, plain, ports_of
from streamweave_lab.graph.shape import EdgeShape, GraphShape, NodeShape, Role

_HEADER = re.compile(r"(?:flowchart|graph)(?:\s+(?:LR|RL|TD|TB|BT))?\s*;?")
_SUBGRAPH = re.compile(
    r"""subgraph\s+(?P<id>[^\s\["]+)?\s*(?:\[?\s*"(?P<quoted>[^"]*)"\s*\]?|\[(?P<bare>[^\]]*)\])?.*"""
)
_LOOKS = re.compile(r"(?:style|classDef|class|linkStyle|click|direction|accTitle|accDescr)\s")
_BOX = re.compile(r"_(in|out)_(.*)", re.DOTALL)


@dataclass(frozen=True)
class Drawn:
    """A graph as Mermaid text draws it."""

    shape: GraphShape
    notes: MermaidNotes
    lines: Mapping[object, int] = field(compare=False)
    """The line, counted from 1, in which each node (by its name), edge and Binding stands first."""


@dataclass
class _Subgraph:
    id: str
    label: str | None
    members: dict[str, None] = field(default_factory=dict)

    def port(self, member: str) -> tuple[str, str] | None:
        """The way and the written name of a port's box; None if it is none."""
        found = _BOX.fullmatch(member.removeprefix(self.id)) if member.startswith(self.id) else None
        return (found[1], found[2]) if found else None

    def is_node(self) -> bool:
        """Whether it is one node with its ports in boxes, and not a frame around several nodes."""
        cores = {self.id, f"{self.id}_core"} & self.members.keys()
        return bool(cores) and all(member in cores or self.port(member) for member in self.members)


def read_mermaid(text: str, name: str = "imported") -> Drawn:
    """What a Mermaid flowchart draws, in either style of StreamWeave; frames around nodes and looks are passed over.

    Where an edge has no label it leads from `out` to `in`. The kind of a node is the one that a comment says, else
    empty. The graph is called as a comment says; else by the title of the text, if there is one and it can name a
    graph; else `name`.

    Raises: GraphError, with the number of the line, for what cannot be read or does not fit together.
    """
    reader = _Reader()
    for number, line in enumerate(_without_front(text), start=1):
        try:
            reader.read(line.strip(), number)
        except GraphError as error:
            raise GraphError(f"line {number}: {error}") from None
    title = re.match(r"---\s*\n(?:.*\n)*?title:[ \t]*([A-Za-z0-9_.-]+)[ \t]*\n(?:.*\n)*?---", text)
    return reader.drawn(reader.comments.graph or (title[1] if title else name))


def _without_front(text: str) -> list[str]:
    """The lines, those of a front matter empty: it says how a page shows the drawing."""
    lines = text.splitlines()
    if lines[:1] == ["---"] and "---" in lines[1:]:
        front = lines.index("---", 1) + 1
        lines[:front] = [""] * front
    return lines


class _Reader:
    def __init__(self) -> None:
        self.comments = Comments()
        self.labels: dict[str, str | None] = {}
        self.links: list[tuple[Link, int]] = []
        self.lines: dict[object, int] = {}
        self.subgraphs: list[_Subgraph] = []
        self.inside: list[_Subgraph] = []
        self.begun = False

    def read(self, line: str, number: int) -> None:
        if line.startswith(COMMENT):
            self.comments.read(line.removeprefix(COMMENT).strip(), number)
        elif not line or line.startswith("%%"):
            return
        elif not self.begun:
            if not _HEADER.fullmatch(line):
                raise GraphError(f"a flowchart should begin here, as `flowchart LR` does, not {line!r}")
            self.begun = True
        elif found := _SUBGRAPH.fullmatch(line):
            label = found["quoted"] or found["bare"]
            self.inside.append(_Subgraph(found["id"] or label or f"line {number}", label))
            self.subgraphs.append(self.inside[-1])
        elif line.rstrip(";") == "end":
            if not self.inside:
                raise GraphError("this `end` ends no subgraph")
            self.inside.pop()
        elif not _LOOKS.match(line):
            self._draw(line, number)

    def _draw(self, line: str, number: int) -> None:
        for found in read_line(line):
            if isinstance(found, Link):
                self.links.append((found, number))
                continue
            if self.labels.get(found.id) is None:
                self.labels[found.id] = found.label
            self.lines.setdefault(found.id, number)
            if self.inside:
                self.inside[-1].members[found.id] = None

    def drawn(self, name: str) -> Drawn:
        if not self.begun:
            raise GraphError("line 1: there is no flowchart in this text")
        self._reduce()
        lines: dict[object, int] = {}
        edges: dict[EdgeShape, None] = {}
        for edge, number in self._edges():
            edges[edge] = None
            lines.setdefault(edge, number)
        names = [self._name(node) for node in self.nodes if not self._is_outside(node)]
        kinds = self.comments.of_nodes(names)
        lines |= {self._name(node): self.lines[node] for node in self.nodes} | self.comments.lines
        notes = self.comments.notes(names, edges)
        shapes = tuple(NodeShape(node, kind, _role(node, edges, notes)) for node, kind in kinds.items())
        return Drawn(GraphShape(name, shapes, tuple(edges)), notes, lines)

    def _reduce(self) -> None:
        """Find what each drawn thing stands for: a node, or the port of one; frames stand for nothing."""
        whole = [subgraph for subgraph in self.subgraphs if subgraph.is_node()]
        self.of: dict[str, str] = {member: s.id for s in whole for member in s.members} | {s.id: s.id for s in whole}
        self.ports: dict[str, tuple[str, str]] = {}
        for subgraph in whole:
            self.lines.setdefault(subgraph.id, min(self.lines[member] for member in subgraph.members))
            for member in subgraph.members:
                if way_and_name := subgraph.port(member):
                    way, written = way_and_name
                    text = self.labels[member]
                    self.ports[member] = way, written if text is None else plain(text)
        self.nodes = list(dict.fromkeys(self.of.get(i, i) for i in self.labels))
        self.frames = {subgraph.id for subgraph in self.subgraphs} - set(self.of)

    def _edges(self) -> Iterator[tuple[EdgeShape, int]]:
        for link, number in self.links:
            source, target = (self.of.get(end, end) for end in (link.source, link.target))
            if link.source in self.of and source == target:
                continue  # from a port's box to its node, or the other way round
            if framed := {source, target} & self.frames:
                raise GraphError(f"line {number}: {framed.pop()!r} is a frame around nodes; draw to a node in it")
            if self._is_outside(source) or self._is_outside(target):
                continue  # a comment says the same
            ports = ("out", "in") if link.label is None else ports_of(link.label)
            if ports is None:
                raise GraphError(f"line {number}: {link.label!r} does not name two ports, as out->in does")
            out, into = self._port(link.source, "out", ports[0]), self._port(link.target, "in", ports[1])
            if out is None or into is None:
                raise GraphError(f"line {number}: an edge leads from a box of an output port to one of an input port")
            yield EdgeShape(f"{self._name(source)}.{out}", f"{self._name(target)}.{into}"), number

    def _port(self, end: str, way: str, otherwise: str) -> str | None:
        boxed = self.ports.get(end)
        if boxed is None:
            return otherwise
        return boxed[1] if boxed[0] == way else None

    def _is_outside(self, node: str) -> bool:
        """Whether it is drawn for what feeds the graph, or is fed by it."""
        names = {self._name(node), plain(self.labels.get(node) or "")}
        return (
            node not in self.of and self._name(node) not in self.comments.kinds and bool(names & self.comments.outside)
        )

    def _name(self, node: str) -> str:
        return self.comments.names.get(node, node)


def _role(node: str, edges: Mapping[EdgeShape, None], notes: MermaidNotes) -> Role:
    fed = [edge.target for edge in edges] + [binding.port for binding in notes.inputs]
    drained = [edge.source for edge in edges] + [binding.port for binding in notes.outputs]
    if not any(port.rpartition(".")[0] == node for port in fed):
        return "source"
    ports = {port.rpartition(".")[2] for port in drained if port.rpartition(".")[0] == node}
    return "step" if ports - {"error", "late"} else "sink"


__all__ = ["Drawn", "read_mermaid"]
