import array
import datetime as dt
import math
import pickle
import sys
import time
from collections import Counter, OrderedDict, defaultdict, deque
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import msgpack

from streamweave_lab.errors import StateError
from streamweave_lab.state.codec import decode, decode_pickled, encode, encode_pickled
from tests.state.things import Colour, Fixed, Level, Mine, Model, OddError, Place, Plain, Reading, Right

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=8)  # lone surrogates too
FOLDS = st.sampled_from([0, 1])
ZONES = st.sampled_from([
    None, dt.UTC, dt.timezone(dt.timedelta(hours=-5)), dt.timezone(dt.timedelta(minutes=90), "odd"), ZoneInfo("UTC"),
])  # fmt: skip
KEYS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), ANY_TEXT,
    st.binary(max_size=8), st.dates(), st.timedeltas(), st.decimals(allow_nan=False), st.fractions(), st.uuids(),
    st.sampled_from([*Colour, *Level, Right.READ | Right.WRITE, Right(0)]),
    st.builds(lambda at, fold: at.replace(fold=fold), st.datetimes(timezones=ZONES), FOLDS),
    st.builds(lambda at, fold: at.replace(fold=fold), st.times(), FOLDS), st.complex_numbers(allow_nan=False),
)  # fmt: skip
HASHABLE = st.recursive(
    KEYS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple),
        st.frozensets(inner, max_size=3),
        st.builds(Place, ANY_TEXT, inner),
        st.builds(Fixed, ANY_TEXT, inner),
    ),
    max_leaves=6,
)
VALUES = st.recursive(
    st.one_of(
        HASHABLE,
        st.binary(max_size=5).map(bytearray),
        st.lists(st.floats(width=32), max_size=5).map(lambda numbers: array.array("f", numbers)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.lists(inner, max_size=4).map(lambda items: deque(items, 5)),
        st.sets(HASHABLE, max_size=3),
        st.dictionaries(HASHABLE, inner, max_size=4),
        st.dictionaries(ANY_TEXT, st.tuples(st.integers(), st.floats()), max_size=3),
        st.dictionaries(HASHABLE, inner, max_size=3).map(OrderedDict),
        st.dictionaries(HASHABLE, st.lists(inner, max_size=2), max_size=3).map(lambda some: defaultdict(list, some)),
        st.dictionaries(HASHABLE, st.integers(), max_size=3).map(Counter),
        st.builds(Reading, ANY_TEXT, inner),
        st.builds(Fixed, ANY_TEXT, inner),
        st.builds(Place, ANY_TEXT, inner),
        st.builds(Model, name=st.text(max_size=3), values=inner),
    ),
    max_leaves=12,
)  # fmt: skip


def told(value: Any) -> Any:
    """A value with the types of all its parts beside it, in which NaN equals NaN, and 0.0 is not -0.0."""
    match value:
        case float():
            return (float, "nan" if math.isnan(value) else value, math.copysign(1, value))
        case complex():
            return (complex, told(value.real), told(value.imag))
        case dict():
            more = getattr(value, "default_factory", None)
            return (type(value), more, [(told(key), told(child)) for key, child in value.items()])
        case set() | frozenset():
            return (type(value), sorted(repr(told(child)) for child in value))
        case list() | tuple() | deque() | array.array():
            return (type(value), getattr(value, "maxlen", None), [told(child) for child in value])
        case dt.datetime() | dt.time():
            return (type(value), value.replace(tzinfo=None), value.fold, repr(value.tzinfo))
        case Reading() | Model():
            return (type(value), told(vars(value)))
        case Fixed():
            return (Fixed, told(value.name), told(value.parts))
        case _:
            return (type(value), value)


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_what_comes_back_is_equal_and_of_the_same_types(value: Any) -> None:
    assert told(decode(encode(value))) == told(value)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 4096, 4097, 4111, 4112, 8192, 66_000])
def test_large_ones_are_written_in_chunks_and_come_back_whole(size: int) -> None:
    for value in (
        {f"k{n}": n for n in range(size)},
        {(n, "a"): [n] for n in range(size)},
        {n: (n, None) for n in range(size)},
        [(n, 0.5) for n in range(size)],
        tuple(range(size)),
        set(range(size)),
    ):
        assert decode(encode(value)) == value


@pytest.mark.parametrize("odd", ["\ud800", 2**64, -(2**63) - 1])
def test_one_odd_value_among_many_does_not_stop_the_others(odd: Any) -> None:
    many: list[Any] = list(range(5000))
    many[4500] = odd
    assert decode(encode(many)) == many
    assert decode(encode(dict.fromkeys(many, 1))) == dict.fromkeys(many, 1)
    assert decode(encode(dict(enumerate(many)))) == dict(enumerate(many))
    assert decode(encode([(value, 1) for value in many])) == [(value, 1) for value in many]


def test_an_object_comes_back_without_its_init_being_called() -> None:
    reading = Reading("a", [1])
    reading.extra = "kept"  # type: ignore[attr-defined]
    back = decode(encode(reading))
    assert vars(back) == {"sensor": "a", "value": [1], "seen": 1, "extra": "kept"}


def test_a_model_comes_back_with_what_was_set_on_it() -> None:
    model = Model(name="a")
    model._hidden = 7
    back = decode(encode(model))
    assert (back, back._hidden, back.model_fields_set) == (model, 7, {"name"})


@pytest.mark.parametrize("error", [
    ValueError("no", 3), KeyError("k"), FileNotFoundError(2, "not there", "a.csv"), OddError(3, port="out"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), StopIteration(4),
    ExceptionGroup("two", [OSError()]),
])  # fmt: skip
def test_an_exception_comes_back_without_its_traceback(error: Exception) -> None:
    back = decode(encode({"failed": error}))["failed"]
    assert (type(back), str(back), repr(back), vars(back)) == (type(error), str(error), repr(error), vars(error))


def test_a_refusal_names_the_type_the_place_and_the_remedy() -> None:
    state = {"open": [1, Reading("a", {"due": Place("JFK", Plain())})]}
    with pytest.raises(StateError) as refusal:
        encode(state)
    assert str(refusal.value) == (
        "state['open'][1].value['due'][1]: a tests.state.things.Plain cannot be kept; let snapshot() return plain data "
        "(numbers, str, bytes, list, tuple, dict, set, dates, dataclasses, named tuples), "
        "or say pickled_state = True on that node"
    )


@pytest.mark.parametrize(("value", "words"), [
    ({Plain: 1}, "state key <class 'tests.state.things.Plain'>: a builtins.type cannot be kept"),
    ([lambda: 0], "state[0]: a builtins.function cannot be kept"),
    ([defaultdict(lambda: 0)], "state[0]: a defaultdict of <function"),
    ([Mine(name="a")], "state[0]: a dataclass that is also a built-in type cannot be kept"),
    ([range(3)], "state[0]: a builtins.range cannot be kept"),
])  # fmt: skip
def test_what_cannot_be_kept_is_refused(value: Any, words: str) -> None:
    with pytest.raises(StateError) as refusal:
        encode(value)
    assert str(refusal.value).startswith(words)


def test_a_class_within_a_function_is_refused_when_it_is_written_not_when_it_is_read() -> None:
    from dataclasses import make_dataclass

    with pytest.raises(
        StateError, match=r"state: its class Inner cannot be found again; define it at the top of a module"
    ):
        encode(make_dataclass("Inner", ["a"])(1))


def test_state_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(StateError, match="contains itself"):
        encode(loop)


def test_reading_imports_nothing_and_calls_nothing_that_the_data_names(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(Fixed("a"))
    elsewhere = data.replace(b"tests.state.things", b"this.was.not.there")
    with pytest.raises(StateError, match=r"holds a dataclass this\.was\.not\.there\.Fixed, which is not imported"):
        decode(elsewhere)
    with pytest.raises(StateError, match=r"things\.Plain, which is no dataclass any more"):
        decode(data.replace(b"\xa5Fixed", b"\xa5Plain"))
    monkeypatch.delitem(sys.modules, "tests.state.things")
    with pytest.raises(StateError, match="import what it was drawn with"):
        decode(data)


@pytest.mark.parametrize("name", ["getcwd", "path.join", "environ.clear", "DirEntry", "nothing"])
def test_nothing_but_a_class_of_the_right_kind_is_ever_found(name: str) -> None:
    parts = msgpack.encode([None, 0])
    body = msgspec.Raw(msgpack.encode(msgpack.Ext(21, parts)))
    with pytest.raises(StateError, match=f"holds a dataclass os.{name}, which is n"):
        decode(msgpack.encode([1, [["dataclass", "os", name, []]], body]))


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_damaged_data_is_a_state_error_or_another_value_but_never_anything_else(data: st.DataObject) -> None:
    whole = encode({"a": (1, Fixed("x", [2.5])), dt.date(2013, 1, 1): {Decimal("1.5"), Colour.RED}})
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = data.draw(st.sampled_from([whole[:at], whole[:at] + bytes([whole[at] ^ 0x11]) + whole[at + 1 :]]))
    with suppress(StateError):
        decode(damaged)


def test_a_newer_format_says_what_to_install() -> None:
    with pytest.raises(StateError, match=r"format 2, and only 1 is known here; pip install --upgrade"):
        decode(encode([1]).replace(b"\x93\x01", b"\x93\x02", 1))


def test_pickled_state_is_read_only_by_who_asks_for_it() -> None:
    data = encode_pickled({"a": range(3)})
    assert decode_pickled(data) == {"a": range(3)}
    with pytest.raises(StateError, match="pickled_state = True"):
        decode(data)
    with pytest.raises(StateError, match="was not pickled"):
        decode_pickled(encode([1]))
    with pytest.raises(StateError, match="cannot be pickled"):
        encode_pickled(lambda: 0)
    with pytest.raises(StateError, match="cannot be read"):
        decode_pickled(data[:-4])
    assert pickle.dumps(None, protocol=2)[:1] == data[:1]


def test_a_hundred_thousand_keys_are_encoded_in_well_under_60_ms() -> None:
    counts = {f"key-{n}": n for n in range(100_000)}
    best = min(_seconds(counts) for _ in range(5))
    assert best < 0.06


def _seconds(value: Any) -> float:
    begin = time.process_time()  # of the processor, so that a busy machine does not matter
    encode(value)
    return time.process_time() - begin


def test_a_uuid_and_a_fraction_as_examples() -> None:
    value = [UUID(int=5), Fraction(1, 3), Decimal("1.50"), dt.timedelta(days=-1, microseconds=1)]
    assert repr(decode(encode(value))) == repr(value)
