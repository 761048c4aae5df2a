"""The numbers of a Status pushed to an OpenTelemetry collector: the same as /metrics serves, by OTLP over HTTP."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.engine.protocol import Run
from streamweave_lab.engine.status import Status
from streamweave_lab.errors import MissingExtraError
from streamweave_lab.ops.health import ENDED
from streamweave_lab.ops.metrics.families import FAMILIES, Family
from streamweave_lab.ops.metrics.folding import FOLDED, Series, measured, port_limit, tell_folded
from streamweave_lab.ops.metrics.telling import tell

try:
    from opentelemetry.metrics import CallbackOptions, Observation
    from opentelemetry.sdk.metrics import MeterProvider, ObservableCounter, ObservableGauge
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    from streamweave_lab.ops.metrics.otlp import Collector, Target, switched_off, target
except ImportError as error:
    raise MissingExtraError("run.export()", "otel") from error

LAST_SECONDS = 3.0
"""How long the end of a process waits at most for the last numbers of a run to be pushed."""

_WITHOUT_HOPE = 1.0
"""Seconds of that where the collector did not answer before."""

_ACCOUNT_SECONDS = 2.0
"""How long to wait at most for the account of a run that has ended, so that the last numbers have it."""


class Export:
    """Numbers of one run on their way to a collector, until the run has ended or this is closed; a context manager.

    `pushed` counts the times the collector took them, `missed` those it did not, and `problem` says why the last
    attempt failed. The run goes on whatever the collector does.
    """

    def __init__(
        self, run: Run, to: Target, headers: Mapping[str, str] | None, every: float | None, limit: int
    ) -> None:
        self.run, self.endpoint = run, to.shown
        self.off = switched_off()
        """The setting of the environment by which nothing is pushed; None if it is."""
        self.pushed = self.missed = 0
        self.problem: str | None = None
        self._closing = threading.Lock()
        self._closed = False
        self._provider = None if self.off else self._started(Collector(to, headers, self._heard), every, limit)

    def __repr__(self) -> str:
        how = f", {self.off}" if self.off else ", closed" if self._closed else f": {self.problem}" * bool(self.problem)
        return f"<Export of run {self.run.name!r} to {self.endpoint}{how}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def push(self, timeout: float = 10.0) -> bool:
        """Push now, besides the regular times; blocks for `timeout` seconds at most. Whether the collector took it."""
        if self._provider is None or self._closed:
            return False
        before = self.pushed
        with suppress(Exception):  # that it took too long
            self._provider.force_flush(timeout * 1000)
        return self.pushed > before

    def close(self, timeout: float = LAST_SECONDS) -> None:
        """Push once more and end, within `timeout` seconds. The run goes on. Twice does no harm."""
        with self._closing:
            if self._closed or self._provider is None:
                return
            self._closed = True
            with suppress(Exception):  # that it took too long
                self._provider.shutdown(timeout * 1000)

    def close_soon(self) -> None:
        """Close from a thread of its own, for which the end of the process waits."""
        with suppress(RuntimeError):  # the interpreter is at its end and starts no thread any more
            threading.Thread(target=self._close_with_account, name=f"last export {self.run.name}").start()

    def _close_with_account(self) -> None:
        give_up = SYSTEM_CLOCK.now() + _ACCOUNT_SECONDS
        pause = threading.Event()
        while self.run.status().state in ENDED and not self.run.settled and SYSTEM_CLOCK.now() < give_up:
            pause.wait(0.01)
        self.close(_WITHOUT_HOPE if self.problem else LAST_SECONDS)

    def _started(self, collector: Collector, every: float | None, limit: int) -> MeterProvider:
        """Begin to push every `every` seconds, from a thread of the library."""
        # Were the library to fold as well, at a limit of its own, nobody would be told: three states a node.
        most = max(2000, 4 * limit)
        reader = PeriodicExportingMetricReader(
            collector,
            None if every is None else every * 1000,
            cardinality_limits={ObservableCounter: most, ObservableGauge: most},
        )
        provider = MeterProvider([reader], _resource(self.run.name), shutdown_on_exit=False)
        meter = provider.get_meter("streamweave_lab")
        numbers = _Numbers(self.run.status, limit)
        for family in (*FAMILIES, FOLDED):
            make: Callable[..., Any] = meter.create_observable_gauge
            if family.kind == "counter":
                make = meter.create_observable_counter
            make(family.instrument, [numbers.of(family)], unit=family.unit, description=family.what)
        return provider

    def _heard(self, problem: str | None) -> None:
        """An attempt has been made. The run notes when it begins to fail, and when it no longer does."""
        before, self.problem = self.problem, problem
        if problem is None:
            self.pushed += 1
            if before is not None:
                tell(self.run, "export.recovered", f"{self.endpoint} takes the numbers again")
        else:
            self.missed += 1
            if before is None:
                tell(self.run, "export.failed", problem, "warning")


class _Numbers:
    """One Status for all instruments of a push, taken when the first of them is asked."""

    def __init__(self, status: Callable[[], Status], limit: int) -> None:
        self._status, self._limit = status, limit
        self._now: dict[str, Series] = {}

    def of(self, family: Family) -> Callable[[CallbackOptions], Iterable[Observation]]:
        """What the instrument of `family` is to answer."""

        def observe(_: CallbackOptions) -> Iterable[Observation]:
            if family is FAMILIES[0]:
                self._now = {each.name: series for each, series in measured(self._status(), self._limit)}
            for labels, number in self._now.get(family.name, {}).items():
                if math.isfinite(number):
                    yield Observation(number, dict(zip(family.labels, labels, strict=True)))

        return observe


_exports: WeakSet[Export] = WeakSet()


def export(
    run: Run,
    endpoint: str | None = None,
    *,
    every: float | None = None,
    headers: Mapping[str, str] | None = None,
    ports: int | None = None,
) -> Export:
    """Push the numbers of `run` to the OpenTelemetry collector at `endpoint` every `every` seconds, and at its end.

    What is not given comes from the OTEL_* variables of the environment, and else is the collector's port on this
    machine, and 60 seconds. `headers` go with each push. Of a graph with more than `ports` ports (None: what
    STREAMWEAVE_METRICS_PORTS says, or 1000) some nodes are told together. An earlier export of a run of this name
    to the same place is closed, so a cell can be run twice.

    Raises: ValueError for what is no address or no interval; ConfigError for an environment that cannot be obeyed.
    """
    if every is not None and not 0 < every < math.inf:
        raise ValueError(f"every= is a number of seconds above 0, not {every!r}")
    to, limit = target(endpoint), port_limit() if ports is None else ports
    for earlier in [each for each in _exports if (each.run.name, each.endpoint) == (run.name, to.shown)]:
        earlier.close_soon()
    made = Export(run, to, headers, every, limit)
    _exports.add(made)
    tell_folded(run, run.status(), limit)
    if run.settled:
        made.close_soon()
    else:
        run.on_end(made.close_soon)
    return made


def _resource(name: str) -> Resource:
    """Who pushes: the graph, unless the environment has another name; an instance is a process."""
    created = Resource.create({})
    given = OTELResourceDetector().detect().attributes
    return created if "service.name" in given else created.merge(Resource({"service.name": name}))


__all__ = ["LAST_SECONDS", "Export", "export", "target"]
