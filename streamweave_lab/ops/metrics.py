"""The numbers of a Status as Prometheus metrics: pulled when somebody asks, so the run knows nothing of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import get_args

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
    StateSetMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from streamweave_lab.engine.status import NodeStatus, RunState, Status

GRAPH = ("graph_id",)
NODE = ("graph_id", "node_id")
PORT = ("graph_id", "node_id", "port")

PortLabels = tuple[str, str, str]

RELOADS = ("applied", "rejected", "rolled_back")

Rows = Iterable[tuple[tuple[str, ...], float | None]]
"""Label values and number of each series; None where there is nothing to say."""


class RunCollector(Collector):
    """All metrics of one run, made from the Status that `status()` returns at each scrape.

    Register it in a registry of its own, never in the process-wide one.
    """

    def __init__(self, status: Callable[[], Status]) -> None:
        self._status = status

    def describe(self) -> list[Metric]:
        """Nothing: what a run can answer is known only when it is asked."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The families about which this run has something to say, each with one label set."""
        return collect(self._status())


def registry(status: Callable[[], Status]) -> CollectorRegistry:
    """A registry that holds the metrics of one run and nothing else."""
    own = CollectorRegistry()
    own.register(RunCollector(status))
    return own


def exposition(own: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """The metrics as (body, content type): text 0.0.4 unless the Accept header asks for OpenMetrics."""
    if "application/openmetrics-text" not in accept:
        return generate_latest(own), CONTENT_TYPE_PLAIN_0_0_4
    encode, content_type = choose_encoder(accept)
    return encode(own), content_type


def collect(status: Status) -> Iterator[Metric]:
    """The metric families of one Status. A series without a value is absent, not zero."""
    yield from _node_families(status)
    yield from _channel_families(status)
    yield from _run_families(status)
    yield from _config_families(status)
    yield from _drain_families(status)
    yield from _checkpoint_families(status)


def _node_families(status: Status) -> Iterator[Metric]:
    g, nodes = status.graph, status.nodes
    received = (((g, n.name, port), count) for n in nodes for port, count in n.items_in.items())
    sent = (((g, n.name, port), count) for n in nodes for port, count in n.items_out.items())
    refused = (((g, n.name), n.errors) for n in nodes)
    late = (((g, n.name), n.late) for n in nodes)
    restarts = (((g, n.name), n.restarts) for n in nodes)
    yield from _counter("items_in", "Items received on an input port.", PORT, received)
    yield from _counter("items_out", "Items sent on an output port.", PORT, sent)
    yield from _counter("errors", "Items a node refused, and failures of the node itself.", NODE, refused)
    yield from _counter("late_items", "Items behind the frontier.", NODE, late)
    yield from _counter("node_restarts", "Restarts of a node.", NODE, restarts)
    yield from _time_families(status)
    backlog = (((g, n.name), n.backlog) for n in nodes)
    yield from _gauge("backlog_size", "Items a source knows to be waiting outside.", NODE, backlog)


def _time_families(status: Status) -> Iterator[Metric]:
    g, nodes = status.graph, status.nodes
    spent = (((g, n.name, state), seconds) for n in nodes for state, seconds in _times(n))
    frontiers = (((g, n.name), n.frontier) for n in nodes)
    lags = (((g, n.name), _lag(n)) for n in nodes)
    what = "Time in which a node was busy, idle or blocked; the three sum to wall time."
    yield from _counter("node_time_seconds", what, (*NODE, "state"), spent)
    yield from _gauge("progress_frontier", "Completed event time in seconds; absent without one.", NODE, frontiers)
    yield from _gauge("progress_lag_seconds", "Newest event time seen minus frontier.", NODE, lags)


def _times(node: NodeStatus) -> tuple[tuple[str, float], ...]:
    return ("busy", node.busy_seconds), ("idle", node.idle_seconds), ("blocked", node.blocked_seconds)


def _lag(node: NodeStatus) -> float | None:
    return None if node.newest is None or node.frontier is None else max(0.0, node.newest - node.frontier)


def _channel_families(status: Status) -> Iterator[Metric]:
    # Several edges may lead to one input port, and the label set has no room for where they come from: sum them.
    queued, capacity, blocked = Counter[PortLabels](), Counter[PortLabels](), dict[PortLabels, float]()
    for edge in status.edges:
        node, _, port = edge.target.rpartition(".")
        labels = (status.graph, node, port)
        queued[labels] += edge.queued
        capacity[labels] += edge.capacity
        blocked[labels] = blocked.get(labels, 0.0) + edge.blocked_seconds
    waiting = "Time senders spent waiting for room, the wait in progress included."
    yield from _gauge(
        "channel_backpressure", "Items waiting in the channels behind an input port.", PORT, queued.items()
    )
    yield from _gauge("channel_capacity", "Items those channels can hold.", PORT, capacity.items())
    yield from _counter("channel_blocked_seconds", waiting, PORT, blocked.items())


def _run_families(status: Status) -> Iterator[Metric]:
    states = StateSetMetricFamily("streamweave_run_state", "The state of the run.", labels=GRAPH)
    states.add_metric((status.graph,), {state: state == status.state for state in get_args(RunState)})
    lag = max(status.loop.lag_seconds, status.loop.stalled_seconds)
    yield from _gauge("ready", "1 if the run is ready, else 0.", GRAPH, [((status.graph,), status.ready)])
    yield states
    yield from _gauge("event_loop_lag_seconds", "How late the event loop is, a stall included.", (), [((), lag)])


def _config_families(status: Status) -> Iterator[Metric]:
    config, graph = status.config, status.graph
    if config is None:
        return
    info = InfoMetricFamily("streamweave_config", "The configuration in force.", labels=GRAPH)
    version, schema = str(config.version), str(config.schema_version)
    info.add_metric((graph,), {"config_version": version, "schema_version": schema, "sha256": config.sha256})
    yield info
    outcomes = (((graph, result), config.reloads.get(result, 0)) for result in RELOADS)
    went_well = "1 if the last change of configuration was applied, 0 if it was not."
    yield from _counter("config_reloads", "Changes of configuration, by result.", (*GRAPH, "result"), outcomes)
    yield from _gauge("config_last_reload_successful", went_well, GRAPH, [((graph,), config.last_reload_successful)])
    at = [((graph,), config.last_reload_at)]
    yield from _gauge("config_last_reload_success_timestamp_seconds", "When a change was last applied.", GRAPH, at)


def _drain_families(status: Status) -> Iterator[Metric]:
    drain, labels = status.drain, (status.graph,)
    took = "How long the drain took, or has taken so far."
    dropped = sum(drain.dropped.values()) if drain else 0
    yield from _gauge("drain_duration_seconds", took, GRAPH, [(labels, drain.seconds if drain else None)])
    yield from _counter(
        "drain_dropped_items", "Items left when the time of a drain was up.", GRAPH, [(labels, dropped)]
    )


def _checkpoint_families(status: Status) -> Iterator[Metric]:
    kept, labels = status.checkpoint, (status.graph,)
    if kept is None:
        return
    outcomes = [((*labels, "committed"), kept.committed), ((*labels, "failed"), kept.failed)]
    yield from _counter("checkpoints", "Checkpoints, by result.", (*GRAPH, "result"), outcomes)
    last = "The newest checkpoint this run has committed."
    yield from _gauge("checkpoint_last_committed_id", last, GRAPH, [(labels, kept.last_id)])
    at = "When that was."
    yield from _gauge("checkpoint_last_committed_timestamp_seconds", at, GRAPH, [(labels, kept.last_at)])


def _counter(name: str, what: str, labels: tuple[str, ...], rows: Rows) -> Iterator[Metric]:
    return _with_rows(CounterMetricFamily(f"streamweave_{name}", what, labels=labels), rows)


def _gauge(name: str, what: str, labels: tuple[str, ...], rows: Rows) -> Iterator[Metric]:
    return _with_rows(GaugeMetricFamily(f"streamweave_{name}", what, labels=labels), rows)


def _with_rows(family: CounterMetricFamily | GaugeMetricFamily, rows: Rows) -> Iterator[Metric]:
    for labels, number in rows:
        if number is not None:
            family.add_metric(labels, number)
    if family.samples:
        yield family


__all__ = ["RunCollector", "collect", "exposition", "registry"]
