"""What every source must promise, checked against one of your own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.graph.source import END, AsyncSource, Source, Wait
from streamweave_lab.testing.harness import Drive

if TYPE_CHECKING:
    from streamweave_lab.config.model import Config

_QUIET_POLLS = 5
"""A source that has nothing new so many times, and has not ended, has nothing for now: it follows something."""
_EMPTY_POLLS = 20_000
"""So many empty lists in a row are no answer."""
_POSITIONS = 25
"""Positions from which it is read again, at most."""


def check_source(
    make_source: Callable[[], Source[Any]],
    config: Config | None = None,
    *,
    most: int = 2000,
    longest_poll: float = 1.0,
    resumable: bool = True,
) -> list[Any]:
    """Check what the engine relies on in a source; `make_source` must make an equal one each time.

    - `poll(limit)` answers with at most `limit` items, `Wait` or `END`, within `longest_poll` seconds.
    - `position` counts the items brought in and those refused.
    - `END` stays `END`; closing is harmless twice.
    - From each position, by `seek` or by what `snapshot` keeps, the rest comes as it came the first time.

    At most `most` items are looked at, however many there are, and time is virtual. With `resumable=False` it is
    checked instead that `seek` says, with NotImplementedError, that there is no going back.

    Returns: the items. Raises: AssertionError with what is not so.
    """
    whole = _Reading(make_source(), config, most, longest_poll)
    with closing(whole):
        whole.read(max(1, most // 20))
        whole.check_end()
    if not resumable:
        _check_no_seek(make_source(), config)
        return whole.items
    if whole.seen < most:
        for limit in (1, 7):
            with closing(_Reading(make_source(), config, most, longest_poll)) as again:
                again.read(limit)
                whole.check_same(again, 0, f"with limit={limit}")
    for position in sorted({whole.seen * n // _POSITIONS for n in range(_POSITIONS + 1)}):
        _check_position(whole, make_source, config, position)
    return whole.items


def _check_position(whole: _Reading, make_source: Callable[[], Source[Any]], config: Config | None, at: int) -> None:
    with closing(_Reading(make_source(), config, whole.most - at, whole.longest_poll)) as sought:
        sought.node.seek(at)
        _must(sought.node.position == at, f"after seek({at}) its position is {sought.node.position}")
        sought.read(50)
        whole.check_same(sought, at, f"after seek({at})")
    with (
        closing(_Reading(make_source(), config, at, whole.longest_poll)) as before,
        closing(_Reading(make_source(), config, whole.most - at, whole.longest_poll)) as resumed,
    ):
        before.read(3)
        state = before.node.snapshot()
        if state is None:
            resumed.node.seek(before.node.position)
        else:
            resumed.node.restore(state)
        before.close()
        resumed.read(50)
        whole.check_same(resumed, at, f"restored from its snapshot at position {at}")


def _check_no_seek(source: Source[Any], config: Config | None) -> None:
    node = Drive(source, config).node
    try:
        node.seek(0)
    except NotImplementedError:
        return
    finally:
        node.closed()
    raise AssertionError(f"{node!r} takes seek(0), and so claims that it can be replayed")


class _Reading:
    """A source as in a run, and what it has brought in."""

    def __init__(self, source: Source[Any], config: Config | None, most: int, longest_poll: float) -> None:
        self._drive = Drive(source, config)
        self.node: Source[Any] = self._drive.node
        self.most, self.longest_poll = most, longest_poll
        self.items: list[Any] = []
        self.ended = False

    @property
    def refused(self) -> list[Any]:
        return [failure.item for failure in self._drive.failures]

    @property
    def seen(self) -> int:
        return len(self.items) + len(self._drive.failures)

    def read(self, limit: int) -> None:
        """Bring in what there is, or `most` items, and count along."""
        start, seen = self.node.position, self.seen
        if isinstance(self.node, AsyncSource):
            asyncio.run(self._stream(self.node))
        else:
            self._poll(limit)
        counted = self.node.position - start
        _must(counted == self.seen - seen, f"its position went on by {counted} while {self.seen - seen} came")

    def _poll(self, limit: int) -> None:
        quiet = empty = 0
        while self.seen < self.most and quiet < _QUIET_POLLS:
            asked, began = min(limit, self.most - self.seen), SYSTEM_CLOCK.now()
            answer = self.node.poll(asked)
            took = SYSTEM_CLOCK.now() - began
            _must(took <= self.longest_poll, f"poll took {took:.3f} s; it must answer at once, with Wait if need be")
            quiet = quiet + 1 if isinstance(answer, Wait) else 0
            if answer is END:
                self.ended = True
                return
            if isinstance(answer, Wait):
                self._drive.sleep(answer.seconds)
            else:
                _must(isinstance(answer, list), f"poll answered {answer!r}, which is no list, Wait or END")
                assert isinstance(answer, list)  # noqa: S101 - for the type checker
                _must(len(answer) <= asked, f"poll({asked}) answered with {len(answer)} items")
                self.items += answer
                empty = 0 if answer else empty + 1
                _must(empty < _EMPTY_POLLS, "poll answers with an empty list again and again; Wait(seconds) says when")

    async def _stream(self, node: AsyncSource[Any]) -> None:
        stream = node.stream()
        if not hasattr(stream, "__anext__"):
            raise AssertionError(f"stream must be an async generator, not a {type(stream).__name__}")
        while self.seen < self.most:
            try:
                items = await anext(stream)
            except StopAsyncIteration:
                self.ended = True
                return
            _must(isinstance(items, list), f"stream yielded {items!r}, which is no list")
            self.items += items

    def check_end(self) -> None:
        if self.ended and not isinstance(self.node, AsyncSource):
            position = self.node.position
            answers = [self.node.poll(10) for _ in range(2)]
            _must(all(answer is END for answer in answers), f"after END it answered {answers!r}")
            _must(self.node.position == position, "its position went on after END")
        self.close()
        self.close()

    def check_same(self, rest: _Reading, position: int, how: str) -> None:
        """What `rest` read is what this one read from `position` on."""
        _must(rest.seen == self.seen - position, f"{how} there came {rest.seen} items, not {self.seen - position}")
        for mine, others, what in ((self.items, rest.items, "items"), (self.refused, rest.refused, "refused items")):
            expected = mine[len(mine) - len(others) :]
            unlike = [n for n, (one, other) in enumerate(zip(expected, others, strict=True)) if one != other]
            if unlike:
                n = unlike[0]
                raise AssertionError(f"{how} the {what} are others: {others[n]!r} in the place of {expected[n]!r}")

    def close(self) -> None:
        self.node.closed()


def _must(right: bool, otherwise: str) -> None:
    if not right:
        raise AssertionError(f"the source breaks a promise: {otherwise}")
