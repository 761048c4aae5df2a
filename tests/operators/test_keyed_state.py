"""Own logic with state by key: two worked examples, and what is promised of values and timers."""

import asyncio
import math
from typing import Any, NamedTuple

import pytest

from streamweave_lab.errors import GraphError, NoEventTimeError, NotRunningError, StateError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import Source, Wait
from streamweave_lab.operators import Collect, Replay
from streamweave_lab.operators.keyed_state import KeyedStep, Timer
from streamweave_lab.operators.per_key import PerKey
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.testing.harness import Drive
from streamweave_lab.testing.loop import run_virtual

HOUR = 3600.0


class Departure(NamedTuple):
    carrier: str
    time: float


class Silence(KeyedStep[str, Departure, str]):
    """Says which carrier has not departed for an hour."""

    in_order = True

    def on_item(self, item: Departure) -> None:
        self.cancel()
        self.at(self.time + HOUR)

    def on_timer(self, time: float) -> None:
        self.emit(self.out, self.key)


class Session(NamedTuple):
    user: str
    clicks: int
    seconds: float


class Sessions(KeyedStep[str, str, Session]):
    """A user's clicks, until there is none for half an hour."""

    in_order = True
    clicks = PerKey(0)
    began = PerKey(0.0)
    last = PerKey(0.0)

    def on_item(self, item: str) -> None:
        if not self.clicks:
            self.began = self.time
        self.clicks += 1
        self.last = self.time
        self.cancel()
        self.at(self.time + HOUR / 2)

    def on_timer(self, time: float) -> None:
        self.emit(self.out, Session(self.key, self.clicks, self.last - self.began))
        self.forget()


class Patience(KeyedStep[str, str, str]):
    """Says a word again when nothing of its first letter came for two seconds of the clock."""

    words: PerKey[list[str]] = PerKey([])

    def on_item(self, item: str) -> None:
        self.words.append(item)
        self.cancel()
        self.after(2.0)

    def on_timeout(self, now: float) -> None:
        self.emit(self.out, f"{'+'.join(self.words)} at {now}")
        del self.words


def first_letter(word: str) -> str:
    return word[0]


def silence() -> Silence:
    return Silence("silence", key=lambda departure: departure.carrier)


DEPARTURES = [Departure("AA", 0), Departure("UA", 600), Departure("AA", 3000), Departure("UA", 4300)]


@pytest.mark.parametrize(
    "departures", [DEPARTURES, [DEPARTURES[at] for at in (2, 0, 3, 1)]], ids=["sorted", "shuffled"]
)
def test_a_carrier_that_was_silent_for_an_hour_of_event_time_is_named_in_a_run(departures):
    source = Replay("departures", departures, time=lambda departure: departure.time, lag=HOUR * 2)
    run = Graph("alerts", source >> silence() >> Collect[str]("alerts")).run_to_end()
    assert run["alerts"].items == ["UA", "AA", "UA"]


def test_an_alert_has_the_event_time_at_which_the_hour_was_over():
    drive = Drive(silence()).batch(DEPARTURES, [d.time for d in DEPARTURES])
    assert drive.advance(4199).out["out"] == []
    drive.advance(4200)
    assert (drive.out["out"], drive.times["out"]) == (["UA"], [4200.0])


def test_the_sessions_of_each_user_end_when_nothing_comes_any_more():
    drive = Drive(Sessions("sessions", key=lambda user: user))
    drive.batch(["ann", "bob", "ann", "ann"], [0.0, 60.0, 600.0, 4000.0]).advance(5000.0)
    assert drive.out["out"] == [Session("bob", 1, 0.0), Session("ann", 2, 600.0)]
    assert drive.times["out"] == [1860.0, 2400.0]
    assert drive.node.kept == {"ann": {"clicks": 1, "began": 4000.0, "last": 4000.0}}
    assert drive.finish().out["out"][-1] == Session("ann", 1, 0.0)
    assert drive.node.kept == {}


def test_a_timeout_by_the_clock_is_moved_by_every_item_and_belongs_to_its_key():
    drive = Drive(Patience("patience", key=first_letter)).batch(["a1"]).sleep(1.0).batch(["a2", "b1"]).sleep(1.5)
    assert drive.out["out"] == []
    assert drive.sleep(5.0).out["out"] == ["a1+a2 at 3.0", "b1 at 3.0"]
    assert drive.node.kept == {}


def test_moving_a_timeout_asks_for_one_alarm_at_a_time():
    drive = Drive(Patience("patience", key=first_letter))
    for _ in range(100):
        drive.batch(["a"]).sleep(0.01)
    assert drive.alarms == [2.0]


def test_what_waits_is_held_and_leaves_in_the_order_of_event_time():
    drive = Drive(Sessions("sessions", key=lambda user: user)).batch(["ann", "bob"], [20.0, 10.0])
    assert drive.node.holds == 2
    assert drive.advance(20.0).node.holds == 1
    assert list(drive.node.kept) == ["bob"]


def test_an_item_behind_the_frontier_is_late_and_one_without_a_time_is_refused_where_order_counts():
    drive = Drive(silence()).advance(100.0).batch(DEPARTURES[:2], [99.0, 100.0]).batch(DEPARTURES[2:3])
    assert (drive.late_items, drive.node.holds) == ([DEPARTURES[0]], 1)
    assert [type(failure.error) for failure in drive.failures] == [NoEventTimeError]
    assert Drive(silence()).batch(DEPARTURES[:1], [math.inf]).finish().failures[0].item == DEPARTURES[0]


class Rules(KeyedStep[str, str, float]):
    """Sets the timers that an item names, as it comes; "x" cancels, "!" repeats for ever."""

    seen: PerKey[float | None] = PerKey(None)

    def on_item(self, item: str) -> None:
        if item[1:] == "x":
            self.cancel()
        else:
            self.seen = self.time
            self.at(float(item[1:]))

    def on_timer(self, time: float) -> None:
        self.emit(self.out, time)
        if self.key == "!":
            self.at(time + 10.0)
        if self.key == "?":
            self.at(time)


def rules() -> Drive:
    return Drive(Rules("rules", key=first_letter))


def test_as_they_come_items_are_taken_at_once_and_timers_go_off_earliest_first():
    drive = rules().batch(["a30", "b10", "a10", "a10", "c99", "cx"], [1.0] * 6)
    assert drive.node.holds == 0
    assert drive.advance(30.0).out["out"] == [10.0, 10.0, 30.0]
    assert drive.node.kept["a"] == {"seen": 1.0}


def test_a_timer_for_an_instant_that_has_passed_goes_off_after_its_item_and_sends_at_the_frontier():
    drive = rules().advance(50.0).batch(["a20", "b60"], [50.0, 50.0])
    assert (drive.out["out"], drive.times["out"]) == ([20.0], [50.0])


def test_a_timer_that_sets_another_goes_on_with_the_frontier_and_ends_with_the_input():
    drive = rules().batch(["!10"], [0.0]).advance(35.0)
    assert drive.out["out"] == [10.0, 20.0, 30.0]
    assert drive.finish().out["out"] == [10.0, 20.0, 30.0, 40.0]


def test_logic_that_fails_sends_its_item_or_its_timer_by_error():
    drive = rules().batch(["a30", "awhat", "?10"], [1.0, 2.0, 3.0]).advance(20.0)
    assert [(failure.item, failure.time) for failure in drive.failures] == [("awhat", 2.0), (Timer("?", 10.0), 10.0)]
    assert "would go on for ever" in str(drive.failures[1].error)
    nowhere = rules().batch(["anan"], [0.0])
    assert str(nowhere.failures[0].error) == "a timer cannot be set for nan"


def test_a_key_without_a_value_has_its_own_copy_of_the_initial_one():
    drive = Drive(Patience("patience", key=first_letter)).batch(["a1", "b1", "a2"])
    assert drive.node.kept == {"a": {"words": ["a1", "a2"]}, "b": {"words": ["b1"]}}
    assert Drive(Patience("patience", key=first_letter)).node.kept == {}


def test_outside_of_a_call_and_in_a_drawing_there_is_no_key():
    node = rules().batch(["a30"], [0.0]).node
    with pytest.raises(StateError, match="is not taking an item or a timer"):
        _ = node.seen
    with pytest.raises(NotRunningError, match="is a drawing and has no seen"):
        _ = Rules("rules", key=first_letter).seen
    with pytest.raises(NotRunningError, match="is a drawing and has no key"):
        Rules("rules", key=first_letter).at(1.0)


def test_what_is_drawn_or_set_wrong_is_said():
    with pytest.raises(GraphError, match="key= needs a function, not 'carrier'"):
        Silence("silence", key="carrier")  # type: ignore[arg-type]
    drive = Drive(Patience("patience", key=first_letter))

    class Forgetful(Patience):
        def opened(self) -> None:
            pass

    drive.batch(["a"])
    drive.node._key = "a"
    with pytest.raises(ValueError, match="a number of seconds above 0, not 0"):
        drive.node.after(0)
    forgetful = Drive(Forgetful("forgetful", key=first_letter))
    with pytest.raises(StateError, match=r"its opened\(\) must begin with super\(\)\.opened\(\)"):
        forgetful.batch(["a"])


class Rare(Source[str]):
    """A word every three seconds."""

    def poll(self, limit: int) -> list[str] | Wait:
        self.position += 1
        return [f"w{self.position}"] if self.position % 2 else Wait(3.0)


def test_timeouts_pass_by_the_clock_of_a_run():
    async def main() -> None:
        run = Graph("words", Rare("rare") >> Patience("patience", key=first_letter) >> Collect("said")).start()
        await asyncio.sleep(7.0)
        assert run["said"].items == ["w1 at 2.0", "w3 at 5.0"]
        await run.drain()
        assert run["said"].items[2:] == ["w5 at 7.0"]

    run_virtual(main())


class Paced(Replay[str]):
    """A word a second."""

    def poll(self, limit: int) -> Any:
        due = self.position - self.clock.now()
        return super().poll(1) if due <= 0 else Wait(due)


def test_what_a_run_keeps_by_key_goes_on_in_the_next_one(tmp_path):
    store = SqliteStore(tmp_path / "state.db")
    users = ["ann", "bob", "ann", "ann", "bob", "cid", "ann"]

    def graph() -> Graph:
        source = Paced("users", users, time=lambda _: 0.0)
        return Graph("sessions", source >> Sessions("sessions", key=str) >> Collect("all"))

    async def main() -> None:
        run = graph().start(store=store)
        await asyncio.sleep(3.5)
        await run.suspend()
        assert (run["all"].items, run["sessions"].holds) == ([], 4)
        again = graph().start(store=store, resume=True)
        await again.done()
        assert again["all"].items == [Session("bob", 2, 0.0), Session("cid", 1, 0.0), Session("ann", 4, 0.0)]

    run_virtual(main())
    store.close()


class Narrow(Silence):
    hold = 2


def test_in_order_no_more_items_wait_than_may_and_the_others_leave_by_error() -> None:
    drive = Drive(Narrow("narrow", key=lambda item: item.carrier))
    drive.batch([Departure(carrier, 9.0) for carrier in ("AA", "UA", "DL")], [9.0, 9.5, 9.25])
    assert [(failure.item.carrier, failure.time) for failure in drive.failures] == [("DL", 9.25)]
    assert str(drive.failures[0].error).startswith("'narrow' holds 2 items that wait for the frontier")
    drive.advance(10.0).batch([Departure("B6", 10.0)], [10.0]).finish()
    assert (len(drive.failures), drive.out["out"]) == (1, ["AA", "UA", "B6"])
    with pytest.raises(GraphError, match="hold must be a whole number and at least 1, not 0"):
        type("Nowhere", (Narrow,), {"hold": 0})("none", key=str)
