"""What goes to the browser, number by number."""

from __future__ import annotations

import json
from array import array
from math import isnan
from typing import Any

from streamweave_lab.console import columns
from streamweave_lab.engine.status import EdgeStatus, EventStatus, NodeStatus, Status
from tests.console.runs import Limits, finished


def node(name: str, **more: Any) -> NodeStatus:
    given = {"kind": "Map", "role": "step", "state": "idle", "items_in": {"in": 0}, "items_out": {"out": 0}}
    return NodeStatus(name=name, **{**given, **more})


def status(nodes: list[NodeStatus], edges: list[EdgeStatus] | None = None, **more: Any) -> Status:
    given = {"graph": "g", "state": "running", "ready": True, "reasons": (), "host": "loop", "taken_at": 1000.25}
    return Status(**{**given, **more}, nodes=tuple(nodes), edges=tuple(edges or ()))


def numbers_of(shown: Status) -> list[float]:
    return list(array("d", columns.frame(shown)))


def test_a_frame_begins_with_the_clock_and_event_time() -> None:
    shown = status([node("a", newest=7.5, frontier=5.0)], uptime=3.5, frontier=2.5)
    assert numbers_of(shown)[:5] == [1000.25, 3.5, 0.0, 2.5, 7.5]


def test_what_is_not_known_is_not_a_number() -> None:
    clock, uptime, _, frontier, newest, own, *rest = numbers_of(status([node("a")]))
    assert (clock, uptime) == (1000.25, 0.0)
    assert all(map(isnan, (frontier, newest, own)))
    held, dropped, backlog, total, *_ = rest[4:]
    assert (held, dropped) == (0, 0)
    assert all(map(isnan, (backlog, total)))


def test_each_node_is_followed_by_its_ports_in_the_order_of_the_topology() -> None:
    run = finished().status()
    topology = columns.topology(run)
    numbers = iter(numbers_of(run)[5:])
    seen = {}
    for shown in topology["nodes"]:
        frontier, errors, late = (next(numbers) for _ in range(3))
        assert (frontier, errors, late) == (99.0, 10.0 if shown["name"] == "check" else 0.0, 0.0)
        seen |= {f"{shown['name']}.{port}": next(numbers) for port in [*shown["ins"], *shown["outs"]]}
        assert [next(numbers) for _ in range(4)][:2] == [0, 0]  # held, dropped; then backlog and total
    assert seen == {
        "numbers.out": 100,
        "check.in": 100,
        "check.out": 90,
        "check.error": 10,
        "good.in": 90,
        "good.error": 0,
        "bad.in": 10,
        "bad.error": 0,
    }


def test_a_node_tells_its_state_and_how_long_it_was_at_work_and_blocked() -> None:
    shown = status([node("a", state="blocked", busy_seconds=7.0, run_seconds=1.5, blocked_seconds=0.25)])
    assert numbers_of(shown)[-3:] == [2, 1.5, 0.25]


def test_an_edge_tells_what_waits_and_who_waits() -> None:
    edge = EdgeStatus(
        source="a.out", target="b.in", queued=3, capacity=8, peak=5, sent=9, received=6, dropped=1,
        blocked_seconds=0.125, blocked=True,
    )  # fmt: skip
    assert numbers_of(status([node("a")], [edge]))[-8:] == [3, 5, 1, 1, 0, 0, 0, 0.125]


def test_only_the_passing_of_time_is_no_motion() -> None:
    before = status([node("a", idle_seconds=1.0, busy_seconds=2.0)], uptime=3.0)
    later = status(
        [node("a", state="busy", idle_seconds=9.0, busy_seconds=2.5, run_seconds=0.5)], uptime=12.0, taken_at=1009.0
    )
    moved = status([node("a", items_in={"in": 1})], uptime=3.0)
    still, other, motion = (columns.moved(columns.frame(s), 1, 0) for s in (before, later, moved))
    assert still == other
    assert still != motion


def test_twenty_ports_fit_in_a_kilobyte_and_a_half() -> None:
    nodes = [node(f"n{i}") for i in range(10)]
    edges = [EdgeStatus(source="a.out", target="b.in", queued=0, capacity=1, peak=0, sent=0, received=0)] * 10
    assert len(columns.frame(status(nodes, edges))) == 1400


def test_everything_that_is_said_is_json() -> None:
    run = finished().status()
    told = [columns.topology(run), columns.words(run), columns.settings(run.config), columns.events(run.events)]
    assert json.loads(json.dumps(told, allow_nan=False))[1]["state"] == "stopped"


def test_settings_are_rows_of_name_value_and_source() -> None:
    run = finished().status()
    shown = columns.settings(run.config)
    assert shown is not None
    assert shown["rows"] == [["limit", "10", "default"], ["place", "here", "default"]]
    assert columns.settings(None) is None
    assert shown["sha256"] == Limits().fingerprint()


def test_an_event_tells_who_asked_for_it_and_why() -> None:
    def asked(**known: str) -> object:
        return columns.events([EventStatus(at=1.0, event="run.draining", level="info", message="m", **known)])[0][
            "asked"
        ]

    assert asked(by="http", why="a new month") == "by http (a new month)"
    assert asked(by="button") == "by button"
    assert asked() is None


def test_the_live_drawing_has_its_nodes_where_the_static_one_has_them() -> None:
    run = finished().status()
    boxes = columns.topology(run)["drawing"]["boxes"]
    at = {node.name: (box["x"], box["y"]) for node, box in zip(run.nodes, boxes, strict=True)}
    assert at["numbers"][0] < at["check"][0] < at["good"][0] == at["bad"][0]
    assert at["good"][1] < at["bad"][1]  # errors go below
