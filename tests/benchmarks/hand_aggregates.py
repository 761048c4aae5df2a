"""W3 with each aggregate, written by hand as `hand.window_sums` is: what an engineer would write for just that.

Each is the same loop with another body: the accumulators of a second by key, and what is sent of one in the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datasketches import tdigest_double

from tests.benchmarks.workloads import DISORDER, key_of, time_of, value_of

SHARES = (0.5, 0.99)
FINENESS = 400
"""The k of the t-digests, as that of the built-in one."""

Sent = list[tuple[str, float, Any]]


class Seconds:
    """The panes of each second, given back as soon as no earlier item can come."""

    def __init__(self, result: Callable[[Any], Any] | None = None) -> None:
        self.sent: Sent = []
        self.panes: dict[int, dict[str, Any]] = {}
        self.next_end = 1.0
        self._result = result

    def reach(self, time: float) -> float:
        """A newer time; what is due is sent. Returns it."""
        while time - DISORDER >= self.next_end:
            self._send(int(self.next_end) - 1)
            self.next_end += 1
        return time

    def rest(self) -> Sent:
        """All that was sent, the rest at last."""
        for second in sorted(self.panes):
            self._send(second)
        return self.sent

    def _send(self, second: int) -> None:
        panes, result = self.panes.pop(second, {}), self._result
        if result is None:
            self.sent += [(key, float(second), value) for key, value in panes.items()]
        else:
            self.sent += [(key, float(second), result(value)) for key, value in panes.items()]


def counts(items: Any) -> Sent:
    seconds, newest = Seconds(), 0.0
    by_second = seconds.panes
    for item in items:
        key, time = key_of(item), time_of(item)
        if time > newest:
            newest = seconds.reach(time)
        second = int(time)
        pane = by_second.get(second)
        if pane is None:
            pane = by_second[second] = {}
        pane[key] = pane.get(key, 0) + 1
    return seconds.rest()


def sums(items: Any) -> Sent:
    seconds, newest = Seconds(), 0.0
    by_second = seconds.panes
    for item in items:
        key, time = key_of(item), time_of(item)
        if time > newest:
            newest = seconds.reach(time)
        second = int(time)
        pane = by_second.get(second)
        if pane is None:
            pane = by_second[second] = {}
        pane[key] = pane.get(key, 0) + value_of(item)
    return seconds.rest()


def means(items: Any) -> Sent:
    seconds, newest = Seconds(lambda seen: seen[1] / seen[0]), 0.0
    by_second = seconds.panes
    for item in items:
        key, time = key_of(item), time_of(item)
        if time > newest:
            newest = seconds.reach(time)
        second = int(time)
        pane = by_second.get(second)
        if pane is None:
            pane = by_second[second] = {}
        seen = pane.get(key)
        if seen is None:
            pane[key] = [1, value_of(item)]
        else:
            seen[0] += 1
            seen[1] += value_of(item)
    return seconds.rest()


def minima(items: Any) -> Sent:
    seconds, newest = Seconds(), 0.0
    by_second = seconds.panes
    for item in items:
        key, time = key_of(item), time_of(item)
        if time > newest:
            newest = seconds.reach(time)
        second = int(time)
        pane = by_second.get(second)
        if pane is None:
            pane = by_second[second] = {}
        least, value = pane.get(key), value_of(item)
        if least is None or value < least:
            pane[key] = value
    return seconds.rest()


def maxima(items: Any) -> Sent:
    seconds, newest = Seconds(), 0.0
    by_second = seconds.panes
    for item in items:
        key, time = key_of(item), time_of(item)
        if time > newest:
            newest = seconds.reach(time)
        second = int(time)
        pane = by_second.get(second)
        if pane is None:
            pane = by_second[second] = {}
        greatest, value = pane.get(key), value_of(item)
        if greatest is None or value > greatest:
            pane[key] = value
    return seconds.rest()


def quantiles(items: Any) -> Sent:
    seconds, newest = Seconds(lambda digest: tuple(digest.get_quantile(share) for share in SHARES)), 0.0
    by_second = seconds.panes
    for item in items:
        key, time = key_of(item), time_of(item)
        if time > newest:
            newest = seconds.reach(time)
        second = int(time)
        pane = by_second.get(second)
        if pane is None:
            pane = by_second[second] = {}
        digest = pane.get(key)
        if digest is None:
            digest = pane[key] = tdigest_double(FINENESS)
        digest.update(value_of(item))
    return seconds.rest()


CAN: dict[str, Callable[[Any], Sent]] = {
    "count": counts,
    "sum": sums,
    "mean": means,
    "min": minima,
    "max": maxima,
    "quantiles": quantiles,
}
