"""MapAsync: a function that must be awaited, for many items at a time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import CoroutineType
from typing import TYPE_CHECKING, Any, overload

from streamweave_lab.errors import GraphError
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.port import I_contra, O_co
from streamweave_lab.operators.function import C, FunctionNode

if TYPE_CHECKING:
    from streamweave_lab.config.model import Config


class MapAsync(Step[I_contra, O_co], FunctionNode):
    """Sends `await f(item)` for every item, with the item's event time; at most `concurrency` are in flight.

    `ordered=True` sends results in the order their items came; `ordered=False` as they are done. Items whose
    coroutine raises leave by `error`. With `config=FlightsConfig` it is `f(item, config)`, where `config` is
    the configuration in force.

    Raises: GraphError if `concurrency` is less than 1.
    """

    awaits = True

    @overload
    def __init__(
        self, name: str, f: Callable[[I_contra], Coroutine[Any, Any, O_co]], *, concurrency: int, ordered: bool = True
    ) -> None: ...
    @overload
    def __init__(
        self,
        name: str,
        f: Callable[[I_contra, C], Coroutine[Any, Any, O_co]],
        *,
        concurrency: int,
        ordered: bool = True,
        config: type[C],
    ) -> None: ...
    def __init__(
        self,
        name: str,
        f: Callable[..., Any],
        *,
        concurrency: int,
        ordered: bool = True,
        config: type[Config] | None = None,
    ) -> None:
        super().__init__(name)
        check_concurrency(self, concurrency)
        self._use(f, config)
        self.concurrency = concurrency
        self.ordered = ordered

    def work(self, item: Any) -> CoroutineType[Any, Any, Any]:
        """The coroutine of one item, as it is: to await it here would cost another one."""
        coroutine: CoroutineType[Any, Any, Any] = self._logic(item)
        return coroutine


def check_concurrency(node: object, concurrency: int) -> None:
    """Raises: GraphError if `concurrency` is less than 1."""
    if concurrency < 1:
        raise GraphError(f"{node!r}: concurrency must be at least 1, not {concurrency}")
