"""The numbers of our MessagePack extension types. They stand in written state: never give one another meaning."""

from __future__ import annotations

from typing import Final


class Code:
    """What an extension type holds; each is an array of parts, except INT and STR."""

    TUPLE: Final = 1
    SET: Final = 2
    FROZENSET: Final = 3
    PAIRS: Final = 4  # a dict with keys that MessagePack does not bring back as they are
    INT: Final = 5
    STR: Final = 6  # with lone surrogates
    DATETIME: Final = 7
    DATE: Final = 8
    TIME: Final = 9
    TIMEDELTA: Final = 10
    DECIMAL: Final = 11
    FRACTION: Final = 12
    UUID: Final = 13
    COMPLEX: Final = 14
    BYTEARRAY: Final = 15
    DEQUE: Final = 16
    ARRAY: Final = 17
    ORDERED: Final = 18
    COUNTER: Final = 19
    DEFAULTDICT: Final = 20
    OBJECT: Final = 21  # its values, and the number of its class in the table
    TUPLE_VALUES: Final = 22  # a dict in which every value is a tuple
    TUPLES: Final = 23  # a list in which every item is a tuple
