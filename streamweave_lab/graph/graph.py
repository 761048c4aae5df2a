"""The graph: a frozen value, checked whole when it is drawn."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from streamweave_lab import upward
from streamweave_lab.errors import GraphError, StreamweaveError
from streamweave_lab.graph.checks import check_start, checked
from streamweave_lab.graph.frames import shortened
from streamweave_lab.graph.node import Node
from streamweave_lab.graph.port import ClosedPath
from streamweave_lab.graph.redaction import Redact, at_length, error_shown, redacted
from streamweave_lab.graph.shape import plain_text, shape_of
from streamweave_lab.graph.supervision import Policy, Supervision, supervisions

if TYPE_CHECKING:
    from streamweave_lab.config.model import Config
    from streamweave_lab.engine.run import LocalRun
    from streamweave_lab.graph.mermaid import Style
    from streamweave_lab.graph.mermaid_graph import Registry
    from streamweave_lab.state.store import Checkpoint, Store


class Graph:
    """Nodes and the edges drawn between them; a value that does nothing until it is started.

    `nodes` maps name to node in topological order (sources first), `edges` are in the order they were drawn.

    `redact(port name, item)` returns what may be shown of an item outside the graph, as when a port is tapped;
    without it that is the item's `repr`, cut to 200 characters. Where there is such a rule, errors are shown by their
    type and where they were raised, and without their words, which may quote the item. Whoever runs the graph has both
    whole, from the RunFailedError: `failed.item`, `failed.error`.

    `supervise` says by the names of nodes what happens when they fail: a Supervision, or the name of its policy,
    as in `supervise={"parse": "restart"}`. A node that is not named fails the run.

    With `drills=True` faults may be injected into its runs, by `streamweave_lab.testing.drills`.

    Raises: GraphError that names everything that is wrong: input or output ports that lead nowhere, nodes of one
    name, edges drawn twice, a cycle, logic that is missing, item types that cannot fit.
    """

    def __init__(
        self,
        name: str,
        *paths: ClosedPath | Node,
        redact: Redact = at_length,
        supervise: Mapping[str, Supervision | Policy] | None = None,
        drills: bool = False,
    ) -> None:
        if isinstance(name, ClosedPath | Node):
            raise GraphError('the name of a graph comes first, before its paths: Graph("name", source >> sink)')
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
            raise GraphError(
                f"{name!r} cannot name a graph: use the letters A to Z and a to z, digits, '_', '.' and '-'"
            )
        if not paths:
            raise GraphError(f"graph {name!r} is empty: give it at least one path, such as source >> sink")
        self.name, self.redact, self.drills = name, redact, drills
        self.nodes, self.edges = checked(name, paths)
        self.supervise = supervisions(name, self.nodes, supervise or {})

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def __getitem__(self, name: str) -> Node:
        if name not in self.nodes:
            close = get_close_matches(name, self.nodes, n=1) or [", ".join(self.nodes)]
            raise KeyError(f"graph {self.name!r} has no node {name!r}; did you mean {close[0]}?")
        return self.nodes[name]

    def shown(self, port: str, item: Any) -> Any:
        """What may be seen of an item at a port, such as "parse.out": it is redacted by the graph's rule."""
        return redacted(self.redact, port, item)

    def error_shown(self, error: BaseException) -> str:
        """What may be seen of an error that an item may have led to, outside the process it was raised in."""
        return error_shown(self.redact, error)

    def __repr__(self) -> str:
        return f"<Graph {self.name!r}: {len(self.nodes)} nodes, {len(self.edges)} edges>"

    def __str__(self) -> str:
        return plain_text(shape_of(self))

    def svg(self) -> str:
        """The drawing of the graph as an SVG document, readable on light and on dark ground; the same every time."""
        from streamweave_lab.graph import drawing  # here, as below: most programs never draw, and start faster without

        return drawing.svg(shape_of(self))

    def mermaid(self, style: Style = "edges") -> str:
        """The graph as a Mermaid flowchart: each edge labelled with its ports, or ("boxes") each port in a box.

        Raises: ValueError for another style.
        """
        from streamweave_lab.graph.mermaid import mermaid
        from streamweave_lab.graph.mermaid_notes import MermaidNotes

        shape = shape_of(self)
        edges = zip(shape.edges, self.edges, strict=True)
        capacities = {drawn: edge.capacity for drawn, edge in edges if edge.capacity is not None}
        return mermaid(shape, style, MermaidNotes(supervision=self.supervise, capacities=capacities))

    @classmethod
    def from_mermaid(cls, text: str, registry: Registry, *, name: str = "imported") -> Graph:
        """The graph that a Mermaid flowchart draws, in either style; as `mermaid` writes it, and as upstream does.

        `registry` says what the nodes are, by name, else by the kind that a comment gives them: a node of that
        name, or a function of the name that makes one, such as `{"parse": parse, "Collect": sw.Collect}`. What the
        comments let in from outside, or out, is looked up by its name and drawn as an edge from its `out`, or to
        its `in`. The name that a comment or the title of the text gives the graph goes before `name`. Nodes are
        supervised, and edges hold as many items, as comments say. What they say of execution and shards is not a
        graph's business: `read_mermaid(text).notes` has it.

        Raises: GraphError, with the line, for what cannot be read, a name that stands for nothing, or a port that
        is not there; and as for any graph.
        """
        from streamweave_lab.graph.mermaid_graph import paths_of
        from streamweave_lab.graph.mermaid_reader import read_mermaid

        drawn = read_mermaid(text, name)
        return cls(drawn.shape.name, *paths_of(drawn, registry), supervise=drawn.notes.supervision)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """For Jupyter, which shows the HTML image: inline SVG would be taken out of a notebook not yet trusted."""
        from streamweave_lab.graph import drawing

        return {
            "text/plain": str(self),
            "text/html": drawing.image(shape_of(self)),
            "image/svg+xml": self.svg(),
            "text/vnd.mermaid": self.mermaid(),
        }

    def start(
        self,
        config: Config | None = None,
        *,
        host: str = "loop",
        replace: str | None = None,
        store: Store | None = None,
        checkpoint_every: float | None = None,
        resume: bool | int | Checkpoint = False,
        allow_changed: bool = False,
    ) -> LocalRun:
        """Start this graph on the running event loop (in a notebook: the kernel's) and return its Run at once.

        `host="thread"` runs it on an event loop of its own in a thread of its own. A run of the same name in
        this process is replaced: it is first suspended where it has a store, else drained; or as `replace` says:
        "suspend", "drain" or "stop".

        With `store`, such as `sw.SqliteStore("state.db")`, the run keeps its state there: before its sources bring
        anything (unless it goes on from just that), every `checkpoint_every` seconds, on demand, when it is suspended
        or drained, and at its end. `resume=True` goes on from the newest checkpoint there is, or begins anew without
        one; a number names one by its id. A graph with other nodes
        than the checkpoint's is refused, unless `allow_changed`: then new nodes begin empty.

        Raises: RuntimeError if no event loop is running and `host` is "loop"; GraphError if a node's logic is missing
        or async; TypeError if `config` is not an instance of a Config; StateError if it cannot go on from
        the checkpoint; RunFailedError or ConfigError if a node cannot be opened.
        """
        check_start(self.name, self, config)
        keeping = {"store": store, "every": checkpoint_every, "resume": resume, "allow_changed": allow_changed}
        try:
            run: LocalRun = upward.call(upward.START, self, config, host=host, replace=replace, keeping=keeping)
        except StreamweaveError as error:
            raise shortened(error) from error.__cause__
        return run

    def run_to_end(
        self,
        config: Config | None = None,
        *,
        deterministic: bool = True,
        store: Store | None = None,
        resume: bool | int | Checkpoint = False,
        allow_changed: bool = False,
    ) -> LocalRun:
        """Run this graph until all its sources have ended, and return the finished Run. Works inside a running loop.

        Deterministic: in virtual time, in a fixed order, with the same outputs every time. Otherwise: as fast
        as it can, in real time. `store`, `resume` and `allow_changed` are those of `start`.

        Raises: RunFailedError if a node failed; StateError if it cannot go on from the checkpoint; as for `start`.
        """
        check_start(self.name, self, config)
        keeping = {"store": store, "resume": resume, "allow_changed": allow_changed}
        try:
            run: LocalRun = upward.call(upward.RUN_TO_END, self, config, deterministic=deterministic, keeping=keeping)
        except StreamweaveError as error:
            raise shortened(error) from error.__cause__
        return run
