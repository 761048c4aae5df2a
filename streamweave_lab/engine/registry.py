"""The runs of this process, by the name of their graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamweave_lab.engine.run import LocalRun

_RUNS: dict[str, LocalRun] = {}


def runs() -> dict[str, LocalRun]:
    """The newest run of every graph started in this process, ended ones included, by the graph's name."""
    return dict(_RUNS)


def enter(run: LocalRun) -> LocalRun | None:
    """Make `run` the run of its name. Returns the run it replaces, if there was one."""
    earlier = _RUNS.get(run.name)
    _RUNS[run.name] = run
    return earlier
