"""Frames of `top`, drawn without a terminal."""

import pytest
from rich.console import Console

import streamweave_lab as sw
from streamweave_lab.cli.top.parts import duration, fill_bar, instant, percent, plain, rate, time_bar
from streamweave_lab.cli.top.rates import first
from streamweave_lab.cli.top.tables import chosen
from streamweave_lab.cli.top.view import allotted, frame, header


@pytest.fixture(scope="module")
def status():
    """Of a run that has ended, with errors and a frontier."""

    def parse(n):
        if n == 3:
            raise ValueError("three\x1b[2J")
        return n

    numbers = sw.Replay("numbers", range(10), time=lambda n: 1e9 + n)
    parsed = sw.Map("parse", parse)
    return (
        sw.Graph("digits", numbers >> parsed >> sw.Count("all"), parsed.error >> sw.Count("bad")).run_to_end().status()
    )


def drawn(seen, width=80, **how):
    console = Console(width=width, record=True, color_system=None, force_terminal=False)
    with console.capture() as caught:
        console.print(frame(seen, width, **how), highlight=False)
    return caught.get().splitlines()


def running(status, **changes):
    return status.model_copy(update={"state": "running", "ready": True, "reasons": (), **changes})


def test_the_header_says_whether_it_is_well_how_far_and_why_not(status):
    lines = drawn(
        first(running(status, ready=False, reasons=("nothing can move",), frontier=1e9, lag=30.0, uptime=75.0))
    )
    assert lines[:3] == [
        " digits  ▲ not ready · up 1:15",
        "because    nothing can move",
        "frontier   2001-09-09 01:46:40 · 30 s behind the newest",
    ]


def test_a_run_that_is_not_heard_of_says_for_how_long(status):
    lines = header(running(status, stale_seconds=12.4), 80)
    assert lines[0].plain.endswith("not heard of for 12 s")


def test_a_process_that_escapes_into_the_terminal_is_shown_and_not_obeyed(status):
    event = status.events[0].model_copy(update={"message": "bad \x1b[2J\r\nworse"})
    text = "\n".join(drawn(first(running(status, events=(event,)))))
    assert "\x1b" not in text
    assert "bad  [2J  worse" in text


def test_rates_are_those_between_two_looks(status):
    node = status.node("parse")
    before = running(status, uptime=10.0, taken_at=10.0, nodes=(node,), edges=())
    more = node.model_copy(update={
        "items_in": {"in": node.items_in["in"] + 500},
        "run_seconds": node.run_seconds + 1.0,
        "blocked_seconds": node.blocked_seconds + 0.5,
    })  # fmt: skip
    seen = first(before).after(before.model_copy(update={"uptime": 12.0, "nodes": (more,)}))
    assert seen.node("parse").items_in == 250.0
    assert (seen.node("parse").busy, seen.node("parse").blocked) == (0.5, 0.25)


def test_while_nothing_new_is_heard_rates_stay_and_another_run_begins_anew(status):
    now = running(status, uptime=10.0)
    seen = first(now)
    assert seen.after(now.model_copy(update={"stale_seconds": 3.0})).nodes == seen.nodes
    anew = seen.after(now.model_copy(update={"started_at": 99.0, "uptime": 1.0}))
    assert anew.node("parse").items_in == 10.0


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (60, 14), (40, 10), (200, 60)])
def test_a_frame_fills_its_terminal_and_never_more(status, size):
    width, height = size
    many = tuple(status.node("parse").model_copy(update={"name": f"parse-{n}"}) for n in range(30))
    seen = first(running(status, nodes=many, events=status.events * 20, bottleneck="x" * 300))
    lines = drawn(seen, width, height=height, footer=header(status, width)[0])
    assert len(lines) == height
    assert max(map(len, lines)) <= width


def test_what_is_most_urgent_is_shown_where_not_all_can_be(status):
    failed = status.node("parse").model_copy(update={"name": "culprit", "state": "failed"})
    many = tuple(status.node("parse").model_copy(update={"name": f"calm-{n}", "errors": 0}) for n in range(30))
    lines = drawn(first(running(status, nodes=(*many, failed))), 80, height=20, footer=header(status, 80)[0])
    assert any(line.startswith("culprit") for line in lines)
    assert any("more nodes" in line for line in lines)


def test_lines_are_shared_out_so_that_each_table_has_some():
    assert allotted(40, nodes=5, edges=4, events=100) == (6, 5, 29)
    assert allotted(20, nodes=30, edges=30, events=30) == (13, 4, 3)
    assert allotted(20, nodes=2, edges=1, events=0) == (3, 2, 1)


def test_what_is_chosen_keeps_its_order():
    assert chosen([5, 1, 9, 3], 3, lambda n: n) == ([5, 9], 2)
    assert chosen([5, 1], 2, lambda n: n) == ([5, 1], 0)
    assert chosen([5, 1, 9], 1, lambda n: n) == ([9], 0)


def test_bars_tell_their_shares():
    assert fill_bar(0.5, 4, "green").plain == "██··"
    assert fill_bar(0.0001, 4, "green").plain == "▏···"
    assert fill_bar(2.0, 4, "green").plain == "████"
    assert time_bar(0.5, 0.25, 8).plain == "████▒▒··"


def test_numbers_are_short():
    assert [rate(n) for n in (0, 0.5, 42, 9_999, 12_345, 3_000_000)] == ["", "0.5", "42", "9,999", "12.3k", "3.0M"]
    assert [percent(share) for share in (0, 0.001, 0.42, 1)] == ["", "<1%", "42%", "100%"]
    assert [duration(s) for s in (4.2, 42, 184, 7384, 439200)] == ["4.2 s", "42 s", "3:04", "2:03:04", "5 d 2:00"]
    assert [instant(s) for s in (42.0, 1e9, float("inf"), 1e30)] == [
        "42 s", "2001-09-09 01:46:40", "the end", f"{1e30:,.0f} s",
    ]  # fmt: skip


def test_what_a_terminal_would_obey_becomes_blank():
    assert plain("a\x1b[31mb\nc\u202ed") == "a [31mb c d"
