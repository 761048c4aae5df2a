"""The way to an OpenTelemetry collector: where it is, what it answered, and nothing printed when it is not there."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData

from streamweave_lab.errors import ConfigError

_PATH = "/v1/metrics"
_DEFAULT = "http://localhost:4318"
_PROTOCOL = "http/protobuf"
_LENGTH = 300
"""Characters that a problem may have."""


@dataclass(frozen=True)
class Target:
    """A collector: the address that is used, which may hold a secret, and the one that may be shown."""

    url: str
    shown: str

    def __repr__(self) -> str:
        return f"Target({self.shown!r})"


def target(endpoint: str | None, environ: Mapping[str, str] = os.environ) -> Target:
    """Where to push: `endpoint`, or what OTEL_EXPORTER_OTLP_[METRICS_]ENDPOINT says, or port 4318 of this machine.

    An `endpoint` without a path gets that of metrics, /v1/metrics.
    Raises: ValueError for what is no http or https address; ConfigError if the environment asks for another protocol.
    """
    asked = _of_metrics("PROTOCOL", environ)
    if asked and asked != _PROTOCOL:
        raise ConfigError(
            "environment OTEL_EXPORTER_OTLP_PROTOCOL",
            (f"{asked!r} cannot be spoken, only {_PROTOCOL!r}; a collector listens to that on port 4318",),
        )
    url = endpoint or environ.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") or _of_all_signals(environ)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{_without_secrets(url)!r} is no address of a collector, such as {_DEFAULT!r}")
    if endpoint and parts.path in ("", "/"):
        url = urlunsplit(parts._replace(path=_PATH))
    return Target(url, _without_secrets(url))


def switched_off(environ: Mapping[str, str] = os.environ) -> str | None:
    """The setting by which the environment wants nothing to be pushed, if it does."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return "OTEL_SDK_DISABLED=true"
    return "OTEL_METRICS_EXPORTER=none" if environ.get("OTEL_METRICS_EXPORTER", "").strip() == "none" else None


class Collector(OTLPMetricExporter):
    """Pushes to one collector, and tells after each attempt what was wrong with it: None if nothing was."""

    def __init__(
        self, to: Target, headers: Mapping[str, str] | None, heard: Callable[[str | None], None], **settings: Any
    ) -> None:
        super().__init__(endpoint=to.url, headers=headers, **settings)
        self._to, self._heard = to, heard

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Push, or say why not. Never raises."""
        with _listening() as said:
            try:
                result = super().export(metrics_data, timeout_millis, **kwargs)
            except Exception as error:
                said.append(repr(error))
                result = MetricExportResult.FAILURE
        took = result is MetricExportResult.SUCCESS
        self._heard(None if took else self._problem(said))
        return result

    def _problem(self, said: list[str]) -> str:
        why = "; ".join(dict.fromkeys(said)).replace(self._to.url, self._to.shown)
        if query := urlsplit(self._to.url).query:
            why = why.replace(query, "…")
        return f"{self._to.shown} did not take the numbers: {why or 'no reason given'}"[:_LENGTH]


class _Heard(logging.Handler):
    """Keeps what the library says during an attempt, for whoever makes that attempt.

    And because it is there, Python does not print what a program without any logging of its own would be shown.
    """

    def __init__(self) -> None:
        super().__init__()
        self.here = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the reason alone of an attempt that is made again."""
        said: list[str] | None = getattr(self.here, "said", None)
        if said is not None:
            again = record.args and str(record.msg).startswith("Transient error")
            said.append(str(record.args[0]) if again and isinstance(record.args, tuple) else record.getMessage())


_HEARD = _Heard()
logging.getLogger("opentelemetry").addHandler(_HEARD)


@contextmanager
def _listening() -> Iterator[list[str]]:
    said: list[str] = []
    _HEARD.here.said = said
    try:
        yield said
    finally:
        _HEARD.here.said = None


def _of_metrics(setting: str, environ: Mapping[str, str]) -> str:
    general = environ.get(f"OTEL_EXPORTER_OTLP_{setting}", "")
    return (environ.get(f"OTEL_EXPORTER_OTLP_METRICS_{setting}") or general).strip()


def _of_all_signals(environ: Mapping[str, str]) -> str:
    return (environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or _DEFAULT).removesuffix("/") + _PATH


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


__all__ = ["Collector", "Target", "switched_off", "target"]
