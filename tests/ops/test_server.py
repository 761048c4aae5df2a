from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import count
from statistics import median

import httpx
import pytest

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import ConfigError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Count, ForEach, Map, Replay
from streamweave_lab.ops.http.limits import Limits
from streamweave_lab.ops.server import Server, serve
from tests.ops.http.conftest import NO_TLS

PROMTOOL = os.environ.get("PROMTOOL", "promtool")
PROBES = ["/live", "/ready", "/startup", "/metrics"]


async def ticks() -> AsyncIterator[int]:
    for tick in count():
        yield tick
        await asyncio.sleep(0.005)


def endless(name: str = "endless") -> Graph:
    return Graph(name, Replay("ticks", ticks()) >> Count("counted"))


@pytest.fixture
def run() -> Iterator[LocalRun]:
    """A run on a loop of its own, so that the test's own thread is free to ask."""
    started = endless().start(host="thread", replace="stop")
    yield started
    started.ask("stop").result(60) if not started.lifecycle.over else None


@pytest.fixture
def server(run: LocalRun) -> Iterator[Server]:
    with serve(run) as served:
        yield served


def get(server: Server, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.get(server.url + path, headers=headers, verify=NO_TLS, timeout=60)


@contextmanager
def blocked(run: LocalRun) -> Iterator[None]:
    """Within this the loop the run lives on is blocked, as by a cell that sleeps."""
    released = threading.Event()
    assert run.loop is not None
    run.loop.call_soon_threadsafe(released.wait, 120)
    try:
        yield
    finally:
        released.set()


def until(server: Server, path: str, status: int, saying: str = "") -> httpx.Response:
    """Ask until the answer has this status and these words, a regular expression."""
    give_up = time.monotonic() + 60
    while (answer := get(server, path)).status_code != status or not re.search(saying, answer.text):
        assert time.monotonic() < give_up, answer.text
        time.sleep(0.02)
    return answer


def test_a_running_graph_is_live_and_ready(server: Server) -> None:
    for probe, word in (("/live", "live"), ("/ready", "ready")):
        answer = get(server, probe)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json()["status"] == word
        assert answer.json()["reasons"] == []
        assert answer.json()["since"].endswith("Z")


def test_metrics_are_those_of_the_run_and_promtool_finds_nothing_wrong(server: Server, run: LocalRun) -> None:
    answer = get(server, "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'streamweave_items_in_total{graph_id="endless",node_id="counted",port="in"}' in answer.text
    checked = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=answer.text, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_openmetrics_is_answered_when_it_is_asked_for(server: Server) -> None:
    answer = get(server, "/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")


def test_probes_answer_at_once_while_the_loop_is_blocked_and_ready_says_why(server: Server, run: LocalRun) -> None:
    said = r"the event loop has not answered for \d+ s: other code on it blocks it"
    took: list[float] = []
    with blocked(run), httpx.Client(base_url=server.url, timeout=60) as client:
        not_ready = until(server, "/ready", 503, said)
        assert not_ready.json()["status"] == "not ready"
        for probe in PROBES * 5:
            began = time.perf_counter()
            client.get(probe)
            took.append(time.perf_counter() - began)
        assert client.get("/live").status_code == 200
        verbose = client.get("/ready?verbose")
        assert verbose.status_code == 503, "the loop is still blocked"
        looked = {check["name"]: (check["ok"], check["detail"]) for check in verbose.json()["checks"]}
        assert (looked["run"][0], looked["event loop"][0]) == (True, False)
        assert looked["flow"] == (False, "nothing moves while the event loop is silent")
    # The fewest, lest it be the machine that is slow; and not the first, which the system acknowledges at once.
    assert sorted(took[8:])[2] < 0.04, "an answer in two parts must not wait for the acknowledgement of the first"
    assert until(server, "/ready", 200).json()["reasons"] == []


def test_probes_answer_while_the_loop_computes(server: Server, run: LocalRun) -> None:
    loop, asked = run.loop, threading.Event()
    assert loop is not None

    def compute() -> None:
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            sum(range(1000))
        if not asked.is_set():
            loop.call_soon(compute)

    took: list[float] = []
    with httpx.Client(base_url=server.url, verify=NO_TLS, timeout=60) as client:
        client.get("/live")
        loop.call_soon_threadsafe(compute)
        for probe in PROBES * 5:
            began = time.perf_counter()
            answer = client.get(probe)
            took.append(time.perf_counter() - began)
            assert answer.status_code == 200 or probe == "/ready", "which a machine that stands still may turn off"
        asked.set()
    assert median(took) < 1.0, "a probe's default timeout"


def test_live_turns_503_once_the_loop_has_been_silent_for_longer_than_the_threshold(run: LocalRun) -> None:
    with serve(run, limits=Limits(silent=0.8)) as server:
        until(server, "/live", 200)
        with blocked(run):
            dead = until(server, "/live", 503, r"the event loop has not answered for \d+ s \(limit 1 s\)").json()
            assert dead["status"] == "not live"
            verbose = get(server, "/live?verbose").json()
            assert (verbose["graph"], verbose["state"]) == ("endless", "running")
            assert [(check["name"], check["ok"]) for check in verbose["checks"]] == [("event loop", False)]
        until(server, "/live", 200)


def test_a_verb_that_a_blocked_loop_cannot_take_yet_is_an_operation_that_goes_on(run: LocalRun) -> None:
    with serve(run) as server:
        auth = {"Authorization": f"Bearer {server.token}"}
        with blocked(run):
            asked = httpx.post(f"{server.url}/pause", headers=auth, timeout=60)
            assert (asked.status_code, asked.json()["state"]) == (202, "running")
        over = httpx.get(server.url + asked.headers["location"], params={"wait": 30}, headers=auth, timeout=60)
        assert over.json()["state"] == "done"
        assert run.status().state == "paused"


def test_startup_is_answered_with_yes_from_the_start_to_after_the_end(server: Server, run: LocalRun) -> None:
    started = get(server, "/startup?verbose")
    assert (started.status_code, started.json()["status"]) == (200, "started")
    assert [check["detail"] for check in started.json()["checks"]] == ["nothing to restore", "the run is running"]
    run.ask("stop").result(60)
    assert get(server, "/startup").status_code == 200


def test_draining_turns_readiness_off_first_and_an_ended_run_stays_live() -> None:
    hold = threading.Event()
    waits = Graph("waits", Replay("numbers", range(3)) >> ForEach("held", lambda _: hold.wait(60)))
    run = waits.start(host="thread")
    with serve(run) as server:
        asked = run.ask("drain")
        hold.set()
        asked.result(60)
        answer = get(server, "/ready")
        assert (answer.status_code, answer.json()["reasons"]) == (503, ["stopped"])
        assert get(server, "/live").status_code == 200


def test_a_failed_run_is_not_ready_and_says_which_node_failed() -> None:
    broken = Graph("broken", Replay("numbers", [1, 0]) >> Map("invert", lambda n: 1 / n) >> Count("counted"))
    run = broken.start(host="thread")
    with serve(run) as server:
        answer = until(server, "/ready", 503)
        assert "invert" in answer.json()["reasons"][0]
        assert get(server, "/live").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])  # to be refused
def test_an_address_that_others_can_reach_is_refused_without_a_token(run: LocalRun, host: str) -> None:
    with pytest.raises(ConfigError, match="other machines can reach this address, and there is no token; give token_f"):
        serve(run, host=host)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.2"])
def test_every_loopback_address_can_be_served(run: LocalRun, host: str) -> None:
    with serve(run, host=host) as server:
        assert server.url == f"http://{host}:{server.port}"
        assert get(server, "/live").status_code == 200


def test_a_page_that_rebinds_its_name_to_this_machine_is_turned_away(server: Server) -> None:
    assert get(server, "/metrics", headers={"host": "evil.example"}).status_code == 400
    assert get(server, "/metrics", headers={"host": f"localhost:{server.port}"}).status_code == 200
    assert "access-control-allow-origin" not in get(server, "/live", headers={"origin": "http://evil.example"}).headers


def test_other_methods_and_paths_are_answered_sanely(server: Server) -> None:
    head = httpx.head(server.url + "/ready", timeout=60)
    assert (head.status_code, head.content) == (200, b"")
    posted = httpx.post(server.url + "/ready", timeout=60)
    assert posted.status_code == 405
    assert "GET" in posted.headers["allow"]
    assert get(server, "/nothing").status_code == 404
    assert get(server, "/%2e%2e/etc/passwd").status_code == 404


def test_the_index_names_the_run_and_links_what_there_is(server: Server) -> None:
    page = get(server, "/").text
    assert "Run endless" in page
    assert all(f'href="{probe}"' in page for probe in PROBES)


def test_closing_frees_the_port_even_while_a_client_is_connected(run: LocalRun) -> None:
    server = serve(run)
    with httpx.Client(base_url=server.url, timeout=60) as client:
        client.get("/live")
        server.close()
        server.close()
        with pytest.raises(httpx.ConnectError):
            get(server, "/live")
    with serve(run, port=server.port) as again:
        assert again.port == server.port
    assert "closed" in repr(server)


def test_serving_the_next_run_of_a_graph_on_the_same_port_replaces_the_server(run: LocalRun) -> None:
    first = serve(run)
    run.ask("stop").result(60)
    second = endless().start(host="thread")
    with serve(second, port=first.port) as server:
        assert get(server, "/ready").status_code == 200
    second.ask("stop").result(60)


def test_a_port_that_somebody_else_has_is_an_error_at_once(run: LocalRun, server: Server) -> None:
    other = endless("other").start(host="thread")
    with pytest.raises(OSError, match=r"port \d+: Address already in use; end what listens there, or give port=0"):
        serve(other, port=server.port)
    other.ask("stop").result(60)


@pytest.mark.parametrize("port", [-1, 65536, 70_000])
def test_a_port_that_is_none_is_refused(run: LocalRun, port: int) -> None:
    with pytest.raises(ConfigError, match=f"port {port} is none; give 0 to 65535"):
        serve(run, port=port)


def test_an_address_of_another_machine_is_refused_with_its_reason(run: LocalRun) -> None:
    with pytest.raises(OSError, match=r"cannot listen on 203.0.113.9 port 0: .*; see that the address is one of this"):
        serve(run, host="203.0.113.9", token="x" * 20)


def test_a_run_serves_itself(run: LocalRun) -> None:
    with run.serve() as server:
        assert json.loads(get(server, "/live").text)["status"] == "live"
