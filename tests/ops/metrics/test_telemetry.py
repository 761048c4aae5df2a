from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_DELTA, Metric, NumberDataPoint
from prometheus_client.parser import text_string_to_metric_families

import streamweave_lab as sw
from streamweave_lab.errors import ConfigError, MissingExtraError

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]
TRIED_ONCE = "0.3"
"""Seconds for an attempt: the library waits one before the second."""


class Receiver:
    """A collector that keeps what it is sent, and answers `status`."""

    def __init__(self, port: int = 0) -> None:
        self.requests: list[tuple[str, dict[str, str], ExportMetricsServiceRequest]] = []
        self.status = 200
        came = self.came = threading.Condition()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler) -> None:  # noqa: N805
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                if handler.headers["Content-Encoding"] == "gzip":
                    body = gzip.decompress(body)
                headers = {name.lower(): value for name, value in handler.headers.items()}
                decoded = ExportMetricsServiceRequest.FromString(body)
                handler.send_response(self.status)
                handler.send_header("Content-Length", "0")
                handler.end_headers()
                with came:
                    self.requests.append((handler.path, headers, decoded))
                    came.notify_all()

            def log_message(handler, *_: Any) -> None:  # noqa: N805
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def metrics(self) -> dict[str, Metric]:
        """Of the newest request."""
        return {m.name: m for r in self.newest.resource_metrics for s in r.scope_metrics for m in s.metrics}

    def resource(self) -> dict[str, str]:
        return {each.key: each.value.string_value for each in self.newest.resource_metrics[0].resource.attributes}

    @property
    def newest(self) -> ExportMetricsServiceRequest:
        with self.came:
            assert self.came.wait_for(lambda: self.requests, 60)
            return self.requests[-1][2]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENDPOINT", "HEADERS", "PROTOCOL", "COMPRESSION"):
        monkeypatch.delenv(f"OTEL_EXPORTER_OTLP_{name}", raising=False)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", TRIED_ONCE)


def odd(n: int) -> int:
    if n % 10 == 0:
        raise ValueError(n)
    return n


def graph(name: str = "odds") -> sw.Graph:
    numbers = sw.Replay("numbers", range(100), time=float)
    odds, kept, spill = sw.Map("odds", odd), sw.Collect[int]("kept"), sw.Collect[Any]("spill")
    return sw.Graph(name, numbers >> odds >> kept, odds.error >> spill)


def waiting() -> sw.Graph:
    """A graph that goes on until it is ended."""

    async def forever() -> Any:
        yield 1
        await asyncio.Event().wait()

    return sw.Graph("waiting", sw.Replay("one", forever()) >> sw.Collect("kept"))


def with_run(drawn: sw.Graph, use: Callable[[sw.LocalRun], Coroutine[Any, Any, None]]) -> sw.LocalRun:
    """Start, use on another thread's behalf, and stop."""
    kept: list[sw.LocalRun] = []

    async def whole() -> None:
        run = drawn.start()
        kept.append(run)
        await use(run)
        await run.stop()

    asyncio.run(whole())
    return kept[0]


def eventually(true: Callable[[], object], seconds: float = 60.0) -> bool:
    give_up = time.monotonic() + seconds
    while not true() and time.monotonic() < give_up:
        time.sleep(0.01)
    return bool(true())


def scraped(url: str) -> Series:
    found: Series = {}
    with urlopen(f"{url}/metrics") as answer:
        for family in text_string_to_metric_families(answer.read().decode()):
            for sample in family.samples:
                found[sample.name, frozenset(sample.labels.items())] = sample.value
    return found


def as_prometheus(metric: Metric) -> str:
    """The name that a collector gives it for Prometheus: units are spelled out, and what is in braces is none."""
    name = metric.name.replace(".", "_") + {"s": "_seconds"}.get(metric.unit, "")
    return name + "_total" if metric.WhichOneof("data") == "sum" else name


def number(point: NumberDataPoint) -> float:
    return float(getattr(point, point.WhichOneof("value") or ""))


def pushed(receiver: Receiver) -> Series:
    return {
        (as_prometheus(metric), frozenset((each.key, each.value.string_value) for each in point.attributes)): number(
            point
        )
        for metric in receiver.metrics().values()
        for point in getattr(metric, metric.WhichOneof("data") or "").data_points
    }


def test_a_collector_gets_each_number_that_prometheus_gets_under_a_name_it_turns_into_the_same(
    receiver: Receiver,
) -> None:
    run = graph().run_to_end(deterministic=False)
    run.export(receiver.url).close()
    with run.serve() as server:
        pulled = scraped(server.url)
    changing = {name for name, _ in pulled if "loop_lag" in name}
    sent = pushed(receiver)
    assert {key: value for key, value in sent.items() if key[0] not in changing} == {
        key: value for key, value in pulled.items() if key[0] not in changing
    }
    assert changing <= {name for name, _ in sent}
    assert sent["streamweave_errors_total", frozenset({("graph_id", "odds"), ("node_id", "odds")})] == 10


def test_instruments_have_units_and_counters_grow_from_the_start_of_the_run(receiver: Receiver) -> None:
    run = graph().run_to_end()
    run.export(receiver.url).close()
    metrics = receiver.metrics()
    units = {name: metric.unit for name, metric in metrics.items()}
    assert units["streamweave.items_in"] == "{item}"
    assert units["streamweave.node_time"] == "s"
    assert units["streamweave.progress_lag"] == "s"
    assert units["streamweave.ready"] == ""
    assert not [name for name in metrics if "total" in name or "seconds" in name]
    assert metrics["streamweave.items_in"].sum.is_monotonic
    assert metrics["streamweave.progress_frontier"].WhichOneof("data") == "gauge"
    assert all(metric.description for metric in metrics.values())


def test_who_pushes_is_the_graph_in_this_process(receiver: Receiver) -> None:
    graph().run_to_end().export(receiver.url).close()
    resource = receiver.resource()
    assert resource["service.name"] == "odds"
    assert len(resource["service.instance.id"]) == 36


def test_the_environment_names_who_pushes(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "delays")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=pod-3,deployment.environment.name=lab")
    graph().run_to_end().export(receiver.url).close()
    resource = receiver.resource()
    assert (resource["service.name"], resource["service.instance.id"]) == ("delays", "pod-3")
    assert resource["deployment.environment.name"] == "lab"


def test_the_environment_says_where_how_often_and_with_which_headers(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{receiver.url}/collect")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-scope=lab")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "20")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")

    async def use(run: sw.LocalRun) -> None:
        with run.export(headers={"Authorization": "Bearer letmein"}) as export:
            assert await asyncio.to_thread(eventually, lambda: len(receiver.requests) >= 3)
            assert export.endpoint == f"{receiver.url}/collect/v1/metrics"

    with_run(waiting(), use)
    path, headers, _ = receiver.requests[-1]
    assert path == "/collect/v1/metrics"
    assert headers["x-scope"] == "lab"
    assert headers["authorization"] == "Bearer letmein"
    assert headers["content-encoding"] == "gzip"
    assert receiver.metrics()["streamweave.items_out"].sum.aggregation_temporality == AGGREGATION_TEMPORALITY_DELTA


@pytest.mark.parametrize(("name", "value"), [("OTEL_SDK_DISABLED", "true"), ("OTEL_METRICS_EXPORTER", "none")])
def test_the_environment_can_switch_it_off(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with graph().run_to_end().export(receiver.url) as export:
        assert not export.push()
        assert repr(export) == f"<Export of run 'odds' to {receiver.url}/v1/metrics, {name}={value}>"
    assert receiver.requests == []


def test_the_last_numbers_of_a_run_are_pushed_with_the_account_of_its_drain(receiver: Receiver) -> None:
    async def use(run: sw.LocalRun) -> None:
        run.export(receiver.url)
        await run.drain()

    with_run(waiting(), use)
    assert eventually(lambda: receiver.requests)
    numbers = {name: value for (name, _), value in pushed(receiver).items()}
    assert numbers["streamweave_drain_duration_seconds"] > 0
    assert numbers["streamweave_drain_dropped_items_total"] == 0
    assert pushed(receiver)[
        "streamweave_run_state", frozenset({("graph_id", "waiting"), ("streamweave_run_state", "stopped")})
    ] == 1  # fmt: skip


def events(run: sw.LocalRun) -> dict[str, str]:
    return {event.event: event.message for event in run.status().events}


def test_a_collector_that_is_not_there_is_an_event_and_no_more_and_so_is_its_return(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1.3")  # time to say why, and try again
    receiver.close()

    async def use(run: sw.LocalRun) -> None:
        export = run.export(f"http://user:secret@127.0.0.1:{receiver.port}/?key=secret")
        assert not await asyncio.to_thread(export.push)
        assert export.missed == 1
        assert run.status().ready
        again = Receiver(receiver.port)
        try:
            assert await asyncio.to_thread(export.push)
            assert export.problem is None
        finally:
            again.close()

    run = with_run(waiting(), use)
    told = events(run)
    where = f"http://127.0.0.1:{receiver.port}/v1/metrics"
    assert told["export.failed"].startswith(f"{where} did not take the numbers: ")
    assert "Connection refused" in told["export.failed"]
    assert "secret" not in told["export.failed"]
    assert told["export.recovered"] == f"{where} takes the numbers again"
    assert [event.event for event in run.status().events].count("export.failed") == 1


def test_a_collector_that_refuses_says_why(receiver: Receiver) -> None:
    receiver.status = 401
    export = graph().run_to_end().export(receiver.url, headers={"Authorization": "Bearer wrong"})
    export.close()
    assert export.missed == 1
    assert "code: 401, reason: Unauthorized" in str(export.problem)
    assert "wrong" not in repr(export)


SCRIPT = """
import streamweave_lab as sw
run = sw.Graph("g", sw.Replay("n", range(5)) >> sw.Collect("kept")).run_to_end(deterministic=False)
export = run.export("http://127.0.0.1:9")
print(run["kept"].items)
"""


def test_a_program_prints_nothing_of_a_collector_that_is_not_there_and_ends_soon() -> None:
    began = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=120)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "[0, 1, 2, 3, 4]\n", "")
    assert time.monotonic() - began < 60, "not as long as the library would try"


def test_a_cell_can_be_run_twice(receiver: Receiver) -> None:
    async def use(run: sw.LocalRun) -> None:
        first, second = run.export(receiver.url), run.export(receiver.url)
        assert await asyncio.to_thread(eventually, lambda: "closed" in repr(first))
        assert "closed" not in repr(second)

    with_run(waiting(), use)


@pytest.mark.parametrize("wrong", ["collector:4318", "ftp://collector", "http://", "grpc://:1"])
def test_what_is_no_address_is_refused_with_an_example(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"is no address of a collector, such as 'http://localhost:4318'"):
        graph().run_to_end().export(wrong)


@pytest.mark.parametrize("every", [0, -1, float("inf"), float("nan")])
def test_an_interval_is_more_than_nothing(every: float) -> None:
    with pytest.raises(ValueError, match="every= is a number of seconds above 0"):
        graph().run_to_end().export("http://127.0.0.1:9", every=every)


def test_another_protocol_is_refused_not_misspoken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(ConfigError, match="'grpc' cannot be spoken, only 'http/protobuf'"):
        graph().run_to_end().export()


def test_nodes_told_together_are_so_for_a_collector_too_and_the_run_says_it(receiver: Receiver) -> None:
    run = graph("wide").run_to_end()
    run.export(receiver.url, ports=1).close()
    assert pushed(receiver)["streamweave_metrics_folded_nodes", frozenset({("graph_id", "wide")})] == 3
    assert "3 of 4 nodes are told together" in events(run)["metrics.folded"]


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    run = graph().run_to_end()
    monkeypatch.delitem(sys.modules, "streamweave_lab.ops.metrics.telemetry", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", None)
    with pytest.raises(MissingExtraError, match=r'needs the extra "otel": pip install "streamweave_lab\[otel\]"'):
        run.export()


GRAPH = """
import streamweave_lab as sw
graph = sw.Graph("told", sw.Replay("numbers", range(5)) >> sw.Count("kept"))
"""


def run_in_terminal(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "told.py").write_text(GRAPH)
    command = [sys.executable, "-m", "streamweave_lab.cli.main", "run", str(folder / "told.py:graph"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_run_in_the_terminal_is_pushed_to_its_end(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = run_in_terminal(tmp_path, "--export", receiver.url)
    assert ended.returncode == 0, ended.stderr
    kept = frozenset({("graph_id", "told"), ("node_id", "kept"), ("port", "in")})
    assert pushed(receiver)["streamweave_items_in_total", kept] == 5
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    assert run_in_terminal(tmp_path, "--export", "env").returncode == 0
    assert len(receiver.requests) == 2


def test_in_the_terminal_what_is_no_address_is_refused_before_anything_runs(tmp_path: Path) -> None:
    refused = run_in_terminal(tmp_path, "--export", "collector:4318")
    assert refused.returncode == 2
    assert "'collector:4318' is no address of a collector" in refused.stderr
