import csv
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.connectors import Flight, FlightRow, parse_flight
from streamweave_lab.connectors.flight_rows import actual_time, scheduled_time

[FIRST, CANCELLED] = map(
    FlightRow._make,
    csv.reader(
        [
            "2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z",
            "2013,1,1,NA,1630,NA,NA,1815,NA,EV,4308,N18120,EWR,RDU,NA,416,16,30,2013-01-01T21:00:00Z",
        ]
    ),
)


def test_a_row_becomes_a_flight_with_real_numbers():
    scheduled = datetime(2013, 1, 1, 10, 15, tzinfo=UTC).timestamp()
    assert parse_flight(FIRST) == Flight(
        carrier="UA",
        flight=1545,
        tail="N14228",
        origin="EWR",
        dest="IAH",
        scheduled=scheduled,
        departed=scheduled + 120,
        departure_delay=2.0,
        arrival_delay=11.0,
        distance=1400.0,
    )


def test_a_cancelled_flight_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^flight EV 4308 EWR-RDU on 2013-01-01 was cancelled$"):
        parse_flight(CANCELLED)


def test_a_cancelled_flight_comes_when_it_should_have_left():
    assert actual_time(CANCELLED) == scheduled_time(CANCELLED) == datetime(2013, 1, 1, 21, 30, tzinfo=UTC).timestamp()


def test_what_the_table_does_not_know_is_none():
    diverted = parse_flight(FIRST._replace(arr_time="NA", arr_delay="NA", tailnum="NA"))
    assert (diverted.arrival_delay, diverted.tail, diverted.departure_delay) == (None, None, 2.0)


@given(field=st.sampled_from(FlightRow._fields), text=st.text(min_size=1))
def test_a_spoilt_row_is_a_flight_or_a_value_error_that_names_the_flight(field, text):
    row = FIRST._replace(**{field: text})
    try:
        flight = parse_flight(row)
    except ValueError as error:
        said = str(error)
    else:
        said = f"flight {flight.carrier} {flight.flight} {flight.origin}-{flight.dest} on "
    assert said.startswith(f"flight {row.carrier} {row.flight} {row.origin}-{row.dest} on ")
