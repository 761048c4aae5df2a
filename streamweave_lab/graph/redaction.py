"""What of an item may be shown outside the graph: decided in the graph, before the item leaves it."""

from __future__ import annotations

import os
from collections.abc import Callable
from reprlib import Repr
from traceback import format_exception, format_tb
from typing import Any

from streamweave_lab.errors import (
    ConfigError,
    DrilledError,
    HoldFullError,
    MissingExtraError,
    NoEventTimeError,
    NotAwaitedError,
    StateError,
    WorkerLostError,
)

Redact = Callable[[str, Any], Any]
"""`redact(port name, item)` -> what may be shown of the item, such as `redact("parse.out", row)`."""

LONGEST = 200
"""Characters of an item that are shown where a graph has no rule of its own."""

_QUOTE_NO_ITEM = (
    ConfigError, DrilledError, HoldFullError, MissingExtraError, NoEventTimeError, NotAwaitedError, StateError,
    WorkerLostError,
)  # fmt: skip

_short = Repr()
_short.maxlist = _short.maxtuple = _short.maxset = _short.maxfrozenset = _short.maxdeque = _short.maxdict = 20
_short.maxstring = _short.maxlong = _short.maxother = LONGEST


def at_length(_port: str, item: Any) -> str:
    """The item's `repr`, at most 200 characters of it; a large collection is not gone through whole."""
    text = _short.repr(item)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def redacted(redact: Redact, port: str, item: Any) -> Any:
    """What `redact` lets be seen of an item. Where it raises nothing is seen but that, and nothing fails."""
    try:
        return redact(port, item)
    except Exception as error:
        return f"<not shown: the graph's redact raised {type(error).__name__}>"


def error_shown(redact: Redact, error: BaseException) -> str:
    """The error's `repr`; where the graph has a rule of its own only its type, for its words may quote the item.

    What the system says of a file or a connection is always shown, and so are errors of the engine that quote nothing.
    """
    if redact is at_length or isinstance(error, _QUOTE_NO_ITEM):
        return repr(error)
    words = "<not shown: the graph redacts>"
    if isinstance(error, OSError) and error.errno is not None:
        words = repr(os.strerror(error.errno))
    return f"{type(error).__name__}({words})"


def traceback_shown(redact: Redact, error: BaseException) -> str:
    """Where the error was raised, and what led to it; of their words as much as `error_shown` shows."""
    if redact is at_length:
        return "".join(format_exception(error))
    parts: list[str] = []
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        frames = "".join(format_tb(error.__traceback__))
        parts.append(f"Traceback (most recent call last):\n{frames}{type(error).__name__}\n")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__) or error
    return "\n".join(reversed(parts))
