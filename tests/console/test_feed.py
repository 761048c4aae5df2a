"""When the console sends what."""

from __future__ import annotations

from typing import Any

from streamweave_lab.console.feed import EVENTS_KEPT, HISTORY_SECONDS, LEASE_SECONDS, Feed
from streamweave_lab.engine.status import EventStatus, NodeStatus, Status


def seen(items: int = 0, **more: Any) -> Status:
    node = NodeStatus(name="n", kind="Map", role="step", state="idle", items_in={"in": items}, items_out={"out": items})
    given = {"graph": "g", "state": "running", "ready": True, "reasons": (), "host": "loop", "taken_at": 0.0}
    return Status(**{**given, **more}, nodes=(node,), edges=())


def event(number: int) -> EventStatus:
    return EventStatus(at=float(number), event="run.started", level="info", message=f"event {number}")


def watched(now: float = 0.0) -> Feed:
    feed = Feed()
    feed.viewers.saw("page", True, now)
    return feed


def test_nothing_is_sent_while_nobody_looks() -> None:
    feed = Feed()
    assert [feed.look(seen(items), now=items * 0.25) for items in range(100)] == [None] * 100
    assert feed.pause(30.0) == 1.0


def test_a_frame_is_one_buffer_while_something_moves() -> None:
    feed = watched()
    assert feed.pause(0.0) == 0.25
    for items in range(1, 20):
        message = feed.look(seen(items), now=items * 0.25)
        assert message is not None
        content, buffers = message
        assert content["frame"] is True
        assert len(buffers) == 1


def test_frames_cease_when_nothing_moves_and_a_beat_goes_on() -> None:
    feed = watched()
    messages = [feed.look(seen(1), now=tick * 0.25) for tick in range(60)]  # a quarter of a minute
    kinds = ["frame" if m and "frame" in m[0] else "beat" if m else "" for m in messages]
    assert kinds[:11] == ["frame"] * 11  # rates and shares come to rest
    assert "frame" not in kinds[11:]
    assert kinds.count("beat") == 6  # one in two seconds, without numbers
    assert all(m[1] == [] for m in messages if m and "beat" in m[0])


def test_frames_begin_again_with_the_next_item() -> None:
    feed = watched()
    for tick in range(60):
        feed.look(seen(1), now=tick * 0.25)
    message = feed.look(seen(2), now=15.0)
    assert message is not None
    assert message[0]["frame"] is True


def test_words_are_sent_only_when_they_change() -> None:
    feed = watched()
    first, second, third = (
        feed.look(status, now)
        for now, status in enumerate([seen(1), seen(2), seen(3, state="paused", ready=False, reasons=("paused",))])
    )
    assert first is not None
    assert second is not None
    assert third is not None
    assert first[0]["words"]["state"] == "running"
    assert "words" not in second[0]
    assert third[0]["words"]["reasons"] == ["paused"]


def test_only_new_events_are_sent() -> None:
    feed = watched()
    one, two, three = event(1), event(2), event(3)
    feed.look(seen(events=(one,)), now=0.0)
    message = feed.look(seen(events=(three, two, one)), now=0.25)
    assert message is not None
    assert [told["message"] for told in message[0]["events"]] == ["event 3", "event 2"]
    again = feed.look(seen(events=(three, two, one)), now=0.5)
    assert again is not None
    assert "events" not in again[0]


def test_the_end_is_told_once_even_if_nobody_looks() -> None:
    feed = Feed()
    over = seen(5, state="stopped", ready=False, reasons=("stopped",))
    message = feed.look(over, now=1.0)
    assert message is not None
    assert message[0]["words"]["state"] == "stopped"
    assert feed.look(over, now=2.0) is None


def test_history_is_a_frame_a_second_for_two_minutes() -> None:
    feed = watched()
    for tick in range(4 * 300):
        feed.look(seen(tick), now=tick * 0.25)
    assert len(feed.history) == HISTORY_SECONDS + 1
    whole = feed.whole(seen(1200))
    assert len(whole["history"]) == len(feed.history[0]) * (HISTORY_SECONDS + 2)


def test_history_is_kept_while_nobody_looks() -> None:
    feed = Feed()
    for second in range(30):
        feed.look(seen(second), now=float(second))
    assert len(feed.history) == 30


def test_a_page_that_begins_gets_everything_that_is_said() -> None:
    feed = watched()
    many = tuple(event(n) for n in range(200))
    present = feed.whole(seen(events=many))["present"]
    assert present["words"]["state"] == "running"
    assert len(present["events"]) == EVENTS_KEPT
    assert present["config"] is None


def test_two_pages_look_until_both_have_gone() -> None:
    viewers = Feed().viewers
    assert viewers.saw("one", True, 0.0) is True
    assert viewers.saw("two", True, 0.0) is False
    viewers.saw("one", False, 1.0)
    assert viewers.anybody(1.0)
    viewers.saw("two", False, 1.0)
    assert not viewers.anybody(1.0)


def test_a_page_that_goes_without_a_word_is_forgotten() -> None:
    viewers = Feed().viewers
    viewers.saw("closed", True, 0.0)
    assert viewers.anybody(LEASE_SECONDS - 1)
    assert not viewers.anybody(LEASE_SECONDS + 1)
