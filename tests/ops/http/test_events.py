from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.ops.http.limits import Limits
from streamweave_lab.ops.server import Server


@contextmanager
def reading(client: httpx.Client, last: int | None = None) -> Iterator[Iterator[dict[str, str]]]:
    """The events, as dicts of their fields."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    with client.stream("GET", "/events", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines).startswith(": the events of a run")  # it is listened from here on
        yield blocks(lines)


def blocks(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    block: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(": ")
        if colon and name:
            block[name] = value
        elif not line and block:
            yield block
            block = {}


def test_what_happens_is_told_as_it_happens(client: httpx.Client) -> None:
    with reading(client) as events:
        client.post("/pause", headers={"X-Request-ID": "r1"})
        paused = next(events)
        assert paused["event"] == "run.paused"
        document = json.loads(paused["data"])
        assert (document["by"], document["request_id"]) == ("http", "r1")
        client.post("/resume")
        assert next(events)["event"] == "run.resumed"


def test_who_was_cut_off_goes_on_where_it_was(client: httpx.Client) -> None:
    with reading(client, 0) as events:
        started = next(events)
        assert started["event"] == "run.started"
    client.post("/pause")
    client.post("/resume")
    with reading(client, int(started["id"])) as events:
        missed = [next(events), next(events)]
        assert [event["event"] for event in missed] == ["run.paused", "run.resumed"]
        assert [int(event["id"]) for event in missed] == [int(started["id"]) + 1, int(started["id"]) + 2]


def test_numbers_of_a_later_server_are_higher(client: httpx.Client, run: LocalRun) -> None:
    with reading(client, 0) as events:
        last = int(next(events)["id"])
    with run.serve() as later:
        auth = {"Authorization": f"Bearer {later.token}"}
        with httpx.Client(base_url=later.url, headers=auth, timeout=60) as other, reading(other, last) as events:
            assert next(events)["event"] == "run.started"


@pytest.mark.parametrize("limits", [Limits(streams=1)])
def test_there_is_an_end_to_the_readers(client: httpx.Client, server: Server) -> None:
    with reading(client):
        refused = client.get("/events")
        assert (refused.status_code, refused.json()["type"]) == (429, "urn:streamweave:problem:too-many-streams")


def test_a_number_that_is_none_is_refused(client: httpx.Client) -> None:
    refused = client.get("/events", headers={"Last-Event-ID": "yesterday"})
    assert refused.status_code == 422
    assert "0 begins with the oldest" in refused.json()["detail"]


def test_a_stream_ends_with_the_server(client: httpx.Client, server: Server) -> None:
    with reading(client) as events:
        server.close()
        assert list(events) == []


def test_the_head_of_the_stream_does_not_hang(client: httpx.Client) -> None:
    assert client.head("/events").status_code == 200
