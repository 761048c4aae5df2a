"""What of an item may be shown outside the graph: decided in the graph, before the item leaves it."""

from __future__ import annotations

from collections.abc import Callable
from reprlib import Repr
from typing import Any

Redact = Callable[[str, Any], Any]
"""`redact(port name, item)` -> what may be shown of the item, such as `redact("parse.out", row)`."""

LONGEST = 200
"""Characters of an item that are shown where a graph has no rule of its own."""

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
