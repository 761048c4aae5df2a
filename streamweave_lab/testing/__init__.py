"""What helps to test nodes, graphs, stores and runs of your own; `docs/testing.md` shows each.

- `check_source(make_source)`: what every source must promise.
- `check_logic(node, items)`: what every step and sink must promise.
- `check_store(make_store)`: what every store of checkpoints must promise; `damages_of(store)` damages one on purpose.
- `Drive(node)`: one node driven by hand, without a graph and without an engine.
- `run_interleaved(graph, dice)`: a run whose nodes get their turns in any order; `Witness(run)` checks its laws.
- `drills`: faults injected into a run on purpose.
- `strategies`: Hypothesis strategies of random graphs. Needs Hypothesis.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamweave_lab.testing import drills, strategies
    from streamweave_lab.testing.harness import Drive
    from streamweave_lab.testing.interleave import run_interleaved
    from streamweave_lab.testing.laws import Witness
    from streamweave_lab.testing.logic import check_logic
    from streamweave_lab.testing.sources import check_source
    from streamweave_lab.testing.store_damages import damages_of
    from streamweave_lab.testing.stores import check_store

__all__ = [
    "Drive",
    "Witness",
    "check_logic",
    "check_source",
    "check_store",
    "damages_of",
    "drills",
    "run_interleaved",
    "strategies",
]

_LATER = {
    "Drive": "harness",
    "Witness": "laws",
    "check_logic": "logic",
    "check_source": "sources",
    "check_store": "stores",
    "damages_of": "store_damages",
    "run_interleaved": "interleave",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
