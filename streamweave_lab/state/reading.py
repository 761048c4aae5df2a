"""From MessagePack back to the value."""

from __future__ import annotations

import datetime as dt
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec.msgpack import Decoder

from streamweave_lab.state.code import Code
from streamweave_lab.state.shapes import maker
from streamweave_lab.state.writing import FACTORIES


class Reader:
    """Reads one value whose classes are listed in `table`."""

    def __init__(self, table: list[Any]) -> None:
        self._table = table
        self._makers: dict[int, Callable[[list[Any]], Any]] = {}
        self._value = Decoder(ext_hook=self._ext)
        self._parts = Decoder(list[Any], ext_hook=self._ext)

    def value(self, data: Any) -> Any:
        """The value. Raises: StateError where a class is not there; whatever damaged data makes constructors raise."""
        return self._value.decode(data)

    def _ext(self, code: int, data: memoryview) -> Any:
        if code == Code.INT:
            return int.from_bytes(data, "big", signed=True)
        if code == Code.STR:
            return bytes(data).decode("utf-8", "surrogatepass")
        if code == Code.TUPLE_VALUES:
            return _TUPLE_VALUES.decode(data)
        if code == Code.TUPLES:
            return _TUPLES.decode(data)
        parts = self._parts.decode(data)
        return self._object(parts) if code == Code.OBJECT else _READERS[code](parts)

    def _object(self, values: list[Any]) -> Any:
        number = values.pop()
        if number not in self._makers:
            self._makers[number] = maker(*self._table[number])
        return self._makers[number](values)


_TUPLE_VALUES = Decoder(dict[Any, tuple[Any, ...]])
_TUPLES = Decoder(list[tuple[Any, ...]])


def _pairs(parts: list[Any]) -> dict[Any, Any]:
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _zone(zone: Any) -> dt.tzinfo | None:
    if zone is None:
        return None
    if isinstance(zone, str):
        return ZoneInfo(zone)
    offset, name = zone
    if name is None:
        return dt.timezone(offset) if offset else dt.UTC
    return dt.timezone(offset, name)


def _datetime(parts: list[Any]) -> dt.datetime:
    return dt.datetime(*parts[:7]).replace(fold=parts[7], tzinfo=_zone(parts[8]))


def _time(parts: list[Any]) -> dt.time:
    return dt.time(*parts[:4]).replace(fold=parts[4], tzinfo=_zone(parts[5]))


_READERS: dict[int, Callable[[list[Any]], Any]] = {
    Code.TUPLE: tuple,
    Code.SET: set,
    Code.FROZENSET: frozenset,
    Code.PAIRS: _pairs,
    Code.DATETIME: _datetime,
    Code.DATE: lambda parts: dt.date(*parts),
    Code.TIME: _time,
    Code.TIMEDELTA: lambda parts: dt.timedelta(*parts),
    Code.DECIMAL: lambda parts: Decimal(parts[0]),
    Code.FRACTION: lambda parts: Fraction(*parts),
    Code.UUID: lambda parts: UUID(bytes=parts[0]),
    Code.COMPLEX: lambda parts: complex(*parts),
    Code.BYTEARRAY: lambda parts: bytearray(parts[0]),
    Code.DEQUE: lambda parts: deque(parts[1], maxlen=parts[0]),
    Code.ARRAY: lambda parts: array(*parts),
    Code.ORDERED: lambda parts: OrderedDict(parts[0]),
    Code.COUNTER: lambda parts: Counter(parts[0]),
    Code.DEFAULTDICT: lambda parts: defaultdict(FACTORIES[parts[0]], parts[1]),
}
