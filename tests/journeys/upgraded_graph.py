"""Three versions of one graph, in one file: which of them is drawn, the environment says.

1 adds readings up. 2 also counts them, and so keeps another shape of state, to which it brings the old one. 3 has a
node more.
"""

from __future__ import annotations

import os
from typing import Any

import streamweave_lab as sw
from streamweave_lab.connectors import JSONLinesFile
from streamweave_lab.graph.source import Poll, Wait

VERSION = int(os.environ.get("READINGS_VERSION", "1"))
PAUSE = 0.01
"""Seconds between two chunks of readings."""


class Readings(sw.Source[int]):
    """1, 2, 3, … a few at a time, for ever; it can be sought."""

    def opened(self) -> None:
        self.position = 0
        self._waited = False

    def seek(self, position: int) -> None:
        self.position = position

    def poll(self, limit: int) -> Poll[int]:
        self._waited = not self._waited
        if self._waited:
            return Wait(PAUSE)
        first, self.position = self.position + 1, self.position + min(limit, 10)
        return [*range(first, self.position + 1)]


class Total(sw.Step[int, dict[str, int]]):
    """The sum of all readings so far."""

    def opened(self) -> None:
        self.total = 0

    def on_item(self, item: int) -> None:
        self.total += item
        self.emit(self.out, {"reading": item, "total": self.total})

    def snapshot(self) -> Any:
        return self.total

    def restore(self, state: Any) -> None:
        self.total = state


class Mean(sw.Step[int, dict[str, int]]):
    """Their sum and their number; of an older state the number follows from the sum, for readings are 1, 2, 3, …"""

    state_version = 2

    def opened(self) -> None:
        self.total = self.count = 0

    def on_item(self, item: int) -> None:
        self.total += item
        self.count += 1
        self.emit(self.out, {"reading": item, "total": self.total, "count": self.count})

    def snapshot(self) -> Any:
        return {"total": self.total, "count": self.count}

    def restore(self, state: Any) -> None:
        self.total, self.count = state["total"], state["count"]

    def migrate(self, state: Any, version: int) -> Any:
        count = int(((8 * state + 1) ** 0.5 - 1) / 2)
        return {"total": state, "count": count}


def graph() -> sw.Graph:
    """The version that is asked for; what comes out is in `totals.jsonl` of the current folder."""
    readings = Readings("readings")
    totals = Total("totals") if VERSION == 1 else Mean("totals")
    out = readings >> totals >> JSONLinesFile("out", "totals.jsonl")
    if VERSION < 3:
        return sw.Graph("readings", out)
    return sw.Graph("readings", out, totals >> sw.Count("seen"))
