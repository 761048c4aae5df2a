"""The windows of every kind over all departures of a year, against what pandas makes of the same table."""

from operator import itemgetter

import numpy as np
import pandas as pd
import pytest

import streamweave_lab as sw
from streamweave_lab.connectors import NYCFlights
from streamweave_lab.connectors.flight_rows import find_table
from streamweave_lab.operators import quantiles
from streamweave_lab.progress.window import Counting, Session, Sliding

HOUR, DAY = 3600.0, 86400.0
FLIGHTS = 336_776
TIME = itemgetter(0)


def miles(row):
    return int(row.distance)


@pytest.fixture(scope="module")
def table():
    """The flights in the order in which they left; `time` is the scheduled departure in seconds."""
    columns = ["month", "day", "dep_delay", "carrier", "origin", "dest", "distance", "minute", "time_hour"]
    frame = pd.read_csv(find_table(), usecols=columns, keep_default_na=False, na_values={"dep_delay": ["NA"]})
    hours = pd.to_datetime(frame.time_hour).dt.tz_localize(None).astype("datetime64[s]").astype("int64")
    frame["time"] = hours + 60.0 * frame.minute
    frame["left"] = frame.time + 60.0 * frame.dep_delay.fillna(0.0)
    calendar = frame.sort_values(["month"], kind="stable")
    return calendar.sort_values("left", kind="stable").reset_index(drop=True)


@pytest.fixture(scope="module")
def run():
    """The watermark stays so far behind that no flight is late."""
    departures = NYCFlights("departures", lag=DAY)
    return sw.Graph(
        "year",
        departures
        >> sw.Window("tumbling", quantiles(miles, 0.5), sw.Tumbling(seconds=DAY), key=lambda row: row.carrier)
        >> sw.Collect("medians"),
        departures
        >> sw.Window("session", sw.sum(miles), Session(gap=3 * HOUR), key=lambda row: row.dest)
        >> sw.Collect("sessions"),
        departures
        >> sw.Window("counting", sw.mean(miles), Counting(1000), key=lambda row: row.dest)
        >> sw.Collect("thousands"),
    ).run_to_end(deterministic=False)


def rows(results):
    return sorted((r.key, r.start, r.value) for r in results)


def test_the_medians_of_each_carrier_and_day(table, run):
    days = table.time // DAY * DAY
    expected = table.groupby([table.carrier, days]).distance.median()
    assert [(key, start, value[0]) for key, start, value in rows(run["medians"].items)] == [
        (carrier, day, median) for (carrier, day), median in expected.items()
    ]


def test_the_miles_flown_to_each_place_between_two_pauses_of_three_hours(table, run):
    ordered = table.sort_values(["dest", "time"], kind="stable")
    first = ordered.groupby("dest").time.diff().fillna(np.inf) >= 3 * HOUR
    flown = ordered.groupby(first.cumsum())
    expected = zip(
        ordered.dest[first], ordered.time[first], flown.time.max() + 3 * HOUR, flown.distance.sum(), strict=True
    )
    sessions = sorted((r.key, r.start, r.end, r.value) for r in run["sessions"].items)
    assert sessions == list(expected)
    assert len(sessions) > 30_000


def test_the_mean_of_every_thousand_flights_to_a_place(table, run):
    expected = table.groupby([table.dest, table.groupby("dest").cumcount() // 1000]).distance.mean()
    found = pd.Series([r.value for r in run["thousands"].items], [r.key for r in run["thousands"].items])
    assert sorted(found.round(6).items()) == sorted((dest, mean) for (dest, _), mean in expected.round(6).items())
    assert run.status().nodes[0].items_out["out"] == FLIGHTS


def test_flights_from_each_airport_in_every_three_hours_and_those_that_left_too_late_for_them(table):
    departures = sw.Replay("departures", list(zip(table.time, table.origin, strict=True)), time=TIME, lag=HOUR / 2)
    counted = sw.Window("counted", sw.count(), Sliding(seconds=3 * HOUR, every=HOUR), key=itemgetter(1))
    graph = sw.Graph("punctual", departures >> counted >> sw.Collect("counts"), counted.late >> sw.Collect("late"))
    run = graph.run_to_end(deterministic=False)
    watermark = table.time.cummax().shift(fill_value=-np.inf) - HOUR / 2
    hour = table.time // HOUR * HOUR
    starts = [pd.DataFrame({"origin": table.origin, "start": hour - n * HOUR}) for n in range(3)]
    expected = pd.concat([rows[rows.start + 3 * HOUR > watermark] for rows in starts]).value_counts()
    assert rows(run["counts"].items) == sorted((origin, start, n) for (origin, start), n in expected.items())
    late = table[hour + 3 * HOUR <= watermark]
    assert run["late"].items == list(zip(late.time, late.origin, strict=True))
    assert len(late) > 100
