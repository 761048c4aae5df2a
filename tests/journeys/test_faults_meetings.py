"""Two things at once: processes that meet, and signals that come when they are least expected."""

from __future__ import annotations

import signal
import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from streamweave_lab.cli.outcome import Exit
from tests.journeys.plant import ROOT, TOKEN, Plant, plant, until
from tests.journeys.saturated_graph import ROOM

OTHER = "another-token-that-is-as-good-as-the-first"


def test_a_second_process_is_turned_away_while_the_first_one_works_or_drains_and_then_goes_on(
    one: Plant, whole: tuple[str, str]
) -> None:
    """On the same store, files and port, as when a service is started before the one before it has ended."""
    one.start().bring(1000)
    port = one.url.rsplit(":", 1)[1]
    with plant(one.folder) as second:
        second.number = 10

        def turned_away() -> bool:
            second.begin(serve=port)
            assert second.end() == Exit.TRY_AGAIN, second.said
            return "wait for its end" in second.said or "end that run first" in second.said

        assert turned_away()
        one.bring(1500)
        (one.folder / "hang").write_text("1777")
        one.open_gate(2000)
        until(lambda: one.status()["loop"]["blocked_by"] == "node squares")
        one.send(signal.SIGTERM)
        assert turned_away()
        (one.folder / "hang").unlink()
        assert one.end() == Exit.DRAINED
        assert 1777 <= len(one.rows()) <= 2000, "what was read when the signal came, and no more"
        second.finish()
    assert one.output()[0] == whole[0], "the windows were closed by the drain"


def test_a_port_in_use_is_said_and_the_work_waits(one: Plant, whole: tuple[str, str]) -> None:
    one.start().bring(1000)
    one.end(signal.SIGKILL)
    before = one.rows()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        one.begin(serve=f"{port}")
        assert one.end() == Exit.TRY_AGAIN
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use; " in one.said.splitlines()[-1]
    assert one.said.splitlines()[-1].endswith("or take a free one with --serve 0")
    assert before[: len(one.rows())] == one.rows(), "it took nothing in"
    one.finish()
    assert one.output() == whole


def test_a_secret_that_cannot_be_read_is_named_at_the_start_and_at_a_reload_and_never_shown(
    one: Plant, whole: tuple[str, str]
) -> None:
    secret, settings = one.folder / "password", one.folder / "settings.toml"
    settings.write_text('schema_version = 1\npassword_file = "password"\n')
    one.begin("--config", "settings.toml")
    assert one.end() == Exit.BAD_CONFIG
    assert one.said.startswith(
        "streamweave-lab: settings.toml: password: the secret file cannot be read: No such file or directory, "
        "named in settings.toml; "
    )
    secret.write_text("hunter2")
    one.start("--config", "settings.toml").bring(1000)
    secret.unlink()
    secret.mkdir()
    settings.write_text('schema_version = 1\npassword_file = "password"\nnote = "new"\n')
    one.send(signal.SIGHUP)
    refused = until(lambda: one.events("config.rejected"))[0]["message"]
    assert "password: the secret file cannot be read: Is a directory" in refused
    assert one.status()["config"]["version"] == 1, "the old configuration stays, whole"
    one.bring(2000)
    secret.rmdir()
    secret.write_text("hunter2")
    applied = one.ask("POST", "/reload?wait=30").json()["result"]
    assert (applied["applied"], [change["field"] for change in applied["changes"]]) == (True, ["note"])
    one.kill()
    one.finish()
    assert one.output() == whole
    assert not [
        path for path in one.folder.rglob("*") if path != secret and path.is_file() and b"hunter2" in path.read_bytes()
    ]


def test_a_token_file_that_changes_lets_in_who_has_the_new_one_and_keeps_the_last_good_one(one: Plant) -> None:
    file = one.folder / "token"
    one.start()

    def let_in() -> tuple[int, int]:
        return one.ask("GET", "/status").status_code, one.ask("GET", "/status", OTHER).status_code

    def put(text: str) -> None:
        (one.folder / "new").write_text(text)
        (one.folder / "new").rename(file)

    assert let_in() == (200, 401)
    put(OTHER)
    assert let_in() == (401, 200)
    put("")
    assert let_in() == (401, 200), "an empty one is none"
    file.unlink()
    assert let_in() == (401, 200)
    put(TOKEN)
    assert let_in() == (200, 401)
    assert TOKEN not in one.said + str(one.events())


def test_a_signal_during_the_start_ends_it_and_leaves_nothing_half_done(one: Plant, whole: tuple[str, str]) -> None:
    for word in ("", "gated started", "served at"):
        one.begin()
        if word:
            until(lambda word=word: word in one.said)
        else:
            time.sleep(0.15)  # it is loading still
        assert one.end(signal.SIGTERM) in (-signal.SIGTERM, Exit.DRAINED)
        assert one.rows() == []
    one.finish()
    assert one.output() == whole


def test_a_signal_while_a_checkpoint_cannot_be_written_says_what_held_the_drain(
    one: Plant, whole: tuple[str, str]
) -> None:
    one.start("--drain-timeout", "1").bring(1000)
    with closing(sqlite3.connect(one.folder / one.store, isolation_level=None)) as elsewhere:
        elsewhere.execute("BEGIN IMMEDIATE")
        one.send(signal.SIGTERM)
        (told,) = until(lambda: one.events("run.drain_timed_out"))
        elsewhere.execute("ROLLBACK")
    assert told["message"] == (
        "the drain took more than 1 s: 0 items dropped, held by its last checkpoint, which is still being written"
    )
    assert one.end() == Exit.DRAINED, "no item was dropped"
    one.finish()
    assert one.output()[0] == whole[0], "the windows were closed by the drain"


def test_a_signal_while_a_reload_is_verified_does_not_wait_for_that(one: Plant, whole: tuple[str, str]) -> None:
    settings = one.folder / "settings.toml"
    settings.write_text("schema_version = 1\n")
    one.start("--config", "settings.toml", "--verify", "100").bring(1000)
    settings.write_text('schema_version = 1\nnote = "new"\n')
    one.send(signal.SIGHUP)
    until(lambda: one.events("config.applied"))
    assert one.end(signal.SIGTERM) == Exit.DRAINED
    assert "reloaded: note: '' → 'new'" in one.said
    one.finish()
    assert one.output()[0] == whole[0]


class Saturated(Plant):
    """The full graph, whose sink lets nothing go."""

    graph = f"{ROOT / 'tests/journeys/saturated_graph.py'}:saturated"
    kept = False


def test_a_signal_leaves_a_suspend_that_goes_on_no_more_time_than_it_says(tmp_path: Path) -> None:
    one = Saturated(tmp_path)
    try:
        one.start("--checkpoint", "state.db", "--drain-timeout", "0.5")
        until(lambda: one.status()["edges"][1]["queued"] == ROOM)
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(one.ask, "POST", "/suspend?wait=30", json={"timeout": 100})
            until(lambda: one.status()["state"] == "suspending")
            began = time.monotonic()
            assert one.end(signal.SIGTERM) == Exit.DROPPED
            assert time.monotonic() - began < 60, "not the 100 s that were asked for before"
            assert asked.result().json()["result"]["committed"] is False
    finally:
        one.kill()
    assert "being suspended, at most 0.5 s more; once more to stop at once\n" in one.said
    (stopped,) = one.events("run.stopped")
    assert stopped["by"] == "signal SIGTERM"


def test_drains_that_are_asked_for_at_once_are_one_and_a_signal_leaves_them_no_more_time_than_it_says(
    tmp_path: Path,
) -> None:
    one = Saturated(tmp_path)

    def drained() -> dict[str, Any]:
        document: dict[str, Any] = one.ask("POST", "/drain?wait=30", json={"timeout": 100}).json()
        return document

    try:
        one.start("--drain-timeout", "1")
        until(lambda: one.status()["edges"][1]["queued"] == ROOM)
        with ThreadPoolExecutor(3) as pool:
            asked = [pool.submit(drained) for _ in range(3)]
            until(lambda: len(one.ask("GET", "/operations").json()["operations"]) == 3)
            until(lambda: one.status()["state"] == "draining")
            began = time.monotonic()
            assert one.end(signal.SIGTERM) == Exit.DROPPED
            assert time.monotonic() - began < 60, "not the 100 s that were asked for before"
            answers = [each.result() for each in asked]
    finally:
        one.kill()
    assert len({answer["id"] for answer in answers}) == 3
    (report, other, third) = (answer["result"] for answer in answers)
    assert report == other == third
    assert (report["complete"], report["held_by"]) == (False, ["sink"])
    (draining,), (timed_out,) = one.events("run.draining"), one.events("run.drain_timed_out")
    assert draining["by"] == "http"
    assert timed_out["message"].startswith("the drain took more than ")
