from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.engine.status import Status
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import ForEach, Replay
from streamweave_lab.ops.http.bodies import Back, Changes, Verified
from streamweave_lab.ops.http.limits import Limits
from streamweave_lab.ops.server import serve
from tests.ops.http.conftest import TOKEN


@contextmanager
def held(hold: threading.Event) -> Iterator[LocalRun]:
    """A run whose sink keeps its loop busy until `hold` is set."""
    graph = Graph("held", Replay("numbers", range(3)) >> ForEach("sink", lambda _: hold.wait(60)))
    yield graph.start(host="thread", replace="stop")
    hold.set()


def test_status_is_the_whole_document(client: httpx.Client, run: LocalRun) -> None:
    answer = client.get("/status")
    document = Status.model_validate_json(answer.content)
    assert (document.graph, document.state, document.ready) == ("endless", "running", True)
    assert [node.name for node in document.nodes] == ["ticks", "parse", "counted"]
    assert document.config == run.status().config


def test_a_verb_answers_with_an_operation_that_can_be_looked_up(client: httpx.Client) -> None:
    asked = client.post("/pause")
    assert asked.status_code == 202
    found = client.get(asked.headers["location"])
    assert (found.status_code, found.json()["verb"], found.json()["state"]) == (200, "pause", "done")
    assert [each["id"] for each in client.get("/operations").json()["operations"]] == [asked.json()["id"]]
    assert client.get("/status").json()["state"] == "paused"


def test_who_waits_is_answered_with_the_report(client: httpx.Client) -> None:
    drained = client.post("/drain", params={"wait": 30}, json={"timeout": 30})
    assert drained.status_code == 200
    report = drained.json()["result"]
    assert (report["complete"], report["dropped"], report["held_by"]) == (True, {}, [])
    assert list(report["phases"]) == ["readiness off", "sources", "in flight", "windows", "sinks", "close"]
    assert client.get("/ready").json()["reasons"] == ["stopped"]


def test_a_drain_tells_how_far_it_has_come_until_it_is_over() -> None:
    hold = threading.Event()
    auth = {"Authorization": f"Bearer {TOKEN}"}
    with (
        held(hold) as run,
        serve(run, token=TOKEN) as server,
        httpx.Client(base_url=server.url, headers=auth, timeout=60) as client,
    ):
        asked = client.post("/drain").json()
        assert (asked["state"], asked["result"], asked["ended_at"]) == ("running", None, None)
        assert asked["progress"]["seconds"] < 5
        assert asked["progress"]["held"] + asked["progress"]["queued"] <= 3
        hold.set()
        over = client.get(f"/operations/{asked['id']}", params={"wait": 30}).json()
        assert (over["state"], over["result"]["complete"], over["progress"]) == ("done", True, None)
        assert over["ended_at"] >= over["asked_at"]


def test_the_same_key_again_does_nothing_twice(client: httpx.Client, run: LocalRun) -> None:
    once = client.post("/configure", json={"changes": {"limit": 20}}, headers={"Idempotency-Key": "k1"})
    again = client.post("/configure", json={"changes": {"limit": 20}}, headers={"Idempotency-Key": "k1"})
    assert once.json()["id"] == again.json()["id"]
    assert run.status().config.version == 2  # type: ignore[union-attr]
    other = client.post("/configure", json={"changes": {"limit": 30}}, headers={"Idempotency-Key": "k1"})
    assert (other.status_code, other.json()["type"]) == (422, "urn:streamweave:problem:key-used")


def test_a_refusal_is_remembered_by_its_key_too(client: httpx.Client) -> None:
    key = {"Idempotency-Key": "resume-it"}
    refused = client.post("/resume", headers=key)
    client.post("/pause")
    again = client.post("/resume", headers=key)
    assert (refused.status_code, again.status_code) == (409, 409)
    assert refused.json()["operation"] == again.json()["operation"]


def test_a_move_that_the_run_cannot_make_now_is_a_conflict(client: httpx.Client) -> None:
    refused = client.post("/resume")
    assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
    document = refused.json()
    assert document["type"] == "urn:streamweave:problem:illegal-move"
    assert document["detail"] == "run 'endless' is running: it cannot resume now; it flows already"
    assert client.get(f"/operations/{document['operation']}").json()["problem"]["status"] == 409


def test_a_checkpoint_without_a_store_is_a_conflict_that_says_what_to_do(client: httpx.Client) -> None:
    refused = client.post("/checkpoint")
    assert refused.status_code == 409
    assert refused.json()["detail"].endswith("started without a store; pass store= to start")


def test_a_tap_shows_what_passes(client: httpx.Client) -> None:
    tapped = client.post("/tap", params={"wait": 30}, json={"pattern": "parse.*", "n": 3}).json()["result"]
    assert list(tapped["ports"]) == ["parse.in", "parse.out"]
    first = int(tapped["ports"]["parse.out"]["items"][0])
    assert tapped["ports"]["parse.out"]["items"] == [str(first), str(first + 1), str(first + 2)]


def test_a_pattern_that_fits_nothing_names_the_nearest_port(client: httpx.Client) -> None:
    refused = client.post("/tap", json={"pattern": "prse.out"})
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:streamweave:problem:refused")
    assert "did you mean 'parse.out'?" in refused.json()["detail"]


def test_a_paused_run_is_stepped(client: httpx.Client) -> None:
    client.post("/pause")
    stepped = client.post("/step", params={"wait": 30}, json={"items": 1}).json()["result"]
    assert stepped["items"] <= 1
    both = client.post("/step", json={"items": 1, "until": 5.0})
    assert both.status_code == 422
    assert "not both" in both.json()["detail"]


def test_a_change_tells_on_whose_behalf_it_was_made(client: httpx.Client, run: LocalRun) -> None:
    changed = client.post(
        "/configure",
        params={"wait": 30},
        json={"changes": {"limit": 20}, "why": "it was too tight"},
        headers={"X-Request-ID": "req-7"},
    )
    assert changed.headers["x-request-id"] == "req-7"
    assert changed.json()["result"]["changes"] == [{"field": "limit", "old": 10, "new": 20, "live": True}]
    told = next(event for event in run.status().events if event.event == "config.applied")
    assert (told.by, told.request_id) == ("http", "req-7")
    assert client.get("/config").json()["sources"]["limit"] == "runtime"


def test_a_change_that_is_refused_is_a_report_that_says_why(client: httpx.Client) -> None:
    refused = client.post("/configure", params={"wait": 30}, json={"changes": {"limit": 0}})
    assert refused.status_code == 200
    assert refused.json()["result"]["applied"] is False
    assert "limit" in refused.json()["result"]["refused"][0]


def test_the_history_tells_who_changed_what_and_why_and_can_be_gone_back_in(client: httpx.Client) -> None:
    client.post("/configure", params={"wait": 30}, json={"changes": {"limit": 20}, "why": "more of it"})
    back = client.post("/rollback", params={"wait": 30}, json={"version": 1, "why": "less again"})
    assert (back.json()["result"]["applied"], back.json()["result"]["version"]) == (True, 3)
    versions = client.get("/config/history").json()["versions"]
    assert [(each["version"], each["who"], each["why"]) for each in versions[:2]] == [
        (3, "http", "less again"),
        (2, "http", "more of it"),
    ]
    assert (versions[0]["restores"], versions[0]["values"]["limit"]) == (1, 10)
    unknown = client.post("/rollback", params={"wait": 30}, json={"version": 77})
    assert "version 77 is not in the history" in unknown.text


def test_a_plan_tells_what_a_reload_would_change_and_changes_nothing(client: httpx.Client, tmp_path: Path) -> None:
    assert client.get("/plan").json() == {"changes": [], "refused": [], "notes": []}
    (tmp_path / "speed.toml").write_text("schema_version = 1\nlimit = 12\n")
    assert client.get("/plan").json()["changes"] == [{"field": "limit", "old": 10, "new": 12, "live": True}]
    assert client.get("/config").json()["values"]["limit"] == 10
    (tmp_path / "speed.toml").write_text("schema_version = 1\nlmit = 12\n")
    wrong = client.get("/plan")
    assert wrong.status_code == 422
    assert any("limit" in sentence for sentence in wrong.json()["problems"])


def test_a_field_may_be_called_as_an_argument_of_ask(client: httpx.Client) -> None:
    refused = client.post("/configure", params={"wait": 30}, json={"changes": {"verb": 1, "run": 2}})
    assert refused.status_code == 200
    assert {"verb", "run"} <= set(" ".join(refused.json()["result"]["refused"]).replace(":", " ").split())


@pytest.mark.parametrize("limits", [Limits(running=2)])
def test_there_is_an_end_to_what_runs_at_the_same_time(client: httpx.Client) -> None:
    client.post("/pause")
    for _ in range(2):
        assert client.post("/tap", json={"pattern": "parse.out"}).status_code == 202
    third = client.post("/tap", json={"pattern": "parse.out"})
    assert (third.status_code, third.headers["retry-after"]) == (429, "5")
    assert "2 operations are running" in third.json()["detail"]


def test_closing_the_server_lets_nobody_wait(run: LocalRun) -> None:
    server = serve(run, token=TOKEN)
    answers: list[int] = []

    def wait() -> None:
        auth = {"Authorization": f"Bearer {TOKEN}"}
        body = {"pattern": "parse.out", "n": 1000}
        url = f"{server.url}/tap?wait=30"
        answers.append(httpx.post(url, json=body, headers=auth, timeout=60).status_code)

    waiting = threading.Thread(target=wait)
    waiting.start()
    asked = {"Authorization": f"Bearer {TOKEN}"}
    while not httpx.get(f"{server.url}/operations", headers=asked, timeout=60).json()["operations"]:
        time.sleep(0.02)
    began = time.monotonic()
    server.close()
    waiting.join(60)
    assert answers == [202]
    assert time.monotonic() - began < 25, "not the 30 s that it would have waited"


def test_a_body_that_does_not_fit_is_answered_with_what_would(client: httpx.Client) -> None:
    wrong = client.post("/configure", json={"limit": 3, "chnges": {}})
    assert wrong.json()["detail"].startswith('the body does not fit; send such as {"changes": {"speed": 60}')
    assert wrong.json()["problems"] == [
        "changes: is missing",
        "limit: is not known; there is why, verify, changes",
        "chnges: is not known; did you mean changes?",
    ]
    form = client.post("/drain", content=b"timeout=3")
    assert form.json()["detail"].endswith('send an object, such as {"timeout": 30}')


def test_what_a_run_that_has_ended_is_asked_is_answered_at_once(client: httpx.Client) -> None:
    assert client.post("/stop", params={"wait": 30}).json()["result"]["dropped"] is not None
    began = time.monotonic()
    answers = {
        verb: client.post(f"/{verb}", params={"wait": 30}, json=body).status_code
        for verb, body in {
            "drain": {}, "suspend": {}, "stop": {}, "reload": {}, "configure": {"changes": {"limit": 11}},
            "rollback": {}, "checkpoint": {}, "pause": {}, "resume": {}, "step": {}, "tap": {"pattern": "*"},
        }.items()
    }  # fmt: skip
    assert time.monotonic() - began < 30, "no one was waited for"
    assert answers == {
        "drain": 200, "suspend": 409, "stop": 200, "reload": 200, "configure": 200, "rollback": 200,
        "checkpoint": 409, "pause": 409, "resume": 409, "step": 409, "tap": 200,
    }  # fmt: skip


def test_a_change_is_watched_as_long_as_the_process_says_unless_the_body_says_otherwise() -> None:
    changes = Changes(changes={"verify": 2})
    assert changes.arguments(3.0) == (({"verify": 2}, 3.0), {})
    assert Changes(changes={"a": 1}, verify=0.0).arguments(3.0) == (({"a": 1}, 0.0), {})
    assert Verified().arguments(3.0) == ((), {"verify": 3.0})
    assert Back(version=1, verify=1.0).arguments(3.0) == ((), {"version": 1, "verify": 1.0})
