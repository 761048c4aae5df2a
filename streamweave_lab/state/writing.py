"""From a value to what MessagePack can say."""

from __future__ import annotations

import datetime as dt
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import chain, islice
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Raw
from msgspec.msgpack import Encoder, Ext

from streamweave_lab.state.code import Code
from streamweave_lab.state.refusal import Refused, unknown
from streamweave_lab.state.shapes import Shape, taken_apart

encoder = Encoder()

CHUNK = 4096
"""Entries encoded in one go: meanwhile the GIL is held, and the loop with it, for well under a millisecond."""

_SCALARS = frozenset({type(None), bool, int, float, str, bytes})
FACTORIES: dict[str, Any] = {cls.__name__: cls for cls in (list, dict, set, int, float, str, tuple)} | {"": None}
"""What a defaultdict may make: reading calls nothing else."""


class Writer:
    """Rewrites one value; `table` lists the classes met on the way."""

    def __init__(self) -> None:
        self.table: list[list[Any]] = []
        self._numbers: dict[Shape, int] = {}

    def plain(self, value: Any) -> Any:
        """The same value in what MessagePack knows, and extension types. Raises: Refused."""
        write = _WRITERS.get(type(value))
        return write(self, value) if write else self._object(value)

    def ext(self, code: int, *parts: Any) -> Ext:
        """An extension type that holds `parts`."""
        return Ext(code, self._array(parts))

    def _object(self, value: Any) -> Ext:
        taken = taken_apart(value)
        if taken is None:
            raise unknown(value)
        shape, values = taken
        if shape not in self._numbers:
            self._numbers[shape] = len(self.table)
            self.table.append([shape.kind, shape.module, shape.qualname, list(shape.names)])
        return self.ext(Code.OBJECT, self._numbers[shape], *values)

    def list(self, value: list[Any]) -> Any:
        """A list, its items rewritten where that is needed."""
        return Ext(Code.TUPLES, _chunked(value, _ARRAY)) if _all_tuples(value) else Raw(self._array(value))

    def _array(self, items: Iterable[Any]) -> bytes:
        items = items if isinstance(items, list | tuple) else [*items]
        return _chunked(items if _sayable(items) else [self.plain(item) for item in items], _ARRAY)

    def dict(self, value: dict[Any, Any]) -> Any:
        """A dict; one with keys of other types than scalars and tuples of them is written as pairs."""
        if not _sayable(value) and not _all_tuples(value):
            return self.ext(Code.PAIRS, *chain.from_iterable(value.items()))
        if _all_tuples(value.values()):
            return Ext(Code.TUPLE_VALUES, _chunked(value, _MAP))
        if _sayable(value.values()):
            return Raw(_chunked(value, _MAP))
        return Raw(_chunked({key: self.plain(child) for key, child in value.items()}, _MAP))


def _int(_writer: Writer, value: int) -> Any:
    if -(2**63) <= value < 2**64:
        return value
    return Ext(Code.INT, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _str(_writer: Writer, value: str) -> Any:
    if value.isascii() or _sayable([value]):
        return value
    return Ext(Code.STR, value.encode("utf-8", "surrogatepass"))


def _datetime(writer: Writer, value: dt.datetime) -> Ext:
    when = (value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond)
    return writer.ext(Code.DATETIME, *when, value.fold, _zone(value))


def _time(writer: Writer, value: dt.time) -> Ext:
    return writer.ext(Code.TIME, value.hour, value.minute, value.second, value.microsecond, value.fold, _zone(value))


def _zone(value: dt.datetime | dt.time) -> Any:
    zone = value.tzinfo
    if zone is None:
        return None
    if type(zone) is dt.timezone:
        offset, name = zone.utcoffset(None), zone.tzname(None)
        return [offset, None if dt.timezone(offset).tzname(None) == name else name]
    if type(zone) is ZoneInfo and zone.key:
        return zone.key
    raise Refused(value, f"its time zone {zone!r} cannot be kept; use datetime.timezone or zoneinfo.ZoneInfo")


def _defaultdict(writer: Writer, value: defaultdict[Any, Any]) -> Ext:
    factory = getattr(value.default_factory, "__name__", "")
    if factory not in FACTORIES or FACTORIES[factory] is not value.default_factory:
        raise Refused(value, f"a defaultdict of {value.default_factory!r} cannot be kept; let snapshot() return a dict")
    return writer.ext(Code.DEFAULTDICT, factory, dict(value))


def _as(code: int, parts: Callable[[Any], Iterable[Any]]) -> Callable[[Writer, Any], Ext]:
    return lambda writer, value: writer.ext(code, *parts(value))


def _itself(_writer: Writer, value: Any) -> Any:
    return value


_WRITERS: dict[type, Callable[[Writer, Any], Any]] = {
    **dict.fromkeys((type(None), bool, float, bytes), _itself),
    int: _int,
    str: _str,
    list: Writer.list,
    dict: Writer.dict,
    tuple: _as(Code.TUPLE, lambda value: value),
    set: _as(Code.SET, lambda value: value),
    frozenset: _as(Code.FROZENSET, lambda value: value),
    dt.datetime: _datetime,
    dt.date: _as(Code.DATE, lambda value: (value.year, value.month, value.day)),
    dt.time: _time,
    dt.timedelta: _as(Code.TIMEDELTA, lambda value: (value.days, value.seconds, value.microseconds)),
    Decimal: _as(Code.DECIMAL, lambda value: (str(value),)),
    Fraction: _as(Code.FRACTION, lambda value: (value.numerator, value.denominator)),
    UUID: _as(Code.UUID, lambda value: (value.bytes,)),
    complex: _as(Code.COMPLEX, lambda value: (value.real, value.imag)),
    bytearray: _as(Code.BYTEARRAY, lambda value: (bytes(value),)),
    deque: _as(Code.DEQUE, lambda value: (value.maxlen, list(value))),
    array: _as(Code.ARRAY, lambda value: (value.typecode, value.tolist())),
    OrderedDict: _as(Code.ORDERED, lambda value: (dict(value),)),
    Counter: _as(Code.COUNTER, lambda value: (dict(value),)),
    defaultdict: _defaultdict,
}

_ARRAY = (0x90, 0xDC)
_MAP = (0x80, 0xDE)


def _chunked(value: Any, mark: tuple[int, int]) -> bytes:
    """What the encoder makes of a list, tuple or dict, in chunks that let other threads run between them."""
    if len(value) <= CHUNK:
        return encoder.encode(value)
    header = bytes([mark[1] + (len(value) > 0xFFFF)]) + len(value).to_bytes(4 if len(value) > 0xFFFF else 2, "big")
    chunks = map(dict, _some(value.items())) if mark is _MAP else _some(value)
    return b"".join([header, *(memoryview(encoder.encode(chunk))[_header(len(chunk)) :] for chunk in chunks)])


def _header(size: int) -> int:
    return 1 if size < 16 else 3


def _some(values: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(values)
    while some := list(islice(rest, CHUNK)):
        yield some


def _sayable(values: Iterable[Any]) -> bool:
    """Whether all are scalars that MessagePack knows: no subclasses, no long int, no lone surrogate."""
    try:
        return all(_SCALARS.issuperset(map(type, some)) and encoder.encode(some) for some in _some(values))
    except (OverflowError, UnicodeEncodeError):
        return False


def _all_tuples(values: Iterable[Any]) -> bool:
    """Whether all are tuples of such scalars, and there are any: then one tag serves for all of them."""
    chunks = [set(map(type, some)) == {tuple} and _sayable(chain.from_iterable(some)) for some in _some(values)]
    return bool(chunks) and all(chunks)
