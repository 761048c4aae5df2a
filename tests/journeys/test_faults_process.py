"""A process that is killed, paused, hung, or whose clock jumps: what it says of it, and that nothing is lost."""

from __future__ import annotations

import signal
import sys
import time
from typing import Any

import pytest

from streamweave_lab.cli.outcome import Exit
from tests.journeys.plant import Plant, plant, until
from tests.ops.systemd.notify_manager import Message, managing

DAY = 86_400
PAUSE = 0.8
"""Seconds; with what else is done meanwhile longer than the loop may be silent before that is told."""


def stalls(one: Plant, by: str) -> list[dict[str, Any]]:
    """The stalls that were told of; others there are where the machine is busy."""
    return [
        event for event in one.events("loop.stalled") if event["message"].startswith(f"{by} blocked the event loop")
    ]


def test_a_killed_process_leaves_its_port_and_its_work_to_the_next(one: Plant, whole: tuple[str, str]) -> None:
    one.start().bring(1234)
    assert one.end(signal.SIGKILL) == -signal.SIGKILL
    port = one.url.rsplit(":", 1)[1]
    one.open_gate(2000)
    one.start(serve=port)
    resumed = one.status()
    assert resumed["checkpoint"]["resumed_from"] >= 1
    assert f"from checkpoint {resumed['checkpoint']['resumed_from']} of epoch" in one.said
    one.finish()
    assert one.output() == whole


@pytest.mark.skipif(sys.platform == "win32", reason="no process can be paused there by a signal")
def test_a_paused_process_goes_on_and_tells_of_a_pause_and_blames_no_node(one: Plant, whole: tuple[str, str]) -> None:
    with managing() as manager:
        one.environ |= {**manager.environ, "WATCHDOG_USEC": "400000"}
        one.start("--log", "info:log").bring(500)
        one.pause()
        assert one.probe("live", timeout=0.3)[0] == 0, "who is paused does not answer"
        manager.heard()
        time.sleep(PAUSE)
        assert manager.heard() == [], "nor does it tell the service manager that it is alive"
        with plant(one.folder) as second:
            second.number = 10
            second.begin(serve=None)
            assert second.end() == Exit.TRY_AGAIN, "its files and its store are not free: it will go on"
        one.send(signal.SIGCONT)
        one.bring(1500)
        until(lambda: [one.probe(name) for name in ("live", "ready")] == [(200, []), (200, [])])
        until(lambda: {"WATCHDOG": "1"} in manager.heard())
    told, *_ = until(lambda: stalls(one, by="a pause of the whole process"))
    assert float(told["message"].split()[-2]) > 1.0
    assert "by" not in told, "nobody asked for it"
    assert stalls(one, by="node squares") == []
    one.kill()
    one.finish()
    assert one.output() == whole


def test_a_node_that_hangs_is_named_by_the_probes_and_afterwards(one: Plant, whole: tuple[str, str]) -> None:
    """Served with a threshold of one second; there it is a minute."""
    with managing() as manager:
        one.environ |= {**manager.environ, "WATCHDOG_USEC": "400000"}
        (one.folder / "hang").write_text("777")
        one.start(program=("-m", "tests.journeys.impatient")).bring(500)
        until(lambda: one.probe("live") == (200, []))
        one.open_gate(1000)
        said = "the event loop has not answered for "
        until(lambda: says(one.probe("live"), said, " s (limit 1 s); node squares blocks it"))
        until(lambda: says(one.probe("ready"), said, " s: node squares blocks it"))
        manager.heard()
        assert 'streamweave_ready{graph_id="gated"} 0.0' in one.ask("GET", "/metrics").text
        time.sleep(0.5)  # more than two beats
        assert fed(manager.heard()) == 0, "the service manager hears no more, and would restart it"
        (one.folder / "hang").unlink()
        until(lambda: one.probe("live") == (200, []))
        one.bring(1000)
        until(lambda: fed(manager.heard()))
    assert len(until(lambda: stalls(one, by="node squares"))) == 1
    one.kill()
    one.finish()
    assert one.output() == whole


def says(answer: tuple[int, list[str]], begins: str, ends: str) -> bool:
    """Whether a probe says no, and this is why."""
    status, reasons = answer
    return status == 503 and [(why.startswith(begins), why.endswith(ends)) for why in reasons] == [(True, True)]


def fed(heard: list[Message]) -> int:
    return sum("WATCHDOG" in message for message in heard)


def test_a_wall_clock_that_jumps_by_days_changes_nothing_but_what_is_told_of_the_time(
    one: Plant, whole: tuple[str, str]
) -> None:
    one.start(program=("-m", "tests.journeys.odd_clock")).bring(500)
    for jump, upto in ((-DAY, 1000), (DAY, 1500)):
        (one.folder / "jump").write_text(f"{jump}")
        one.bring(upto)
        taken = one.ask("POST", "/checkpoint?wait=30").json()["result"]
        assert taken["committed"]
        assert 0 <= taken["seconds"] < 60, "what it took is no matter of the wall clock"
        until(lambda: [one.probe(name) for name in ("live", "ready")] == [(200, []), (200, [])])
        status = one.status()
        assert abs(status["taken_at"] - time.time() - jump) < 60
        assert abs(status["checkpoint"]["last_at"] - time.time() - jump) < 60
    assert one.status()["loop"]["longest_stall_seconds"] < 60
    one.end(signal.SIGKILL)
    said = one.finish()  # its wall clock is right again, so that the newest checkpoint is one of tomorrow
    resumed = int(said.split("from checkpoint ")[1].split()[0])
    assert resumed >= taken["id"], "the newest goes by its number, not by its time"
    assert one.output() == whole
