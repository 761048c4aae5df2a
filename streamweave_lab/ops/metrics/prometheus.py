"""The numbers of a Status as Prometheus metrics: pulled when somebody asks, so the run knows nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, Metric, generate_latest
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from streamweave_lab.engine.status import Status
from streamweave_lab.ops.metrics.families import Kind
from streamweave_lab.ops.metrics.folding import PORTS, measured, port_limit, tell_folded

_SUFFIX: dict[Kind, str] = {"counter": "_total", "info": "_info", "gauge": "", "stateset": ""}


class RunCollector(Collector):
    """All metrics of one run, made from the Status that `status()` returns at each scrape.

    Register it in a registry of its own, never in the process-wide one. At most `limit` ports are told apart.
    """

    def __init__(self, status: Callable[[], Status], limit: int = PORTS) -> None:
        self._status, self._limit = status, limit

    def describe(self) -> list[Metric]:
        """Nothing: what a run can answer is known only when it is asked."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The families about which this run has something to say, each with one label set."""
        return collect(self._status(), self._limit)


def registry(status: Callable[[], Status], limit: int | None = None) -> CollectorRegistry:
    """A registry that holds the metrics of one run and nothing else.

    A graph with more than `limit` ports (None: what STREAMWEAVE_METRICS_PORTS says, or 1000) has some of its nodes
    told together. Raises: ConfigError if that variable is no positive number.
    """
    own = CollectorRegistry()
    own.register(RunCollector(status, port_limit() if limit is None else limit))
    return own


def registry_of(run: object, status: Callable[[], Status], limit: int | None = None) -> CollectorRegistry:
    """A registry as `registry` makes it, for a run that has events: where nodes are told together, one says so."""
    limit = port_limit() if limit is None else limit
    tell_folded(run, status(), limit)
    return registry(status, limit)


def exposition(own: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """The metrics as (body, content type): text 0.0.4 unless the Accept header asks for OpenMetrics."""
    if "application/openmetrics-text" not in accept:
        return generate_latest(own), CONTENT_TYPE_PLAIN_0_0_4
    encode, content_type = choose_encoder(accept)
    return encode(own), content_type


def collect(status: Status, limit: int = PORTS) -> Iterator[Metric]:
    """The metric families of one Status. A series without a value is absent, not zero."""
    for family, series in measured(status, limit):
        metric = Metric(family.metric, family.what, family.kind)
        sample = family.metric + _SUFFIX[family.kind]
        for labels, number in series.items():
            metric.add_sample(sample, dict(zip(family.labels, labels, strict=True)), number)
        yield metric


__all__ = ["RunCollector", "collect", "exposition", "registry", "registry_of"]
