"""TopK: the best items so far."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, overload

from typing_extensions import TypeVar

from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.port import I_contra
from streamweave_lab.operators.held import check_at_least_one, check_function
from streamweave_lab.operators.keyed import no_key

T = TypeVar("T", bound=Any, default=Any)
K = TypeVar("K", bound=Any, default=Any)


class Ranking(NamedTuple, Generic[K, T]):
    """The best items of one key so far, best first."""

    key: K
    items: tuple[T, ...]


class TopK(Step[I_contra, Ranking[K, I_contra]], Generic[I_contra, K]):
    """Keeps the `k` items of each key for which `by(item)` is greatest, and sends each new Ranking of a key.

    A Ranking is sent whenever an item enters it, with that item's event time; of equal ones the earlier stays ahead.
    Without `key` there is one ranking for all. It is of the whole stream: for the best of each window use a
    `Window` with `lambda pane: heapq.nlargest(k, pane.items, by)`.

    An item on which `by` or `key` raises, or that cannot be compared, leaves by `error`.

    Raises: GraphError if `k` is less than 1.
    """

    @overload
    def __init__(self, name: str, k: int, by: Callable[[I_contra], Any], *, key: Callable[[I_contra], K]) -> None: ...
    @overload
    def __init__(
        self: TopK[I_contra, None], name: str, k: int, by: Callable[[I_contra], Any], *, key: None = None
    ) -> None: ...
    def __init__(self, name: str, k: int, by: Callable[[Any], Any], *, key: Callable[[Any], Any] | None = None) -> None:
        super().__init__(name)
        check_at_least_one(self, "k", k)
        check_function(self, "by", by)
        check_function(self, "key", key)
        self._k, self._by, self._key = k, by, key or no_key

    def opened(self) -> None:
        """Begin with no key."""
        # Of each key what its items have in `by`, worst first, and the items. Tuples, so that to copy the
        # dictionary is to copy all.
        self._best: dict[Any, tuple[tuple[Any, ...], tuple[Any, ...]]] = {}

    def on_batch(self, port: str, batch: Batch) -> None:
        """Send the rankings that the items enter."""
        out: list[Ranking[Any, Any]] = []
        places: list[int] = []
        for place, item in enumerate(batch.items):
            try:
                ranking = self._enter(item)
            except Exception as error:
                self.refuse(item, error, batch.times[place] if batch.times else None)
                continue
            if ranking is not None:
                out.append(ranking)
                places.append(place)
        self.send("out", out, [batch.times[place] for place in places] if batch.times else None)

    def _enter(self, item: Any) -> Ranking[Any, Any] | None:
        key, value = self._key(item), self._by(item)
        values, items = self._best.get(key, ((), ()))
        if len(values) == self._k and not values[0] < value:
            return None
        # From worst to best, and of equal ones the earlier is better: it goes before all that are equal.
        place = bisect_left(values, value)
        values = (*values[:place], value, *values[place:])[-self._k :]
        items = (*items[:place], item, *items[place:])[-self._k :]
        self._best[key] = (values, items)
        return Ranking(key, items[::-1])

    def snapshot(self) -> Any:
        """The best items of each key."""
        return self._best.copy()

    def restore(self, state: Any) -> None:
        """Go on with those."""
        self._best = state.copy()
