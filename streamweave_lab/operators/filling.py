"""Values gathered by key, and poured into the panes of a window all at once: for folds that can take many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from streamweave_lab.operators.function import Failed

Gathered = defaultdict[Any, list[Any]]
"""Values by key, in the order in which they came."""

Take = Callable[[Any, list[Any]], Any]
"""The accumulator after these values; if it raises, the accumulator is as it was."""

Panes = dict[Any, Any]
"""Accumulators by key; a key that is not there has the initial one."""

Places = dict[Any, list[int]]
"""Where in a batch the items of each key stand."""

OFTEN = 4
"""Items of a key in a batch, on average, from which on it pays to gather them first."""


def pour(take: Take, panes: Panes, gathered: Gathered, places_of: Callable[[], Places]) -> Failed:
    """Bring values into panes, as one by one in the order they came; which items failed, by place, and why.

    The pane of an item that failed stays as it was. `places_of` is asked only where one has.
    """
    known = len(panes)
    unfit: list[Any] = []
    for key, values in gathered.items():
        try:
            panes[key] = take(panes[key], values)
        except Exception:
            unfit.append(key)
    failed: Failed = []
    if unfit:
        places = places_of()
        for key in unfit:
            failed += _singly(take, panes, key, gathered[key], places[key])
        _reorder(panes, known, places, failed)
    return failed


def _singly(take: Take, panes: Panes, key: Any, values: list[Any], places: list[int]) -> Failed:
    failed: Failed = []
    for place, value in zip(places, values, strict=True):
        try:
            panes[key] = take(panes[key], [value])
        except Exception as error:
            failed.append((place, error))
    return failed


def _reorder(panes: Panes, known: int, places: Places, failed: Failed) -> None:
    """Let the keys after the first `known` stand in the order in which an item of theirs was taken first."""
    without = {place for place, _ in failed}
    first = {key: next(place for place in places[key] if place not in without) for key in list(panes)[known:]}
    for key in sorted(first, key=first.__getitem__):
        panes[key] = panes.pop(key)


__all__ = ["OFTEN", "Gathered", "pour"]
