"""Route: one input, several named outputs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic

from streamweave_lab.errors import GraphError
from streamweave_lab.graph.batch import Batch, Failure
from streamweave_lab.graph.node import Node
from streamweave_lab.graph.port import In, Inlet, Out, T, named_outputs
from streamweave_lab.operators.function import refuse_async, watched


class Route(Node, Inlet[T], Generic[T]):
    """Sends each item, with its event time, to the port of the first predicate that is true of it.

    `Route("parity", even=is_even)` has the port `route["even"]`, and `route.rest` for items that no predicate
    takes. There is no `out`. An item on which a predicate raises leaves by `error`.

    Raises: GraphError without predicates, or for one named like a port that every Route has.
    """

    in_: In[T]
    rest: Out[T]
    error: Out[Failure[Any]]

    def __init__(self, name: str, /, **predicates: Callable[[T], object]) -> None:
        super().__init__(name)
        if not predicates:
            raise GraphError(f"{self!r} has nothing to decide: give it predicates, such as even=is_even")
        for port, predicate in predicates.items():
            if port in ("in", "in_", "out", "late", *self.outputs) or not re.fullmatch(r"\w+", port):
                raise GraphError(f"{self!r} cannot have a port {port!r}: choose another name")
            if not callable(predicate):
                raise GraphError(f"{self!r}: {port}= needs a predicate, not {predicate!r}")
            refuse_async(self, predicate)
        self._predicates = predicates
        # In the order of drawing, `rest` and `error` last: so they are drawn and shown.
        self.outputs = {**{port: Out[Any](self, port) for port in predicates}, **self.outputs}

    def __getitem__(self, port: str) -> Out[T]:
        """The output port of that name. Raises: GraphError if there is none."""
        if port not in self.outputs or port == "error":
            routes = ", ".join(map(repr, [*self._predicates, "rest"]))
            raise GraphError(f"{self!r} has no route {port!r}; it has {routes}")
        return self.outputs[port]

    @property
    def functions(self) -> tuple[Callable[[Any], Any], ...]:
        """The predicates, in the order in which they are asked."""
        return tuple(self._predicates.values())

    def _head(self) -> In[Any]:
        return self.in_

    if not TYPE_CHECKING:

        def __rshift__(self, target: object) -> object:
            raise GraphError(f"{self!r} >> {target!r}: it has no port out; {named_outputs(self)}")

        def __getattr__(self, name: str) -> Any:
            if name in self.__dict__.get("_predicates", ()):
                raise AttributeError(f'a route is not an attribute: write {self.name}["{name}"]')
            return super().__getattr__(name)

    def on_batch(self, port: str, batch: Batch) -> None:
        """Offer the whole batch to the first predicate, what it leaves to the second, and so on."""
        for name, predicate in self._predicates.items():
            taken, batch = self._split(predicate, batch)
            if taken.items:
                self.send(name, taken.items, taken.times)
            if not batch.items:
                return
        self.send("rest", batch.items, batch.times)

    def _split(self, predicate: Callable[[Any], object], batch: Batch) -> tuple[Batch, Batch]:
        if batch.times is not None:
            return self._split_with_times(predicate, batch.items, batch.times)
        ask = watched(self.kind, predicate)
        yes: list[Any] = []
        no: list[Any] = []
        for item in batch.items:
            try:
                if ask(item):
                    yes.append(item)
                else:
                    no.append(item)
                ask = predicate
            except Exception as error:
                self.refuse(item, error)
        return Batch(yes), Batch(no)

    def _split_with_times(
        self, predicate: Callable[[Any], object], items: list[Any], times: list[float]
    ) -> tuple[Batch, Batch]:
        ask = watched(self.kind, predicate)
        yes: list[Any] = []
        no: list[Any] = []
        yes_times: list[float] = []
        no_times: list[float] = []
        for item, time in zip(items, times, strict=True):
            try:
                if ask(item):
                    yes.append(item)
                    yes_times.append(time)
                else:
                    no.append(item)
                    no_times.append(time)
                ask = predicate
            except Exception as error:
                self.refuse(item, error, time)
        return Batch(yes, yes_times), Batch(no, no_times)
