"""What is measured: every family of metrics, with its labels, its unit, and where its numbers stand in a Status."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from streamweave_lab.engine.status import Status
from streamweave_lab.ops.metrics import readings

Labels = tuple[str, ...]

GRAPH = ("graph_id",)
NODE = ("graph_id", "node_id")
PORT = ("graph_id", "node_id", "port")

Kind = Literal["counter", "gauge", "stateset", "info"]
Fold = Literal["sum", "min", "max"]

PREFIX = "streamweave"
INFO_LABELS = ("config_version", "schema_version", "sha256")
STATE = "streamweave_run_state"
"""A state set names its states in a label that is called as itself."""


@dataclass(frozen=True)
class Family:
    """One family of metrics: numbers of one meaning and one label set."""

    name: str
    """Without prefix, and without the `_total` of a counter or the `_info` of an info."""
    kind: Kind
    what: str
    labels: Labels
    read: Callable[[Status], Iterable[tuple[Labels, float | None]]]
    """Label values and number of each series. None where there is nothing to say; what comes twice is folded."""
    unit: str = ""
    """As OpenTelemetry writes it (UCUM). What stands in braces is for people and names no unit."""
    fold: Fold | None = "sum"
    """What becomes of several numbers under the same labels; None: nothing that could be said."""

    @property
    def metric(self) -> str:
        """The name in Prometheus: "streamweave_items_in", without the suffix that its kind brings."""
        return f"{PREFIX}_{self.name}"

    @property
    def instrument(self) -> str:
        """The name in OpenTelemetry: "streamweave.items_in". The unit stands beside it, not in it."""
        return f"{PREFIX}.{self.name.removesuffix('_seconds')}{'_info' if self.kind == 'info' else ''}"


FAMILIES = (
    Family("items_in", "counter", "Items received on an input port.", PORT, readings.received, "{item}"),
    Family("items_out", "counter", "Items sent on an output port.", PORT, readings.sent, "{item}"),
    Family(
        "errors", "counter", "Items a node refused, and failures of the node itself.",
        NODE, readings.of_nodes("errors"), "{error}",
    ),
    Family("late_items", "counter", "Items behind the frontier.", NODE, readings.of_nodes("late"), "{item}"),
    Family("node_restarts", "counter", "Restarts of a node.", NODE, readings.of_nodes("restarts"), "{restart}"),
    Family(
        "node_time_seconds", "counter",
        "Time in which a node was busy, idle or blocked; the three sum to wall time.",
        (*NODE, "state"), readings.times, "s",
    ),
    # Not in "s": who translates that to a name for Prometheus would add _seconds to it.
    Family(
        "progress_frontier", "gauge", "Completed event time in seconds; absent without one.",
        NODE, readings.of_nodes("frontier"), "{second}", "min",
    ),
    Family(
        "progress_newest", "gauge", "Newest event time seen at a node or on the way to it, in seconds.",
        NODE, readings.newest, "{second}", "max",
    ),
    Family(
        "progress_lag_seconds", "gauge", "Newest event time seen minus frontier.", NODE, readings.lags, "s", "max"
    ),
    Family(
        "backlog_size", "gauge", "Items a source knows to be waiting outside.",
        NODE, readings.of_nodes("backlog"), "{item}",
    ),
    Family(
        "source_committed_offset", "gauge",
        "Where a source would go on from after a crash: items before that are in a committed checkpoint.",
        (*NODE, "partition"), readings.committed, "{item}", None,
    ),
    # Several edges may lead to one input port, and the labels have no room for where they come from: they are summed.
    Family(
        "channel_backpressure", "gauge", "Items waiting in the channels behind an input port.",
        PORT, readings.of_edges("queued"), "{item}",
    ),
    Family(
        "channel_capacity", "gauge", "Items those channels can hold.", PORT, readings.of_edges("capacity"), "{item}"
    ),
    Family(
        "channel_blocked_seconds", "counter",
        "Time senders spent waiting for room, the wait in progress included.",
        PORT, readings.of_edges("blocked_seconds"), "s",
    ),
    Family("ready", "gauge", "1 if the run is ready, else 0.", GRAPH, readings.ready),
    Family("run_state", "stateset", "The state of the run.", (*GRAPH, STATE), readings.states),
    Family("run_started_timestamp_seconds", "gauge", "When the run began.", GRAPH, readings.started, "s"),
    Family("event_loop_lag_seconds", "gauge", "How late the event loop is, a stall included.", (), readings.loop, "s"),
    Family("config", "info", "The configuration in force.", (*GRAPH, *INFO_LABELS), readings.config_info),
    Family(
        "config_reloads", "counter", "Changes of configuration, by result.",
        (*GRAPH, "result"), readings.reloads, "{change}",
    ),
    Family(
        "config_last_reload_successful", "gauge",
        "1 if the last change of configuration was applied, 0 if it was not.", GRAPH, readings.last_reload,
    ),
    Family(
        "config_last_reload_success_timestamp_seconds", "gauge", "When a change was last applied.",
        GRAPH, readings.last_reload_at, "s",
    ),
    Family(
        "drain_duration_seconds", "gauge", "How long the drain took, or has taken so far.",
        GRAPH, readings.drain_seconds, "s",
    ),
    Family(
        "drain_dropped_items", "counter", "Items left when the time of a drain was up.",
        GRAPH, readings.drain_dropped, "{item}",
    ),
    Family(
        "checkpoints", "counter", "Checkpoints, by result.", (*GRAPH, "result"), readings.checkpoints, "{checkpoint}"
    ),
    Family(
        "checkpoint_interval_seconds", "gauge", "Seconds between two checkpoints; absent where none is regular.",
        GRAPH, readings.of_checkpoint("every"), "s",
    ),
    Family(
        "checkpoint_last_committed_id", "gauge", "The newest checkpoint this run has committed.",
        GRAPH, readings.of_checkpoint("last_id"),
    ),
    Family(
        "checkpoint_last_committed_timestamp_seconds", "gauge", "When that was.",
        GRAPH, readings.of_checkpoint("last_at"), "s",
    ),
)  # fmt: skip
"""All that is read off a Status; beside them stands how many nodes are folded, which depends on who asks."""

__all__ = ["FAMILIES", "PREFIX", "Family", "Kind", "Labels"]
