"""A Status such as a run of three nodes and three edges would give, to be varied by each test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from streamweave_lab.engine.status import ConfigStatus, EdgeStatus, EventStatus, NodeStatus, Status

NODES = (
    NodeStatus(name="departures", kind="Replay", role="source", state="blocked", items_in={}, items_out={"out": 1000},
               busy_seconds=2.0, blocked_seconds=7.5, idle_seconds=0.5, frontier=3600.0, newest=3600.0,
               position=1000, total=5000),
    NodeStatus(name="parse", kind="Map", role="step", state="busy", items_in={"in": 900},
               items_out={"out": 880, "error": 20}, errors=20, restarts=1,
               busy_seconds=9.0, blocked_seconds=0.5, idle_seconds=0.5, frontier=1800.0, newest=3600.0),
    NodeStatus(name="spill", kind="Collect", role="sink", state="idle", items_in={"in": 920}, items_out={}, late=3,
               busy_seconds=1.0, idle_seconds=9.0),
)  # fmt: skip

EDGES = (
    EdgeStatus(source="departures.out", target="parse.in", queued=64, capacity=64, peak=64, sent=1000, received=900,
               blocked_seconds=7.5, blocked=True),
    EdgeStatus(source="parse.out", target="spill.in", queued=10, capacity=100, peak=50, sent=890, received=880),
    EdgeStatus(source="parse.error", target="spill.in", queued=1, capacity=20, peak=9, sent=21, received=20,
               blocked_seconds=0.25),
)  # fmt: skip

CONFIG = ConfigStatus(
    version=3,
    schema_version=1,
    epoch=7,
    sha256="c0ffee",
    values={"speed": 60},
    sources={"speed": "runtime"},
    reloads={"applied": 2, "rejected": 1},
    last_reload_successful=False,
    last_reload_at=1_700_000_100.0,
)


@pytest.fixture
def document() -> Callable[..., Status]:
    """Make a Status; keyword arguments replace its fields."""

    def make(**changes: Any) -> Status:
        fields: dict[str, Any] = {
            "graph": "flights",
            "state": "running",
            "ready": True,
            "reasons": (),
            "host": "loop",
            "taken_at": 1_700_000_200.0,
            "started_at": 1_700_000_000.0,
            "uptime": 200.0,
            "nodes": NODES,
            "edges": EDGES,
            "config": CONFIG,
            "events": (EventStatus(at=1_700_000_001.0, event="run.started", level="info", message="started"),),
        }
        return Status(**(fields | changes))

    return make
