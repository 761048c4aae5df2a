"""Drills: faults injected into a run on purpose, to see that it bears them and that people notice.

    drill = drills.begin(run, "delay", node="parse", seconds=0.5, lasting=30)
    drill.end()

Only a run of a graph that was drawn with `drills=True` can be drilled. A drill ends after `lasting` seconds at the
latest, and with the run; its beginning and its end are events of the run, `drill.began` and `drill.ended`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar, get_args
from weakref import WeakKeyDictionary

from streamweave_lab.errors import DrillRefusedError, IllegalMoveError
from streamweave_lab.testing.faults import FAULTS, Fault

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from streamweave_lab.engine.run import LocalRun

Kind = Literal["delay", "slow sink", "failing item", "crash", "silent source", "blocked loop"]
KINDS: tuple[Kind, ...] = get_args(Kind)

T = TypeVar("T")

_UNDER_WAY: WeakKeyDictionary[LocalRun, list[Drill]] = WeakKeyDictionary()


class Drill:
    """A fault in a run, until it ends. As a context manager it ends with the block."""

    def __init__(self, run: LocalRun, kind: Kind, node: str | None, fault: Fault) -> None:
        self.run, self.kind, self.node = run, kind, node
        self.over = False
        """It has ended."""
        self._fault = fault

    def __repr__(self) -> str:
        return f"<Drill {self._title}: {'over' if self.over else 'under way'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()

    def end(self) -> None:
        """The node is as it was. Harmless a second time, and from any thread."""
        if not self.over:
            _on_loop(self.run, self._end)

    def _begin(self, lasting: float) -> None:
        core = self.run.core
        self.run.told(
            "drill.began", f"{self._title}: {self._fault.told}; at most {lasting:g} s", level="warning", node=self.node
        )
        self._alarm = core.host.call_at(core.clock.now() + lasting, self.end)
        self._fault.begin(self.end)

    def _end(self) -> None:
        if self.over:
            return
        self.over = True
        self._alarm.cancel()
        self._fault.end()
        _UNDER_WAY[self.run].remove(self)
        self.run.told("drill.ended", f"{self._title} is over", node=self.node)

    @property
    def _title(self) -> str:
        return f"drill {self.kind!r}" + (f" on {self.node}" if self.node else "")


def begin(
    run: LocalRun,
    kind: Kind,
    node: str | None = None,
    *,
    seconds: float = 1.0,
    items: int = 1,
    lasting: float = 60.0,
) -> Drill:
    """Begin a drill in `run`; it ends by itself after `lasting` seconds, or when it has done what it does once.

    - "delay": `node` rests for `seconds` after each of its batches.
    - "slow sink": the same for each item of a sink.
    - "failing item": the next `items` items that come to `node` are refused, as if its logic had raised.
    - "crash": the next turn of `node` raises, outside the handling of any item.
    - "silent source": the source `node` brings nothing.
    - "blocked loop": the loop stands still for `seconds`, once; in a turn of `node` where one is given.

    From any thread. Raises: DrillRefusedError if the graph may not be drilled, there is no such drill, or the node
    is not fit for it or is being drilled already; IllegalMoveError if the run is not running or paused.
    """
    return _on_loop(run, lambda: _begun(run, kind, node, seconds, items, lasting))


def under_way(run: LocalRun) -> tuple[Drill, ...]:
    """The drills in `run` that have not ended."""
    return tuple(_UNDER_WAY.get(run, ()))


def _begun(run: LocalRun, kind: Kind, node: str | None, seconds: float, items: int, lasting: float) -> Drill:
    _check(run, kind, node, seconds, items, lasting)
    state = run.core.by_name[node] if node is not None else None
    drill = Drill(run, kind, node, FAULTS[kind](run, state, seconds, items))
    if run not in _UNDER_WAY:
        _UNDER_WAY[run] = []
        run.on_end(partial(_end_all, run))
    _UNDER_WAY[run].append(drill)
    drill._begin(lasting)
    return drill


def _end_all(run: LocalRun) -> None:
    for drill in under_way(run):
        drill.end()


def _check(run: LocalRun, kind: Kind, node: str | None, seconds: float, items: int, lasting: float) -> None:
    if not run.graph.drills:
        raise DrillRefusedError(
            f"run {run.name!r} is not drilled: faults are injected only where the graph says that they may be, "
            f"as in Graph({run.name!r}, …, drills=True)"
        )
    if kind not in KINDS:
        raise DrillRefusedError(f"{kind!r} is no drill; there are {', '.join(KINDS)}")
    if run.lifecycle.state.value not in ("running", "paused"):
        raise IllegalMoveError(run.name, "be drilled", run.lifecycle.state.value)
    if not (seconds > 0 and items > 0 and lasting > 0):
        raise DrillRefusedError(f"drill {kind!r}: seconds, items and lasting must be more than 0")
    if node is None:
        if kind != "blocked loop":
            raise DrillRefusedError(f"drill {kind!r} needs node=, one of {', '.join(run.graph.nodes)}")
    elif node not in run.core.by_name:
        raise DrillRefusedError(f"run {run.name!r} has no node {node!r}; it has {', '.join(run.graph.nodes)}")
    elif other := [drill for drill in under_way(run) if drill.node == node]:
        raise DrillRefusedError(f"{node} has the drill {other[0].kind!r} already; end it first")
    elif "step" in vars(run.core.by_name[node]):
        raise DrillRefusedError(f"the run takes a step just now; begin the drill on {node} after it")


def _on_loop(run: LocalRun, act: Callable[[], T]) -> T:
    """Do it on the run's own loop."""
    try:
        here = asyncio.get_running_loop()
    except RuntimeError:
        here = None
    if run.loop is None or run.settled or run.loop is here:
        return act()

    async def there() -> T:
        return act()

    return asyncio.run_coroutine_threadsafe(there(), run.loop).result()


__all__ = ["KINDS", "Drill", "Kind", "begin", "under_way"]
