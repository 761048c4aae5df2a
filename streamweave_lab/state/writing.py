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
from streamweave_lab.state.kinds import Taken
from streamweave_lab.state.refusal import Refused
from streamweave_lab.state.shapes import entry, taker

encoder = Encoder()

CHUNK = 4096
"""Entries encoded in one go: meanwhile the GIL is held, and the loop with it, for well under a millisecond."""

_SCALARS = frozenset({type(None), bool, int, float, str, bytes})
_TUPLE = frozenset({tuple})
FACTORIES: dict[str, Any] = {cls.__name__: cls for cls in (list, dict, set, int, float, str, tuple)} | {"": None}
"""What a defaultdict may make: reading calls nothing else."""


class Writer:
    """Rewrites one value; `table` lists the classes met on the way."""

    def __init__(self) -> None:
        self.table: list[list[Any]] = []
        self._numbers: dict[tuple[type, tuple[str, ...]], int] = {}
        self._takers: dict[type, Callable[[Any], Taken]] = {}

    def plain(self, value: Any) -> Any:
        """The same value in what MessagePack knows, and extension types. Raises: Refused."""
        write = _WRITERS.get(type(value))
        return write(self, value) if write else self._object(value)

    def ext(self, code: int, *parts: Any) -> Ext:
        """An extension type that holds `parts`."""
        return Ext(code, self._array(parts))

    def _object(self, value: Any) -> Ext:
        cls = type(value)
        if cls not in self._takers:
            self._takers[cls] = taker(value)
        names, values = self._takers[cls](value)
        number = self._numbers.setdefault((cls, names), len(self.table))
        if number == len(self.table):
            self.table.append(entry(cls, names))
        values.append(number)
        return Ext(Code.OBJECT, self._array(values))

    def list(self, value: list[Any]) -> Any:
        """A list, its items rewritten where that is needed."""
        if value and type(value[0]) is tuple and (tuples := _at_once(value, _are_tuples, _ARRAY)) is not None:
            return Ext(Code.TUPLES, tuples)
        return Raw(self._array(value))

    def _array(self, items: Iterable[Any]) -> bytes:
        items = items if isinstance(items, list | tuple) else [*items]
        at_once = _at_once(items, _are_scalars, _ARRAY)
        return _chunked([self.plain(item) for item in items], _ARRAY) if at_once is None else at_once

    def dict(self, value: dict[Any, Any]) -> Any:
        """A dict; one with keys of other types than scalars and tuples of them is written as pairs."""
        if (scalars := _at_once(value, _are_keys_of_scalars, _MAP)) is not None:
            return Raw(scalars)
        if (tuples := _at_once(value, _are_keys_of_tuples, _MAP)) is not None:
            return Ext(Code.TUPLE_VALUES, tuples)
        if _at_once(list(value), _are_keys, _ARRAY) is None:
            return self.ext(Code.PAIRS, *chain.from_iterable(value.items()))
        return Raw(_chunked({key: self.plain(child) for key, child in value.items()}, _MAP))


def _int(_writer: Writer, value: int) -> Any:
    if -(2**63) <= value < 2**64:
        return value
    return Ext(Code.INT, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _str(_writer: Writer, value: str) -> Any:
    if value.isascii() or _at_once([value], _are_scalars, _ARRAY):
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

_ARRAY, _MAP = 0xDC, 0xDE  # the marks of those with up to 65,535 entries; the next ones are of longer ones


def _chunked(value: Any, mark: int) -> bytes:
    """What the encoder makes of a list, tuple or dict, in chunks that let other threads run between them."""
    return _joined(map(encoder.encode, _chunks(value)), len(value), mark)


def _at_once(value: Any, fit: Callable[[Any], bool], mark: int) -> bytes | None:
    """The same if all its chunks `fit`; None if they do not, or have a long int or a lone surrogate in them."""
    parts = []
    try:
        if len(value) <= CHUNK:
            return encoder.encode(value) if fit(value) else None
        for chunk in _chunks(value):
            if not fit(chunk):
                return None
            parts.append(encoder.encode(chunk))
    except (OverflowError, UnicodeEncodeError):
        return None
    return _joined(parts, len(value), mark)


def _chunks(value: Any) -> Iterator[Any]:
    if len(value) <= CHUNK:
        yield value
        return
    entries, make = (iter(value.items()), dict) if isinstance(value, dict) else (iter(value), list)
    while chunk := make(islice(entries, CHUNK)):
        yield chunk


def _joined(parts: Iterable[bytes], size: int, mark: int) -> bytes:
    """One array or map of several: their headers, of 1 byte below 16 entries and else of 3, give way to one."""
    if size <= CHUNK:
        return next(iter(parts))
    long = size > 0xFFFF
    last = 1 if 0 < size % CHUNK < 16 else 3
    bodies = [memoryview(part) for part in parts]
    header = bytes([mark + long]) + size.to_bytes(4 if long else 2, "big")
    return b"".join([header, *(body[3:] for body in bodies[:-1]), bodies[-1][last:]])


def _are_scalars(values: Iterable[Any]) -> bool:
    """Whether all are of types that MessagePack brings back as they are; no subclasses of these."""
    return _SCALARS.issuperset(map(type, values))


def _are_tuples(values: Iterable[Any]) -> bool:
    """Whether all are tuples of scalars: then one tag serves for all of them."""
    return _TUPLE.issuperset(map(type, values)) and _are_scalars(chain.from_iterable(values))


def _are_keys(keys: Iterable[Any]) -> bool:
    """Whether MessagePack brings them back as keys; it makes arrays that are keys to tuples by itself."""
    return _are_scalars(keys) or _are_tuples(keys)


def _are_keys_of_scalars(value: dict[Any, Any]) -> bool:
    return _are_scalars(value.values()) and _are_keys(value)


def _are_keys_of_tuples(value: dict[Any, Any]) -> bool:
    return bool(value) and _are_tuples(value.values()) and _are_keys(value)
