"""Own nodes are small classes, and their ports have types."""

from typing import assert_type

import streamweave_lab as sw
from streamweave_lab.graph.port import ClosedPath, Path


class Reading:
    def __init__(self, celsius: float) -> None:
        self.celsius = celsius


class Thermometer(sw.Source[Reading]):
    def poll(self, limit: int) -> list[Reading] | sw.Wait:
        return [Reading(20.0)] if limit else sw.Wait(1.0)


class Triage(sw.Step[Reading, Reading]):
    hot: sw.Out[Reading]

    def on_item(self, item: Reading) -> None:
        self.emit(self.hot if item.celsius > 30 else self.out, item)


class Pairs(sw.Node):
    left: sw.In[Reading]
    right: sw.In[str]
    out: sw.Out[tuple[Reading, str]]

    def on_left(self, item: Reading) -> None:
        self.emit(self.out, (item, ""))

    def on_right(self, item: str) -> None: ...


class Alarm(sw.Sink[Reading]):
    def on_item(self, item: Reading) -> None: ...


triage, pairs = Triage("triage"), Pairs("pairs")
names = sw.Replay("names", ["a"])
assert_type(Thermometer("t") >> triage, Path[Reading])
assert_type(triage.hot >> Alarm("alarm"), ClosedPath)
assert_type(triage >> pairs.left, ClosedPath)
assert_type(names >> pairs.right, ClosedPath)
assert_type(pairs.out >> sw.Collect[tuple[Reading, str]]("both"), ClosedPath)

parity = sw.Route[int]("parity", even=lambda n: n % 2 == 0)
assert_type(parity["even"] >> sw.Collect[int]("even"), ClosedPath)
assert_type(parity.rest >> sw.Collect[int]("odd"), ClosedPath)
