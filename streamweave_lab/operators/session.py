"""Session windows: the items of a key make them, and two may become one."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from heapq import heappop, heappush
from math import inf, isfinite
from operator import itemgetter
from typing import Any

from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Node
from streamweave_lab.operators.folds import Fold
from streamweave_lab.operators.gather import Gather, Plan, Say, changing, loaded, saved, say_fold
from streamweave_lab.operators.keyed import Accumulators
from streamweave_lab.operators.panes import Pane
from streamweave_lab.progress.grid import plus
from streamweave_lab.progress.window import Session, Tumbling, last_instant

Open = tuple[int, float, float, bool, int, Any]
"""Number, beginning, end, whether it was sent and is open only for late items that are allowed, items in it that
were not sent, accumulator. A plain tuple, which never changes: a copy of the dictionary is a snapshot."""


class SessionGather(Gather):
    """The open sessions of every key.

    The frontier counts only as far as the last multiple of the gap that it has passed, for there alone it is
    the same whatever the size of batches: what is sent, merged and late follows from that and from the items.
    """

    def __init__(self, node: Node, plan: Plan) -> None:
        self._numbered = False
        super().__init__(node, plan)
        size: Session = plan.size
        self._gap, self._multiples = size.gap, Tumbling(seconds=size.gap)
        self._none = Accumulators(self.fold.initial)
        """Gives the initial value; it has no key."""
        self._sessions: dict[Any, tuple[Open, ...]] = {}
        """Those of each key, the earliest first."""
        self._number = 0
        """Of the next session, or of the next item where items are kept."""
        self._passed = -inf
        self._closed = -inf
        """Sessions that end by then take no items any more."""
        self._ahead: list[tuple[float, int, Any]] = []
        """When to look at which key: a heap; an entry that is not the one in `_due` is of no account."""
        self._due: dict[Any, float] = {}
        self._changed: dict[int, Any] = {}

    def in_use(self, how: Any) -> tuple[Fold[Any, Any], Say]:
        """Where accumulators cannot be merged, items are kept with their numbers, to be gone over again."""
        if isinstance(how, Fold) and how.merge is not None:
            return how, say_fold(how, self.plan.again)
        self._numbered = True
        if not isinstance(how, Fold):
            return KEPT, lambda key, start, end, kept: how(Pane(key, start, end, [item for _, item in kept]))
        fold = mergeable(how)
        return fold, say_fold(fold, self.plan.again)

    def take(self, batch: Batch) -> None:
        """Put each item into its session, which it may begin, or make of others."""
        if batch.times is None:
            self.refuse_timeless(batch.items)
            return
        late: list[tuple[Any, float]] = []
        for item, time in zip(batch.items, batch.times, strict=True):
            try:
                if not self._put(item, time):
                    late.append((item, time))
            except Exception as error:
                self.refuse(item, error, time)
        self.late(late)

    def _put(self, item: Any, time: float) -> bool:
        """Put one item where it belongs; False if it is late. If this raises, nothing has changed."""
        key, start, end = self.plan.key(item), time, plus(time, self._gap)
        if not start < end < inf:
            raise ValueError(f"no session holds the instant {time}")
        mine = self._sessions.get(key, ())
        low = high = _place(mine, time)
        while high < len(mine) and mine[high][1] < end:
            high += 1
        touched = mine[low:high]
        if not touched and end <= self._closed:
            return False
        value = self._value(touched, item)
        number, held = self._number, 0
        if touched:
            number, start, held = touched[0][0], min(start, touched[0][1]), sum([s[4] for s in touched])
            end = max(end, touched[-1][2])
        sent = end <= self._passed
        session = (number, start, end, sent, held + (not sent), value)
        self._number += 1
        self._sessions[key] = (*mine[:low], session, *mine[high:])
        self._look_at(key, session)
        if sent:
            self._send([(key, session)])
        else:
            self.node.holds += 1
            if self.plan.early:
                self._changed[number] = key
        return True

    def _value(self, touched: tuple[Open, ...], item: Any) -> Any:
        """The accumulator of all these with the item in it."""
        fold, given = self.fold, (self._number, item) if self._numbered else item
        if len(touched) == 1:
            return fold.step(touched[0][5], given)
        value = fold.step(self._none[None], given)
        if not touched:
            return value
        assert fold.merge is not None  # noqa: S101 - or it were a mergeable one
        merged = touched[0][5]
        for session in touched[1:]:
            merged = fold.merge(merged, session[5])
        return fold.merge(merged, value)

    def advanced(self, frontier: float) -> None:
        """Send the sessions that end by the last multiple of the gap that the frontier has passed."""
        passed = self._multiples.bounds(frontier)[0] if isfinite(frontier) else frontier
        if passed <= self._passed:
            return
        self._passed, self._closed = passed, plus(passed, -self.plan.allowed)
        due: list[tuple[Any, Open]] = []
        while self._ahead and self._ahead[0][0] <= passed:
            when, _, key = heappop(self._ahead)
            if self._due.get(key) == when:
                due += self._sift(key)
        self._send_due(due)

    def _sift(self, key: Any) -> list[tuple[Any, Open]]:
        """The sessions of a key that are due; those that take no more items are forgotten."""
        mine, passed = self._sessions[key], self._passed
        first = mine[0][2]
        if first > passed:  # it has grown, and so has what comes after it
            self._due[key] = first
            heappush(self._ahead, (first, mine[0][0], key))
            return []
        del self._sessions[key], self._due[key]
        due = [(key, session) for session in mine if session[2] <= passed and not session[3]]
        still = tuple((*s[:3], True, 0, s[5]) if s[2] <= passed else s for s in mine if s[2] > self._closed)
        if still:
            self._sessions[key] = still
            for session in still:
                self._look_at(key, session)
        return due

    def finished(self) -> None:
        """Send every session that was not sent yet."""
        self._send_due([(key, session) for key, mine in self._sessions.items() for session in mine if not session[3]])
        self._sessions, self._due, self._ahead, self._changed = {}, {}, [], {}

    def frontier_out(self, frontier: float) -> float:
        """The multiple of the gap that was passed last, less the lateness that is allowed: none ends before."""
        return min(frontier, self._closed)

    def send_early(self) -> None:
        """Send the sessions that have changed."""
        changed, self._changed = self._changed, {}
        rows = [(key, s) for number, key in changed.items() for s in self._sessions.get(key, ()) if s[0] == number]
        self._send(sorted((row for row in rows if not row[1][3]), key=_order))

    def snapshot(self) -> Any:
        """How far the frontier counts, and the sessions."""
        rows: dict[Any, Any] = dict(self._sessions)
        if changing(self.fold, (s[5] for mine in rows.values() for s in mine)):
            rows = self._with(saved, rows)
        return self._number, self._passed, rows

    def restore(self, state: Any) -> None:
        """Go on with these sessions."""
        self._number, self._passed, rows = state
        self._closed = plus(self._passed, -self.plan.allowed)
        self._sessions = self._with(loaded, rows)
        for key, mine in self._sessions.items():
            for session in mine:
                self._look_at(key, session)
                self.node.holds += session[4]
                if self.plan.early:
                    self._changed[session[0]] = key

    def _with(self, changed: Callable[..., dict[Any, Any]], rows: dict[Any, tuple[Open, ...]]) -> dict[Any, Any]:
        """These sessions with accumulators that `changed` makes of theirs."""
        values = changed(self.fold, {session[0]: session[5] for mine in rows.values() for session in mine})
        return {key: tuple([(*s[:5], values[s[0]]) for s in mine]) for key, mine in rows.items()}

    def _look_at(self, key: Any, session: Open) -> None:
        when = plus(session[2], self.plan.allowed) if session[3] else session[2]
        if when < self._due.get(key, inf):
            self._due[key] = when
            heappush(self._ahead, (when, session[0], key))

    def _send_due(self, due: list[tuple[Any, Open]]) -> None:
        self._send(sorted(due, key=_order))
        self.node.holds -= sum(session[4] for _, session in due)
        for _, session in due:
            self._changed.pop(session[0], None)

    def _send(self, rows: list[tuple[Any, Open]]) -> None:
        self.send((key, s[1], s[2], s[5], last_instant(s[2])) for key, s in rows)


def _order(row: tuple[Any, Open]) -> tuple[float, float, int]:
    """Which ends first; which began first; which was begun first."""
    number, start, end, *_ = row[1]
    return end, start, number


def _place(mine: tuple[Open, ...], time: float) -> int:
    """Which is the first of a key's sessions that does not end by `time`; they lie apart, the earliest first."""
    place = len(mine)
    while place and time < mine[place - 1][2]:
        place -= 1
    return place


def _keep(kept: list[tuple[int, Any]], pair: tuple[int, Any]) -> list[tuple[int, Any]]:
    kept.append(pair)
    return kept


def _in_order(one: list[tuple[int, Any]], other: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
    return sorted(one + other, key=itemgetter(0))


KEPT: Fold[Any, Any] = Fold([], _keep, merge=_in_order, save=list, load=list)
"""Keeps items with their numbers."""


def mergeable(fold: Fold[Any, Any]) -> Fold[Any, Any]:
    """The same fold, of numbered items, which keeps them beside its value: to merge is to go over all again."""

    def step(seen: tuple[Any, list[tuple[int, Any]]], pair: tuple[int, Any]) -> tuple[Any, list[tuple[int, Any]]]:
        value, kept = fold.step(seen[0], pair[1]), seen[1]
        kept.append(pair)
        return value, kept

    def merge(one: tuple[Any, Any], other: tuple[Any, Any]) -> tuple[Any, Any]:
        kept, value = _in_order(one[1], other[1]), deepcopy(fold.initial)
        for _, item in kept:
            value = fold.step(value, item)
        return value, kept

    def save(seen: tuple[Any, Any]) -> tuple[Any, Any]:
        return saved(fold, {0: seen[0]})[0], list(seen[1])

    def load(seen: tuple[Any, Any]) -> tuple[Any, Any]:
        return loaded(fold, {0: seen[0]})[0], list(seen[1])

    result = fold.result
    say = (lambda seen: seen[0]) if result is None else (lambda seen: result(seen[0]))
    return Fold((fold.initial, []), step, say, merge, save, load)
