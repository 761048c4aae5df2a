"""Whether a run does worse after a change of its configuration than before. Decisions, and how a run is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streamweave_lab.engine.lifecycle import State
from streamweave_lab.engine.reasons import why_not_ready
from streamweave_lab.engine.status import LoopStatus

if TYPE_CHECKING:
    from streamweave_lab.engine.execution import Execution

SECONDS_BETWEEN_LOOKS = 0.25
FEWEST_ERRORS = 3
"""Fewer new errors of a node than this are not taken for a rise."""
MARGIN = 0.01
"""The share of refused items may rise to twice what it was, and by this much, before it is a rise."""

ENOUGH_ITEMS = 100
"""So many items of a node tell what share of them it usually refuses."""


@dataclass(frozen=True)
class Work:
    """What one node has done since the run began."""

    items: int = 0
    errors: int = 0
    restarts: int = 0


@dataclass(frozen=True)
class Health:
    """How a run does at one moment."""

    nodes: Mapping[str, Work] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    """Why it is not ready."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of watching a run after a change."""

    seconds: float
    worse: tuple[str, ...] = ()
    """In which respects it does worse: a sentence each."""
    cut_short: str | None = None
    """Why it was not watched to the end."""


def since(last: Health, now: Health) -> Health:
    """What a run has done since it was last changed, by which the next change is judged.

    A node that has done little since is judged by all it has done.
    """
    nodes = {}
    for name, work in now.nodes.items():
        past = last.nodes.get(name, Work())
        fresh = Work(work.items - past.items, work.errors - past.errors, work.restarts - past.restarts)
        nodes[name] = fresh if fresh.items >= ENOUGH_ITEMS else work
    return Health(nodes, now.reasons)


def worse(before: Health, applied: Health, now: Health) -> tuple[str, ...]:
    """In which respects a run does worse since a change was applied than before it was asked for."""
    found = [f"it is not ready: {reason}" for reason in now.reasons if reason not in before.reasons]
    for name, work in now.nodes.items():
        start, past = applied.nodes.get(name, Work()), before.nodes.get(name, Work())
        errors, items = work.errors - start.errors, work.items - start.items
        share, usual = _share(errors, items), _share(past.errors, past.items)
        if errors >= FEWEST_ERRORS and share > 2 * usual + MARGIN:
            found.append(f"{name} refuses {share:.0%} of its items, before it were {usual:.1%}")
        if work.restarts > start.restarts:
            found.append(f"{name} has failed and begins again")
    return tuple(found)


def health(run: Execution) -> Health:
    """How `run` does now; on its loop."""
    resting = run.core.resting
    nodes = {
        state.node.name: Work(
            sum(state.items_in.values()) if state.items_in else sum(state.items_out.values()),
            state.errors,
            state.restarts + bool(resting & state.bit),
        )
        for state in run.core.states
    }
    loop = run.pulse.status() if run.pulse is not None else LoopStatus()
    return Health(nodes, tuple(why_not_ready(run, loop, run.lifecycle.state)))


async def watched(run: Execution, before: Health, seconds: float, hurried: Callable[[], bool]) -> Verdict:
    """Watch `run` for so many seconds after a change, or until it does worse, ends, or somebody is in a hurry."""
    clock, applied = run.core.clock, health(run)
    began = clock.now()
    while (left := began + seconds - clock.now()) > 0:
        await asyncio.sleep(min(left, SECONDS_BETWEEN_LOOKS))
        since, state = clock.now() - began, run.lifecycle.state
        if state is State.FAILED:
            return Verdict(since, (_failed(run),))
        if state is not State.RUNNING:
            return Verdict(since, cut_short=f"the run is {state.value}")
        if found := worse(before, applied, health(run)):
            return Verdict(since, found)
        if hurried():
            return Verdict(since, cut_short="another change was asked for")
    return Verdict(seconds)


def _failed(run: Execution) -> str:
    """Without the words of the error: this is kept, in histories and journals, and they may quote an item."""
    failure = run.failure
    return "failed" if failure is None else f"failed: {failure.node}: {type(failure.error).__name__}"


def _share(errors: int, items: int) -> float:
    return errors / max(items, errors, 1)
