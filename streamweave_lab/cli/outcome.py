"""How a run ended, as a number for whoever called and a sentence for whoever looks."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamweave_lab.engine.status import Status

_PLACE = re.compile(r'File "([^"]+)", line (\d+), in (.+)')


class Exit(IntEnum):
    """Exit codes, those of sysexits.h where there is one."""

    DRAINED = 0
    """All that came in has been finished."""
    DROPPED = 3
    """The drain's time was up, or it was stopped, and items were dropped."""
    FAILED = 70
    """It failed, or no checkpoint holds what it came to."""
    TRY_AGAIN = 75
    """It could not start, or not come to its end where that was asked for, and may be tried again."""
    BAD_CONFIG = 78


def exit_code(status: Status, dropped: dict[str, int], *, to_end: bool = False) -> Exit:
    """The exit code of a run that has ended, having dropped so many items by edge.

    With `to_end` it is no success to end before the sources have.
    """
    if status.state == "failed":
        return Exit.FAILED
    if any(dropped.values()):
        return Exit.DROPPED
    if _suspended(status) is False or _unkept(status):
        return Exit.FAILED
    return Exit.TRY_AGAIN if to_end and _was_asked_to_end(status) else Exit.DRAINED


def sentence(status: Status, dropped: dict[str, int]) -> str:
    """How the run ended."""
    if status.state == "failed":
        return f"run {status.graph} has {'; '.join(status.reasons)}{_where(status)}"
    unkept = _unkept(status)
    if any(dropped.values()):
        where = ", ".join(f"{items:,} in {place}" for place, items in dropped.items())
        also = f"; {unkept}" if unkept else ""
        return f"run {status.graph} was ended before everything was finished; dropped: {where}{also}"
    but = f", but {unkept}" if unkept else ""
    if status.drain is not None:
        return f"run {status.graph} was drained; nothing was dropped{but}"
    kept = _suspended(status)
    if kept and status.checkpoint is not None:
        return f"run {status.graph} was suspended; checkpoint {status.checkpoint.last_id} holds its state"
    if kept is False:
        why = (status.checkpoint and status.checkpoint.problem) or "the time was up"
        return f"run {status.graph} was suspended, but no checkpoint holds its state: {why}"
    if _was_stopped(status):
        return f"run {status.graph} was stopped; nothing was dropped{but}"
    return f"run {status.graph} has come to its end{but}"


def _was_asked_to_end(status: Status) -> bool:
    return status.drain is not None or _suspended(status) is not None or _was_stopped(status)


def _was_stopped(status: Status) -> bool:
    told = {event.event: event.message for event in reversed(status.events)}
    return told.get("run.stopped", "").startswith("stopped;")


def _unkept(status: Status) -> str:
    """What is to be said where the last checkpoint was not written; "" where it was, or there is no store."""
    problem = status.checkpoint and status.checkpoint.problem
    return f"no checkpoint holds its end: {problem}" if problem else ""


def _suspended(status: Status) -> bool | None:
    """Whether what it was suspended for is kept; None where it was not suspended."""
    told = [event.event for event in status.events]
    if "run.suspending" not in told:
        return None
    return "checkpoint.committed" in told[: told.index("run.suspending")]


def _where(status: Status) -> str:
    """The innermost line of the user's own code that raised it."""
    failed = next((event for event in status.events if event.event == "node.failed"), None)
    places = _PLACE.findall((failed and failed.traceback) or "")
    own = [place for place in places if "streamweave_lab/" not in place[0].replace("\\", "/")]
    return "" if not own else "; raised in {}, line {}, in {}".format(*own[-1])


__all__ = ["Exit", "exit_code", "sentence"]
