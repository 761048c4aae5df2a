"""Which checkpoint to go on from, and which to delete."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from streamweave_lab.errors import StateError
from streamweave_lab.state.store import Checkpoint


class UncommittedError(StateError):
    """A checkpoint without what is written last. It was whole once where it could not have come to be otherwise."""


class UnfinishedError(UncommittedError):
    """One whose writing was cut off: it never was one."""


def newest_whole(ids: Iterable[int], read: Callable[[int], Checkpoint], *, what: str) -> Checkpoint | None:
    """The first of `ids` (the newest first) that can be read, knowing what was passed over; None if there are none.

    `read` raises StateError for one that is damaged. Whatever else it raises, as a disk or a network may in passing,
    says nothing about the checkpoint, and must not make a run go on from an older one: it goes to the caller.

    Raises: StateError if all of them are damaged, and one of them at least was once finished.
    """
    problems: list[StateError] = []
    for id_ in ids:
        try:
            return replace(read(id_), passed_over=tuple(map(str, problems)))
        except StateError as error:
            problems.append(error)
    if not all(isinstance(problem, UnfinishedError) for problem in problems):
        named = "; ".join(map(str, problems))
        raise StateError(f"{what}: no checkpoint is whole, so it must be decided to begin anew: {named}")
    return None


def to_prune(ids: Iterable[int], keep: int, whole: Callable[[int], bool]) -> tuple[int, ...]:
    """Those of `ids` (the newest first) that are older than the newest `keep` whole ones."""
    rest = iter(ids)
    kept = 0
    while kept < keep:
        id_ = next(rest, None)
        if id_ is None:
            return ()
        kept += whole(id_)
    return tuple(rest)


def checked_keep(keep: int) -> int:
    """How many checkpoints to keep. Raises: ValueError if that is less than 1."""
    if keep < 1:
        raise ValueError(f"keep={keep}: a store keeps at least 1 checkpoint")
    return keep


def id_is_old(where: str, given: int, last: int) -> str:
    """The sentence about an id that is not newer than all there are."""
    return f"{where}: there is a checkpoint {last} already, so {given} cannot be written"
