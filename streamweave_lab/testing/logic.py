"""What the logic of every node must keep to, checked against one of your own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from math import inf
from operator import attrgetter
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from streamweave_lab.engine.stamping import Stamper
from streamweave_lab.graph.batch import Batch
from streamweave_lab.state import codec
from streamweave_lab.testing.harness import Drive

if TYPE_CHECKING:
    from streamweave_lab.config.model import Config
    from streamweave_lab.graph.node import Node


def check_logic(
    node: Node,
    items: Sequence[Any],
    times: Sequence[float] | None = None,
    *,
    ports: Sequence[str] | None = None,
    config: Config | None = None,
    lag: float = 0.0,
    rounds: int = 30,
    seed: int = 0,
    in_order: bool = True,
    all_leave: bool = False,
) -> Drive:
    """Check what the engine relies on in the logic of `node`, which is driven by hand over `items`.

    - Whatever the batches, it sends the same items, with the same event times, in the same order on each port
      (with `in_order=False`: in any), refuses the same and finds the same late.
    - Interrupted anywhere, kept by `snapshot`, encoded, and restored into a new node, it goes on as if nothing had
      happened; and what `snapshot` returned does not change afterwards, whether `secure` is called or not.
    - `holds` counts what it keeps back: never more than came, the same after a restore, and nothing at the end.
    - Nothing is sent earlier than was promised, except for what came behind the frontier and leaves with the event
      time it came with; nothing is refused or late that never came, and the lists that it
      was given are as they were. With `all_leave` every item leaves exactly once, by whatever port.

    `times` are event times in seconds; the watermark stays `lag` behind the newest, and stands where the node's
    `window_granularity` needs it. `ports` names the input of each item, "in" unless given. `rounds` batchings and
    moments are tried, which `seed` chooses. Logic that goes by the clock sees it stand still.

    Returns: the uninterrupted Drive, everything in one batch. Raises: AssertionError with what is not so.
    """
    check = _Check(node, _rows(items, times, ports), config, lag, in_order)
    whole = check.uninterrupted([])
    if all_leave:
        check.all_leave(whole)
    dice = Random(seed)  # noqa: S311 - no secret
    for number in range(rounds):
        cuts = [*range(len(items))] if number == 0 else check.some_cuts(dice)
        check.uninterrupted(cuts, like=whole)
        check.interrupted(cuts, dice, whole.outcome)
    check.interrupted([], dice, whole.outcome)
    return whole.drive


class _Row(NamedTuple):
    item: Any
    time: float
    port: str


class _Step(NamedTuple):
    """A batch for a port; or without one, a watermark."""

    port: str | None
    items: list[Any]
    times: list[float] | None
    watermark: float


@dataclass
class _Outcome:
    """What has left a node: by port, refused, and late."""

    sent: dict[str, list[Any]]
    refused: list[Any]
    late: list[Any]

    @classmethod
    def of(cls, *drives: Drive) -> _Outcome:
        sent: dict[str, list[Any]] = {}
        for drive in drives:
            for port, items in drive.out.items():
                sent.setdefault(port, []).extend(zip(items, drive.times[port], strict=True))
        refused = [(f.item, type(f.error).__name__, str(f.error), f.time) for d in drives for f in d.failures]
        late = [pair for d in drives for pair in zip(d.late_items, d.late_times, strict=True)]
        return cls({port: items for port, items in sent.items() if items}, refused, late)

    def streams(self) -> dict[str, list[Any]]:
        sent = {f"on {port!r}": items for port, items in self.sent.items()}
        return {**sent, "as refused": self.refused, "as late": self.late}


class _Played(NamedTuple):
    drive: Drive
    held: int
    """What it held when everything had come, and nothing had ended."""
    outcome: _Outcome


class _Check:
    def __init__(self, node: Node, rows: list[_Row], config: Config | None, lag: float, in_order: bool) -> None:
        self.node, self.rows, self.config, self.lag, self.in_order = node, rows, config, lag, in_order
        pickled = getattr(node, "pickled_state", False)
        self._encode = codec.encode_pickled if pickled else codec.encode
        self._decode = codec.decode_pickled if pickled else codec.decode

    def some_cuts(self, dice: Random) -> list[int]:
        share = dice.choice([0.05, 0.2, 0.6])
        return [place for place in range(len(self.rows)) if dice.random() < share]

    def uninterrupted(self, cuts: list[int], like: _Played | None = None) -> _Played:
        drive = self._opened()
        self._play(drive, self._script(cuts))
        held = drive.node.holds
        self._end(drive)
        self._must(drive.node.holds == 0, f"it still holds {drive.node.holds} items when everything has ended")
        played = _Played(drive, held, _Outcome.of(drive))
        self._no_strangers(played.outcome)
        if like is not None:
            self._same(like.outcome, played.outcome, f"in {self._batches(cuts)}, and not in one batch")
            self._must(held == like.held, f"it holds {held} items after {self._batches(cuts)}, {like.held} after one")
        return played

    def interrupted(self, cuts: list[int], dice: Random, expected: _Outcome) -> None:
        script = list(self._script(cuts))
        at = dice.randint(0, len(script))
        came = sum(len(step.items) for step in script[:at])
        where = f"interrupted after {came} of {len(self.rows)} items"
        first, lost = self._opened(), self._opened()
        for drive in (first, lost):
            self._play(drive, script[:at])
        state = lost.node.snapshot()
        kept = self._encode(state)
        if dice.random() < 0.5:  # the engine does so later, or not at all
            lost.node.secure()
        self._play(lost, script[at:], came)
        self._must(self._encode(state) == kept, f"{where}: what snapshot() returned has changed; return a copy")
        second = Drive(self.node)
        second.node.clock.move_to(first.node.clock.now())
        second.frontier, second.promised, second.behind = first.frontier, first.promised, first.behind
        if state is not None:
            second.node.restore(self._decode(kept))
        if self.config is not None:  # as in a run: a node knows its state before its configuration
            second.configure(self.config)
        second.sleep(0.0)
        held, again = first.node.holds, second.node.holds
        self._must(again == held, f"{where}: it held {held} items, and restored {again}")
        self._play(second, script[at:], came)
        self._end(second)
        self._same(expected, _Outcome.of(first, second), f"{where}, in {self._batches(cuts)}")

    def all_leave(self, played: _Played) -> None:
        left = sum(map(len, played.outcome.streams().values()))
        self._must(left == len(self.rows), f"{len(self.rows)} items came, and {left} left")

    # Inside

    def _opened(self) -> Drive:
        drive = Drive(self.node, self.config)
        drive.sleep(0.0)
        return drive

    def _play(self, drive: Drive, script: Iterable[_Step], came: int = 0) -> None:
        for step in script:
            if step.port is None:
                drive.advance(step.watermark)
            else:
                items, times = list(step.items), None if step.times is None else list(step.times)
                drive.batch(items, times, step.port)
                self._must(
                    items == step.items and times == step.times, "it changed the lists of the batch it was given"
                )
            came += len(step.items)
            drive.sleep(0.0)
            held = drive.node.holds
            self._must(0 <= held <= came, f"it says that it holds {held} items, of {came}")

    def _end(self, drive: Drive) -> None:
        """As in a run: a source that ends promises all up to its newest item."""
        drive.advance(max((row.time for row in self.rows), default=-inf))
        drive.finish()

    def _script(self, cuts: list[int]) -> Iterator[_Step]:
        """Batches and watermarks as a source would send them, cut after each of the places in `cuts`."""
        timed = bool(self.rows) and self.rows[0].time > -inf
        granularity = self.node.window_granularity
        stamper = Stamper(attrgetter("time") if timed else None, self.lag, granularity)
        ends = sorted({*(cut + 1 for cut in cuts), len(self.rows)})
        for begin, end in zip([0, *ends], ends, strict=False):
            for entry in stamper.stamp(self.rows[begin:end]) if end > begin else ():
                if isinstance(entry, Batch):
                    for port, group in groupby(entry.items, attrgetter("port")):
                        rows: list[_Row] = [*group]
                        yield _Step(port, [r.item for r in rows], [r.time for r in rows] if timed else None, -inf)
                elif entry.time is not None:
                    yield _Step(None, [], None, entry.time)

    def _no_strangers(self, outcome: _Outcome) -> None:
        known = [row.item for row in self.rows]
        for item, *_ in (*outcome.refused, *outcome.late):
            self._must(item in known, f"{item!r} is refused or late, and never came, or not so often")
            known.remove(item)

    def _same(self, expected: _Outcome, found: _Outcome, how: str) -> None:
        one, other = expected.streams(), found.streams()
        order: Callable[[list[Any]], list[Any]] = list if self.in_order else lambda pairs: sorted(pairs, key=repr)
        for what in {**one, **other}:
            both = zip_longest(order(one.get(what, [])), order(other.get(what, [])), fillvalue="missing")
            for place, (was, now) in enumerate(both):
                if was != now:
                    self._must(False, f"{how}, it sends other items {what}: number {place} is {now!r}, and was {was!r}")

    def _batches(self, cuts: list[int]) -> str:
        return f"{len({*cuts, len(self.rows) - 1})} batches"

    def _must(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise AssertionError(f"{self.node!r}: {otherwise}")


def _rows(items: Sequence[Any], times: Sequence[float] | None, ports: Sequence[str] | None) -> list[_Row]:
    every_time = [-inf] * len(items) if times is None else times
    return [_Row(*row) for row in zip(items, every_time, ports or ["in"] * len(items), strict=True)]


__all__ = ["check_logic"]
