"""State as bytes, without pickle: what comes back is equal and of the same types, and reading runs no code of the data.

Plain values are written as MessagePack, what it does not know as its extension types. An object is written as its
fields beside the name of its class; it is read only if that class has been imported already.
A list that two places share becomes two lists.
"""

from __future__ import annotations

import pickle
from typing import Any

import msgspec

from streamweave_lab.errors import StateError
from streamweave_lab.state.reading import Reader
from streamweave_lab.state.refusal import Refused, where
from streamweave_lab.state.writing import Writer, encoder

FORMAT = 1
"""The version of the encoding; it stands in front of the data."""

_PICKLE_MARK = b"\x80"  # the PROTO opcode, which opens every pickle since protocol 2; our data begins with \x93


def encode(value: Any) -> bytes:
    """The bytes of plain data.

    That is: None, bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, deque, array, dates and
    times, Decimal, Fraction, UUID, Enum members, dataclasses, named tuples, pydantic models and exceptions (without
    their traceback), nested in any way.

    Raises: StateError naming the type, where in `value` it stands, and what to do, if it is something else.
    """
    writer = Writer()
    try:
        body = encoder.encode(writer.plain(value))
    except Refused as refused:
        raise StateError(f"{where(value, refused.value)}: {refused.why}") from None
    except RecursionError:
        raise StateError("state contains itself, or is nested too deeply to be kept") from None
    except RuntimeError as error:  # "changed size during iteration": it is encoded in a thread, while the run goes on
        raise StateError(f"state: {error}; snapshot() must return copies of whatever changes") from error
    return encoder.encode([FORMAT, writer.table, msgspec.Raw(body)])


def decode(data: bytes) -> Any:
    """The value that `encode` was given.

    Raises: StateError if the data is damaged, was pickled or written in a newer format, or if a class in it is not
    imported or has changed.
    """
    if data[:1] == _PICKLE_MARK:
        raise StateError("this state was pickled; it is read only by a node that says pickled_state = True")
    try:
        version, table, body = msgspec.msgpack.decode(data, type=tuple[int, list[Any], msgspec.Raw])
        if version > FORMAT:
            raise StateError(f"this state has format {version}, and only {FORMAT} is known here; {UPGRADE}")
        return Reader(table).value(body)
    except StateError:
        raise
    except Exception as error:  # damaged data can fail in any constructor
        raise StateError(f"this state is damaged: {type(error).__name__}: {error}") from error


def encode_pickled(value: Any) -> bytes:
    """The bytes of anything that can be pickled, for a node that says `pickled_state = True`. Raises: StateError."""
    try:
        return pickle.dumps(value, protocol=5)
    except Exception as error:  # __reduce__ is the user's own
        raise StateError(f"state of type {type(value).__name__} cannot be pickled: {error}") from error


def decode_pickled(data: bytes) -> Any:
    """What `encode_pickled` was given. Only for data one trusts: a pickle can run any code. Raises: StateError."""
    if data[:1] != _PICKLE_MARK:
        raise StateError("this state was not pickled; read it with decode")
    try:
        return pickle.loads(data)  # noqa: S301 - the node asked for it
    except Exception as error:
        raise StateError(f"this pickled state cannot be read: {type(error).__name__}: {error}") from error


UPGRADE = 'pip install --upgrade "streamweave_lab"'
