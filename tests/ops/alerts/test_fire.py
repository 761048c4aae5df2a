"""A real Prometheus scrapes real runs that are in trouble, with the rules of the package, only more impatient ones."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest

import streamweave_lab as sw

PROMETHEUS = os.environ.get("PROMETHEUS", "prometheus")
RULES = (files("streamweave_lab.ops") / "alerts" / "streamweave.rules.yml").read_text()
EVERY = "300ms"
SECONDS = 120.0


class Settings(sw.Config):
    fixed: int = 1


async def trickle() -> AsyncIterator[int]:
    for number in count():
        yield number
        await asyncio.sleep(0.01)


async def one_and_no_more() -> AsyncIterator[int]:
    yield 1
    await asyncio.Event().wait()


def refuse_odd(number: int) -> int:
    if number % 2:
        raise ValueError(number)
    return number


def fail(number: int) -> int:
    raise ValueError(number)


async def hang(number: int) -> None:
    if number > 5000:
        await asyncio.Event().wait()


async def hang_at_once(_: int) -> None:
    await asyncio.Event().wait()


def source(**options: Any) -> sw.Replay[int]:
    return sw.Replay("numbers", trickle(), **options)


def start(graph: sw.Graph, **options: Any) -> sw.LocalRun:
    return graph.start(host="thread", **options)


def well(_: Path) -> sw.LocalRun:
    return start(sw.Graph("well", source(time=float) >> sw.Map("same", int) >> sw.Count("kept")), config=Settings())


def paused(_: Path) -> sw.LocalRun:
    run = start(sw.Graph("paused", source() >> sw.Count("kept")))
    run.ask("pause").result(60)
    return run


def failing(_: Path) -> sw.LocalRun:
    return start(sw.Graph("failing", source() >> sw.Map("bad", fail) >> sw.Count("kept")))


def refusing(_: Path) -> sw.LocalRun:
    picky, spill = sw.Map("picky", refuse_odd), sw.Count("spill")
    return start(sw.Graph("refusing", source() >> picky >> sw.Count("kept"), picky.error >> spill))


def hanging(_: Path) -> sw.LocalRun:
    numbers = sw.Replay("numbers", range(100_000), time=float)
    return start(sw.Graph("hanging", numbers >> sw.ForEach("stuck", hang)))


def hanging_since_the_start(_: Path) -> sw.LocalRun:
    numbers = sw.Replay("numbers", range(100_000), time=float)
    return start(sw.Graph("hanging_since_the_start", numbers >> sw.ForEach("stuck", hang_at_once)))


def waiting_for_a_silent_source(_: Path) -> sw.LocalRun:
    both = sw.Count("both")
    silent = sw.Replay("silent", one_and_no_more(), time=float)
    return start(sw.Graph("waiting_for_a_silent_source", source(time=float) >> both, silent >> both))


def unconfigurable(_: Path) -> sw.LocalRun:
    run = start(sw.Graph("unconfigurable", source() >> sw.Count("kept")), config=Settings())
    assert not run.ask("configure", fixed=2).result(60).applied
    return run


def forgetful(folder: Path) -> sw.LocalRun:
    store = Disk(folder / "checkpoints")
    run = start(sw.Graph("forgetful", source() >> sw.Count("kept")), store=store, checkpoint_every=0.2)
    while not run.status().checkpoint.committed:  # type: ignore[union-attr]
        time.sleep(0.01)
    store.full = True
    return run


class Disk(sw.FolderStore):
    """A store on a disk that gets full."""

    full = False

    def write(self, checkpoint: Any) -> Any:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(checkpoint)


TROUBLES = (
    well,
    paused,
    failing,
    refusing,
    hanging,
    hanging_since_the_start,
    waiting_for_a_silent_source,
    unconfigurable,
    forgetful,
)


def impatient(rules: str) -> str:
    """The same rules, with windows and waits of seconds."""
    return re.sub(r"\bfor: \w+", "for: 1s", re.sub(r"\[(5|10)m\]", "[3s]", rules))


class Prometheus:
    """A Prometheus that scrapes `targets` three times a second."""

    def __init__(self, folder: Path, targets: list[str]) -> None:
        (folder / "rules.yml").write_text(impatient(RULES))
        (folder / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": EVERY, "scrape_timeout": EVERY, "evaluation_interval": EVERY},
            "rule_files": ["rules.yml"],
            "scrape_configs": [{"job_name": "weave", "static_configs": [{"targets": targets}]}],
        }))  # fmt: skip
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self._log = (folder / "log").open("w")
        options = {
            "config.file": folder / "prometheus.yml",
            "storage.tsdb.path": folder / "data",
            "web.listen-address": self.address,
            "log.level": "warn",
        }
        command = [PROMETHEUS, *(f"--{name}={value}" for name, value in options.items())]
        self._process = subprocess.Popen(command, stderr=self._log, stdout=self._log)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(60)
        self._log.close()

    def get(self, path: str) -> Any:
        with urlopen(f"http://{self.address}/api/v1/{path}", timeout=60) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> dict[str, float]:
        """graph_id -> number"""
        found = self.get(f"query?query={quote(expression)}")["result"]
        return {each["metric"].get("graph_id", ""): float(each["value"][1]) for each in found}

    def firing(self) -> set[tuple[str, str]]:
        """(alert, graph)"""
        alerts = self.get("alerts")["alerts"]
        return {
            (each["labels"]["alertname"], each["labels"].get("graph_id", ""))
            for each in alerts
            if each["state"] == "firing"
        }


def patiently(ask: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """What `ask` answers once it is what is wanted, or at last."""
    give_up = time.monotonic() + SECONDS
    while True:
        try:
            answer = ask()
        except OSError:  # it is still starting
            answer = None
        if (answer is not None and wanted(answer)) or time.monotonic() > give_up:
            return answer
        time.sleep(0.1)


@pytest.fixture(scope="module")
def scraping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    with ExitStack() as opened:
        runs = [trouble(folder) for trouble in TROUBLES]
        servers = [opened.enter_context(run.serve()) for run in runs]
        for run in runs:
            opened.callback(lambda run=run: run.ask("stop").result(60))
        gone = opened.enter_context(runs[0].serve())
        targets = [server.url.removeprefix("http://") for server in (*servers, gone)]
        prometheus = Prometheus(folder, targets)
        opened.callback(prometheus.close)
        patiently(lambda: prometheus.query("count(streamweave_ready)"), lambda seen: seen.get("") == len(targets))
        gone.close()
        patiently(lambda: prometheus.query("count(up == 0)"), lambda seen: seen.get("") == 1)
        yield prometheus


def test_prometheus_reads_every_target_without_a_complaint(scraping: Prometheus) -> None:
    def complaints() -> list[str]:
        return sorted(each["lastError"] for each in scraping.get("targets")["activeTargets"])

    *others, gone = patiently(complaints, lambda seen: not any(seen[:-1]))
    assert others == [""] * len(TROUBLES)
    assert "connection refused" in gone
    assert not [each for each in scraping.get("rules")["groups"][0]["rules"] if each["health"] == "err"]


def test_prometheus_knows_the_type_of_what_it_reads(scraping: Prometheus) -> None:
    types = {each["metric"]: each["type"] for each in scraping.get("targets/metadata?metric=")}
    assert types["streamweave_items_in"] == "counter"
    assert types["streamweave_progress_frontier"] == "gauge"
    assert types["streamweave_run_state"] == "stateset"


@pytest.mark.parametrize(
    ("alert", "graph"),
    [
        ("StreamweaveUnreachable", ""),
        ("StreamweaveFailed", "failing"),
        ("StreamweaveNotReady", "paused"),
        ("StreamweaveErrors", "refusing"),
        ("StreamweaveBackpressure", "hanging"),
        ("StreamweaveFrontierStuck", "hanging"),
        ("StreamweaveFrontierStuck", "hanging_since_the_start"),
        ("StreamweaveFrontierStuck", "waiting_for_a_silent_source"),
        ("StreamweaveReloadFailed", "unconfigurable"),
        ("StreamweaveCheckpointTooOld", "forgetful"),
    ],
)
def test_a_run_in_trouble_fires_its_alert(scraping: Prometheus, alert: str, graph: str) -> None:
    firing = patiently(scraping.firing, lambda seen: (alert, graph) in seen)
    assert (alert, graph) in firing


def test_a_run_that_is_well_fires_none(scraping: Prometheus) -> None:
    moving = 'rate(streamweave_items_in_total{node_id="kept", graph_id="well"}[3s])'
    assert patiently(lambda: scraping.query(moving), lambda seen: seen.get("well", 0.0) > 10)["well"] > 10
    assert "well" not in {graph for _, graph in scraping.firing()}
