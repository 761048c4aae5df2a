"""A disk that is full, under checkpoints, sinks, logs, tokens and journals: what is said, and that nothing is lost."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest

from streamweave_lab.cli.outcome import Exit
from tests.journeys.plant import Plant, until
from tests.journeys.small_disk import SmallDisk, small_disk


@pytest.fixture
def disk(one: Plant) -> Iterator[SmallDisk]:
    """In the folder of the process."""
    with small_disk(one.folder / "small") as mounted:
        yield mounted
        one.kill()


@pytest.mark.parametrize(
    ("store", "full"), [("small/state.db", "database or disk is full"), ("small/state", "No space left on device")]
)
def test_a_run_goes_on_without_checkpoints_takes_them_again_and_drains_without_one(
    one: Plant, disk: SmallDisk, whole: tuple[str, str], store: str, full: str
) -> None:
    one.store = store
    one.start().bring(500)
    disk.fill()
    (failed, *_) = until(lambda: one.events("checkpoint.failed"))
    assert failed["level"] == "error"
    assert f"{store} cannot be written: " in failed["message"]
    assert f"{full}; make room on its disk" in failed["message"]
    one.bring(1000)
    until(lambda: one.probe("ready") == (200, []), "work does not go on")
    assert full in one.status()["checkpoint"]["problem"]
    asked = one.ask("POST", "/checkpoint?wait=30").json()["result"]
    assert (asked["committed"], full in asked["problem"]) == (False, True)
    assert 'streamweave_checkpoints_total{graph_id="gated",result="failed"}' in one.ask("GET", "/metrics").text

    disk.make_room()
    until(lambda: one.status()["checkpoint"]["problem"] is None)
    disk.fill()
    one.bring(1500)
    assert one.end(signal.SIGTERM) == Exit.FAILED, one.said
    assert "was drained; nothing was dropped, but no checkpoint holds its end" in one.said
    assert one.said.count("no checkpoint of epoch ") >= 2, "that before the disk had room, and that of the drain"
    disk.make_room()
    assert "from checkpoint " in one.finish()
    assert one.output() == whole


def test_a_sink_on_a_full_disk_ends_the_run_with_its_file_and_the_remedy(
    one: Plant, disk: SmallDisk, whole: tuple[str, str]
) -> None:
    (one.folder / "rows").symlink_to(disk.path / "rows")
    one.start().bring(500)
    disk.fill()
    one.open_gate()
    said = "rows cannot be written: No space left on device; make room there, and start again"
    assert one.end() == Exit.FAILED
    assert said in one.said.splitlines()[-1]
    one.begin(serve=None)
    assert one.end() == Exit.FAILED, "as long as it is full"
    assert said in one.said.splitlines()[-1]
    disk.make_room()
    one.finish()
    assert one.output() == whole


WANTING = {
    ("--checkpoint", "small/state.db"): "small/state.db cannot be read: ",
    ("--serve", "0", "--token-file", "small/token"): "the token cannot be written to small/token: ",
    ("--history", "small/journal", "--config", "settings.toml"): "small/journal cannot be written: ",
}
"""What needs room before a run begins, and what is said where there is none."""


def test_what_cannot_be_begun_for_want_of_room_may_be_tried_again(
    one: Plant, disk: SmallDisk, whole: tuple[str, str]
) -> None:
    (one.folder / "settings.toml").write_text("schema_version = 1\n")
    disk.fill()
    one.open_gate()
    for options, said in WANTING.items():
        one.begin(*options, serve=None)
        assert one.end() == Exit.TRY_AGAIN, one.said
        assert one.said.splitlines()[-1].startswith(f"streamweave-lab: {said}")
        assert one.rows() == [], "nothing was taken in"
    disk.make_room()
    one.begin(*sum(WANTING, ()), serve=None)
    assert one.end() == Exit.DRAINED, one.said
    assert one.output() == whole


def test_a_log_on_a_full_disk_stops_nothing_and_counts_what_is_missing(
    one: Plant, disk: SmallDisk, whole: tuple[str, str]
) -> None:
    one.environ["STREAMWEAVE_LOG"] = "info:small/log"
    disk.fill()
    one.start().bring(1500)
    until(lambda: "the log to small/log fails: OSError(28, 'No space left on device')" in one.said)
    assert one.said.count("the log to small/log fails") == 1
    disk.make_room()
    one.finish()
    events = [json.loads(line) for line in (disk.path / "log").read_text().splitlines()]
    (lost,) = [event for event in events if event["event"] == "log.lines_lost"]
    assert lost["lost"] >= 2, "that it was started, and its checkpoint"
    assert events[-1]["event"] == "run.stopped"
    assert one.output() == whole
