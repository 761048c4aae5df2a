"""Runs and statuses for the tests of the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamweave_lab as sw

if TYPE_CHECKING:
    from streamweave_lab.engine.run import LocalRun

HOSTILE = "</td><script>alert('x')</script>&\""


class Limits(sw.Config):
    """One setting that is live, and one that is not."""

    limit: int = sw.live(10, ge=1, le=100)
    place: str = "here"


def refuse_tens(n: int) -> int:
    """Refuses every tenth item, with an error that would like to be markup."""
    if n % 10 == 0:
        raise ValueError(HOSTILE)
    return n


def sieve(items: Any = range(100)) -> sw.Graph:
    """Four nodes, one of which refuses; event times in seconds."""
    numbers = sw.Replay("numbers", items, time=float)
    check = sw.Map("check", refuse_tens)
    return sw.Graph("sieve", numbers >> check >> sw.Count("good"), check.error >> sw.Count("bad"))


def finished() -> LocalRun:
    """A run of the sieve to its end."""
    return sieve().run_to_end(Limits())


class Idle(sw.Source[int]):
    """A source that waits until its run ends."""

    def poll(self, limit: int) -> Any:
        return sw.Wait(1.0)


def waiting(name: str = "waiting") -> sw.Graph:
    """A graph in which nothing happens."""
    return sw.Graph(name, Idle("source") >> sw.Map("step", abs) >> sw.Count("count"))
