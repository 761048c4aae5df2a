"""The runs of other processes that this one is attached to, by name. Without httpx, for who only wants the names."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import Collection

    from streamweave_lab.remote.run import RemoteRun

_ATTACHED: WeakValueDictionary[str, RemoteRun] = WeakValueDictionary()
"""By address: to attach again is to look anew."""


def attached(taken: Collection[str] = ()) -> dict[str, RemoteRun]:
    """The attached runs, by the name of their graph; by name@host:port where that is `taken`, or several have it."""
    runs = [run for _, run in sorted(_ATTACHED.items()) if not run.detached]
    names = [*taken, *(run.name for run in runs)]
    return {run.name if names.count(run.name) == 1 else place_name(run): run for run in runs}


def place_name(run: RemoteRun) -> str:
    """A run's name with its place, such as flights@127.0.0.1:8080."""
    return f"{run.name}@{run.url.split('://', 1)[1]}"


def enter(run: RemoteRun) -> None:
    """Make `run` one of them."""
    _ATTACHED[run.url] = run


__all__ = ["attached", "enter", "place_name"]
