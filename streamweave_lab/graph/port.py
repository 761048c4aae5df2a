"""Ports, edges and paths: what `>>` draws."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import isfunction
from typing import TYPE_CHECKING, Any, Generic, overload

from typing_extensions import TypeVar

from streamweave_lab.errors import GraphError

if TYPE_CHECKING:
    from streamweave_lab.graph.node import Node, Step

# The bound lets pyright, and the default mypy, accept a lambda that says nothing: `Map("twice", lambda n: 2 * n)`.
I_contra = TypeVar("I_contra", contravariant=True, bound=Any, default=Any)
O_co = TypeVar("O_co", covariant=True, bound=Any, default=Any)
T = TypeVar("T", bound=Any, default=Any)

DEFAULT_CAPACITY = 8192
"""Items a channel holds before its sender waits, unless the edge says otherwise."""


class Inlet(Generic[I_contra]):
    """Whatever an edge can be drawn to: an input port, a Step, a Sink."""

    def _head(self) -> In[Any]:
        raise NotImplementedError

    if not TYPE_CHECKING:

        def __rrshift__(self, sources: object) -> object:
            """Only for what is no Outlet."""
            each = ", ".join(f"{name} >> {_called(self)}" for name in _names_in(sources))
            hint = f"draw one edge from each of them: {each}" if each else "an edge leads from a node or an output port"
            raise GraphError(f"{sources!r} >> {self!r}: {hint}")


class Outlet(Generic[O_co]):
    """Whatever an edge can be drawn from: an output port, a Source, a Step, an open path."""

    def _tail(self) -> Out[O_co]:
        raise NotImplementedError

    def _drawn(self) -> tuple[Edge, ...]:
        return ()

    @overload
    def __rshift__(self, target: Step[O_co, T]) -> Path[T]: ...
    @overload
    def __rshift__(self, target: Inlet[O_co]) -> ClosedPath: ...
    def __rshift__(self, target: Any) -> Any:
        """Draw an edge from this output to `target`; the result goes on from the target's own `out`."""
        if not isinstance(target, Inlet):
            raise GraphError(f"{self!r} >> {target!r}: {_instead_of(target, _called(self))}")
        edges = (*self._drawn(), Edge(self._tail(), target._head()))
        return Path(edges, target._tail()) if isinstance(target, Outlet) else ClosedPath(edges)


@dataclass(frozen=True, eq=False, repr=False)
class Port:
    """A named opening of one node."""

    node: Node
    name: str

    def __repr__(self) -> str:
        return f"{self.node.name}.{self.name}"


class In(Port, Inlet[I_contra]):
    """An input port; `a >> b.left` draws to it. Several edges into one port are merged in arrival order."""

    def _head(self) -> In[Any]:
        return self


class Out(Port, Outlet[T]):
    """An output port; `a.error >> b` draws from it. Of several edges from one port each gets every item."""

    # Invariant, so that checkers see a wrong item in `emit(port, item)`; whoever draws from it sees an Outlet.

    def _tail(self) -> Out[T]:
        return self


@dataclass(frozen=True, eq=False)
class Edge:
    """One drawn edge. `capacity` is the number of items its channel holds before the sender waits."""

    source: Out[Any]
    target: In[Any]
    capacity: int | None = None

    def __repr__(self) -> str:
        return f"{self.source!r} -> {self.target!r}"


class ClosedPath:
    """Edges that end in a sink or in a named input port: nothing more can be drawn from them."""

    def __init__(self, edges: tuple[Edge, ...]) -> None:
        self.edges = edges

    def capacity(self, items: int) -> ClosedPath:
        """The same path whose last edge holds at most `items` items.

        Raises: GraphError if `items` is less than 1.
        """
        return ClosedPath(_with_capacity(self.edges, items))

    def __repr__(self) -> str:
        return ", ".join(map(repr, self.edges))

    if not TYPE_CHECKING:

        def __rshift__(self, target: object) -> object:
            node = self.edges[-1].target.node
            raise GraphError(f"{self!r} >> {target!r}: nothing goes on from there; {named_outputs(node)}")


def named_inputs(target: Any) -> str:
    """What can be drawn to, instead of a target that has no one input that `>>` would mean."""
    inputs = getattr(target, "inputs", {})
    if not inputs:
        return "an edge must lead to a node with an input, or to an input port"
    ports = [f"{target.name}.{'in_' if port == 'in' else port}" for port in inputs]
    return f"say which of its inputs: draw to {' or '.join(ports)}"


def _instead_of(target: Any, start: str) -> str:
    """What can be drawn to instead of a target that is no Inlet."""
    if names := _names_in(target):
        return "draw one edge to each of them: " + ", ".join(f"{start} >> {name}" for name in names)
    if isfunction(target):
        name = target.__name__ if target.__name__.isidentifier() else "f"
        return f'a function is no node; draw to sw.Map("{name}", {name})'
    return named_inputs(target)


def _names_in(several: object) -> list[str]:
    ends = several if isinstance(several, list | tuple | set) else ()
    return [_called(end) for end in ends if isinstance(end, Inlet | Outlet)]


def _called(end: object) -> str:
    """An end of an edge as a drawing names it."""
    return getattr(end, "name", "…") if not isinstance(end, Port) else repr(end)


def named_outputs(node: Node) -> str:
    """What can be drawn from a node that has no `out`."""
    ports = [f'{node.name}["{port}"]' if not hasattr(node, port) else f"{node.name}.{port}" for port in node.outputs]
    return f"draw from {', '.join(ports)}" if ports else f"{node.name} has no output port"


class Path(Outlet[O_co], ClosedPath):
    """Edges that end in a node with an `out`: `>>` goes on from there."""

    def __init__(self, edges: tuple[Edge, ...], tail: Out[O_co]) -> None:
        ClosedPath.__init__(self, edges)
        self._end = tail

    def capacity(self, items: int) -> Path[O_co]:
        """The same path whose last edge holds at most `items` items.

        Raises: GraphError if `items` is less than 1.
        """
        return Path(_with_capacity(self.edges, items), self._end)

    def _tail(self) -> Out[O_co]:
        return self._end

    def _drawn(self) -> tuple[Edge, ...]:
        return self.edges


def _with_capacity(edges: tuple[Edge, ...], items: int) -> tuple[Edge, ...]:
    *before, last = edges
    if items < 1:
        raise GraphError(f"{last!r}: a channel must hold at least 1 item, not {items}")
    return (*before, Edge(last.source, last.target, items))
