"""How a run ended, as a number for whoever called and a sentence for whoever looks."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamweave_lab.engine.status import Status


class Exit(IntEnum):
    """Exit codes, those of sysexits.h where there is one."""

    DRAINED = 0
    """All that came in has been finished."""
    DROPPED = 3
    """The drain's time was up, or it was stopped, and items were dropped."""
    FAILED = 70
    TRY_AGAIN = 75
    """It could not start, but may be tried again."""
    BAD_CONFIG = 78


def exit_code(status: Status, dropped: dict[str, int]) -> Exit:
    """The exit code of a run that has ended, having dropped so many items by edge."""
    if status.state == "failed":
        return Exit.FAILED
    return Exit.DROPPED if any(dropped.values()) else Exit.DRAINED


def sentence(status: Status, dropped: dict[str, int]) -> str:
    """How the run ended."""
    if status.state == "failed":
        return f"run {status.graph} has {'; '.join(status.reasons)}"
    if any(dropped.values()):
        where = ", ".join(f"{items:,} in {place}" for place, items in dropped.items())
        return f"run {status.graph} was ended before everything was finished; dropped: {where}"
    if status.drain is not None:
        return f"run {status.graph} was drained; nothing was dropped"
    return f"run {status.graph} has come to its end"


__all__ = ["Exit", "exit_code", "sentence"]
