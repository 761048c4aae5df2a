"""The graph of the processes that faults are done to: what it takes in, and how fast, is decided by files beside it."""

from __future__ import annotations

from pathlib import Path
from time import sleep

from pydantic import SecretStr

import streamweave_lab as sw
from streamweave_lab.graph.source import Poll

TOTAL = 3000
"""Items of the whole: their rows take more than one page of a disk. With the last of them the run has ended."""
PATIENCE = 120.0
"""Seconds after which a node that hangs gives up, lest a test that failed leave a process behind."""


class Settings(sw.Config):
    """A setting that can be changed and changes nothing, and a secret."""

    note: str = sw.live("")
    password: SecretStr = SecretStr("none")


class Gated(sw.Source[int]):
    """The numbers from 1, as far as the file `gate` says."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.time = float

    def opened(self) -> None:
        self.position = 0

    def seek(self, position: int) -> None:
        self.position = position

    def poll(self, limit: int) -> Poll[int]:
        if self.position >= TOTAL:
            return sw.END
        gate = Path("gate")
        upto = min(int(gate.read_text() or 0) if gate.exists() else 0, self.position + limit, TOTAL)
        if upto <= self.position:
            return sw.Wait(0.01)
        items = list(range(self.position + 1, upto + 1))
        self.position = upto
        return items


def square(number: int, config: Settings) -> int:
    """The loop stands still where the file `hang` names this number, until it is gone."""
    hang = Path("hang")
    for _ in range(int(PATIENCE / 0.02)):
        if not hang.exists() or hang.read_text() != str(number):
            break
        sleep(0.02)
    return number * number


def add(total: int, number: int) -> int:
    """A running sum: to lose an item, or to have it twice, shows in every row that follows."""
    return total + number


def gated(folder: Path = Path()) -> sw.Graph:
    """Sums as they grow, and sums by ten; one file each in `folder`."""
    numbers = Gated("numbers")
    squares = sw.Map("squares", square, config=Settings)
    tens = sw.Window("tens", sw.sum(float), sw.Tumbling(seconds=10))
    return sw.Graph(
        "gated",
        numbers >> squares >> sw.Reduce("sum", add, initial=0) >> sw.connectors.JSONLinesFile("rows", folder / "rows"),
        numbers >> tens >> sw.connectors.JSONLinesFile("windows", folder / "windows"),
    )


graph = gated()
