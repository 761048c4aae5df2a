"""Sinks that keep what came: Collect, Latest, Count; and ForEach, which acts on it.

What they keep is in the run, `run["board"].items`; the drawn node has nothing. Checkpoints keep it too, so that a
resumed run has it again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Generic, overload

from streamweave_lab.errors import GraphError, NotRunningError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Sink
from streamweave_lab.graph.port import I_contra
from streamweave_lab.operators.asynchronous import check_concurrency
from streamweave_lab.operators.function import C, FunctionNode, is_async

if TYPE_CHECKING:
    from streamweave_lab.config.model import Config

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T = TypeVar("T", bound=Any, default=Any)  # so that a checker lets `Collect("spill")` stand alone
else:
    from typing import TypeVar

    T = TypeVar("T", bound=Any)


class Collect(Sink[T], Generic[T]):
    """Keeps every item. It grows without a bound: for what has an end, or is rare."""

    guarantee = "effectively once"
    _items: list[T] | None = None

    @property
    def items(self) -> list[T]:
        """The items in the order they came. Raises: NotRunningError on a drawing."""
        if self._items is None:
            raise NotRunningError(self.name, "items")
        return self._items

    def opened(self) -> None:
        """Begin with nothing."""
        self._items = []

    def on_batch(self, port: str, batch: Batch) -> None:
        """Keep the items."""
        self.items.extend(batch.items)

    def snapshot(self) -> list[T]:
        """The items so far."""
        return self.items.copy()

    def restore(self, state: list[T]) -> None:
        """Go on after these items."""
        self._items = list(state)


class Latest(Sink[T], Generic[T]):
    """Keeps, for every key, the item that came last. Without `key` that is one item, under the key None.

    An item on which `key` raises leaves by `error`.
    """

    guarantee = "effectively once"
    _items: dict[Any, T] | None = None

    def __init__(self, name: str, key: Callable[[T], Hashable] | None = None) -> None:
        super().__init__(name)
        if key is not None and not callable(key):
            raise GraphError(f"{self!r}: key= needs a function, not {key!r}")
        self._key = key

    @property
    def items(self) -> dict[Any, T]:
        """The last item by key, in the order the keys first came. Raises: NotRunningError on a drawing."""
        if self._items is None:
            raise NotRunningError(self.name, "items")
        return self._items

    def opened(self) -> None:
        """Begin with no key."""
        self._items = {}

    def on_batch(self, port: str, batch: Batch) -> None:
        """Keep the last item of each key."""
        items, key = self.items, self._key
        if key is None:
            if batch.items:
                items[None] = batch.items[-1]
            return
        for item in batch.items:
            try:
                items[key(item)] = item
            except Exception as error:
                self.refuse(item, error)

    def snapshot(self) -> dict[Any, T]:
        """The last item of each key."""
        return self.items.copy()

    def restore(self, state: dict[Any, T]) -> None:
        """Go on with these items."""
        self._items = dict(state)


class Count(Sink[object]):
    """Counts items and keeps none."""

    guarantee = "effectively once"
    _count: int | None = None

    @property
    def count(self) -> int:
        """How many items came. Raises: NotRunningError on a drawing."""
        if self._count is None:
            raise NotRunningError(self.name, "count")
        return self._count

    def opened(self) -> None:
        """Begin at 0."""
        self._count = 0

    def on_batch(self, port: str, batch: Batch) -> None:
        """Count the items."""
        self._count = self.count + len(batch.items)

    def snapshot(self) -> int:
        """The count so far."""
        return self.count

    def restore(self, state: int) -> None:
        """Go on counting from there."""
        self._count = state


class ForEach(Sink[I_contra], FunctionNode):
    """Calls `f(item)` for every item, and awaits it where `f` is a coroutine function.

    Then at most `concurrency` items are in flight. An item on which `f` raises leaves by `error`. With
    `config=FlightsConfig` it is `f(item, config)`, where `config` is the configuration in force.

    At least once: a resumed run calls `f` again for items that came after its checkpoint.

    Raises: GraphError if `concurrency` is less than 1, or more than 1 for a function that is not awaited.
    """

    guarantee = "at least once"

    @overload
    def __init__(self, name: str, f: Callable[[I_contra], object], *, concurrency: int = 1) -> None: ...
    @overload
    def __init__(
        self, name: str, f: Callable[[I_contra, C], object], *, concurrency: int = 1, config: type[C]
    ) -> None: ...
    def __init__(
        self, name: str, f: Callable[..., Any], *, concurrency: int = 1, config: type[Config] | None = None
    ) -> None:
        super().__init__(name)
        check_concurrency(self, concurrency)
        self.awaits = is_async(f)
        self._use(f, config)
        if concurrency > 1 and not self.awaits:
            raise GraphError(f"{self!r}: concurrency={concurrency} is for coroutine functions, and {f!r} is none")
        self.concurrency = concurrency

    def on_batch(self, port: str, batch: Batch) -> None:
        """Call the function for each item."""
        f, unwatched = self._watched, self._logic
        for place, item in enumerate(batch.items):
            try:
                f(item)
                f = unwatched
            except Exception as error:
                self.refuse(item, error, batch.times[place] if batch.times else None)

    def work(self, item: Any) -> CoroutineType[Any, Any, Any]:
        """The coroutine of one item, as it is: to await it here would cost another one."""
        coroutine: CoroutineType[Any, Any, Any] = self._logic(item)
        return coroutine
