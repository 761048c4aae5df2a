"""Replay: any iterable, or async iterable, as a source."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from streamweave_lab.errors import GraphError, StateError, UsedUpError
from streamweave_lab.graph.port import O_co
from streamweave_lab.graph.source import END, AsyncSource, Poll, Source


class Replay(Source[O_co]):
    """Brings in the items of `items`, an iterable or an async iterable, as fast as they are taken.

    `time(item)` is an item's event time in seconds; without it there is none. `lag` is how many seconds of
    event time the watermark stays behind the newest item, `idle_after` after how many seconds without an item
    this source holds nobody's frontier (None: never).

    Every run begins at the beginning, and a resumed one at its position: what comes before is gone through again
    without being sent, so it must be the same again. An iterator, which can be gone through only once, serves one
    run that is not resumed: a later one raises UsedUpError. A resumed run whose iterable ends before its position
    fails with a StateError. Where the iterable raises, the items before that are
    still brought in, and then the run fails. A plain iterable is asked on the run's loop, so it should not wait for
    anything.

    A Replay of an async iterable is an `AsyncSource`: that is how the engine knows.

    Raises: GraphError if `items` is neither, or `lag` or `idle_after` is negative.
    """

    if not TYPE_CHECKING:

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            """Make the asynchronous kind where the items must be awaited."""
            items = args[1] if len(args) > 1 else kwargs.get("items")
            kind = _AsyncReplay if cls is Replay and hasattr(items, "__aiter__") else cls
            return super().__new__(kind, *args, **kwargs)

    def __init__(
        self,
        name: str,
        items: Iterable[O_co] | AsyncIterable[O_co],
        *,
        time: Callable[[O_co], float | None] | None = None,
        lag: float = 0.0,
        idle_after: float | None = None,
    ) -> None:
        super().__init__(name)
        if not hasattr(items, "__iter__") and not hasattr(items, "__aiter__"):
            raise GraphError(f"{self!r} needs an iterable or an async iterable, not {items!r}")
        if lag < 0 or (idle_after is not None and idle_after < 0):
            raise GraphError(f"{self!r}: lag and idle_after are seconds and cannot be negative")
        self._items: Any = items
        self._taken: list[bool] = []  # one list for the copies of all runs
        self.time = time
        self.lag = lag
        self.idle_after = idle_after
        self.total = _length(items)

    def opened(self) -> None:
        """Begin at the beginning. Raises: UsedUpError for an iterator that an earlier run began."""
        if _is_iterator(self._items):
            if self._taken:
                raise UsedUpError(self.name, self._items)
            self._taken.append(True)
        self.total = _length(self._items)
        self._begin(0)

    def _begin(self, position: int) -> None:
        self.position = position
        self._error: Exception | None = None
        self._iterator: Iterator[O_co] = iter(self._items)
        if not isinstance(self._items, list | range):
            came = sum(1 for _ in islice(self._iterator, position))
            self._check_reached(came)
        else:
            self._check_reached(min(len(self._items), position))

    def _check_reached(self, came: int) -> None:
        if came < self.position:
            raise StateError(
                f"{self.name}: there are only {came} items, and the checkpoint was taken after {self.position}; "
                f"replay the same items again, or start without resume="
            )

    def poll(self, limit: int) -> Poll[O_co]:
        """The next items, at most `limit`."""
        known, here = self._items, self.position
        if isinstance(known, list):
            items = known[here : here + limit]
        elif isinstance(known, range):
            items = list(known[here : here + limit])
        else:
            items = self._pull(limit)
        self.position += len(items)
        return items or END

    def _pull(self, limit: int) -> list[Any]:
        """What the iterator gives; its error only after the items before it."""
        if self._error:
            raise self._error
        items: list[Any] = []
        try:
            items.extend(islice(self._iterator, limit))
        except Exception as error:
            if not items:
                raise
            self._error = error
        return items

    def seek(self, position: int) -> None:
        """Go on from `position`.

        Raises: NotImplementedError for an iterator, which cannot be gone through again; StateError if there are fewer
        items (where they must be awaited, `stream` does).
        """
        if _is_iterator(self._items):
            kind = type(self._items).__name__
            raise NotImplementedError(
                f"{self.kind} cannot be replayed: it was drawn from a {kind}, which can be gone through only once"
            )
        self._begin(position)


class _AsyncReplay(Replay[O_co], AsyncSource[O_co]):
    @property
    def kind(self) -> str:
        return "Replay"

    def _begin(self, position: int) -> None:
        self.position = position

    async def stream(self) -> AsyncIterator[list[O_co]]:
        """The items, each as soon as it is there."""
        before = self.position
        async for item in self._items:
            if before:
                before -= 1
                continue
            self.position += 1
            yield [item]
        self._check_reached(self.position - before)


def _is_iterator(items: Any) -> bool:
    return hasattr(items, "__next__") or hasattr(items, "__anext__")


def _length(items: Any) -> int | None:
    return len(items) if hasattr(items, "__len__") else None
