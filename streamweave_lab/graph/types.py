"""Item types that cannot fit: what a Graph can know of its edges before anything runs."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from inspect import isabstract
from typing import Any, Literal, NewType, get_args, get_origin

from streamweave_lab.graph.inference import item_type
from streamweave_lab.graph.port import Edge

_WIDENS = {(int, float), (int, complex), (float, complex), (bool, float), (bool, complex)}
"""What type checkers let pass for numbers."""


_SAYS_NOTHING = (object, Any, Callable)
"""Classes (Any has been one since 3.11) of which nothing certain can be said."""


def mismatch(edge: Edge) -> str | None:
    """Why the items sent on `edge` can never be what its target takes; None if they can, or nobody knows.

    Only what is certain counts: a base class where a subclass is wanted, an unknown type, a TypeVar and a Protocol
    all pass. Of a union every member must fit, as None must where an `int | None` is sent; but a node that sends on
    what it takes, as a Filter does, may have left the others out. Type checkers see more.
    """
    sent, taken = item_type(edge.source), item_type(edge.target)
    strangers = [member for member in _alternatives(sent) if not can_fit(member, taken)]
    if not strangers:
        return None
    said = f"{edge.source!r} sends {spelt(sent)}, but {edge.target!r} takes {spelt(taken)}"
    if not can_fit(sent, taken):
        return f"{said}; draw a step between them that makes the one from the other"
    if any(item_type(port) == sent for port in edge.source.node.inputs.values()):
        return None
    others = " and no ".join(dict.fromkeys(map(spelt, strangers)))
    return f"{said} and no {others}; draw a Filter between them, or let {edge.target.node.name} take that too"


def can_fit(sent: Any, taken: Any) -> bool:
    """False only if no value of the type `sent` is a value of the type `taken`."""
    return any(_one_fits(a, b) for a in _alternatives(sent) for b in _alternatives(taken))


def spelt(kind: Any) -> str:
    """A type as it is written in a program: "int", "list[str]", "Failure[Reading]"."""
    if kind is type(None):
        return "None"
    if get_origin(kind) is None and isinstance(kind, type):
        return kind.__qualname__.split("<locals>.")[-1]
    origin = get_origin(kind)
    if not isinstance(origin, type) or origin is types.UnionType:
        members = get_args(kind)
        return " | ".join(map(spelt, members)) if origin in (typing.Union, types.UnionType) else _without_module(kind)
    inner = ", ".join("..." if part is ... else spelt(part) for part in get_args(kind))
    return f"{spelt(origin)}[{inner}]"


def _without_module(kind: Any) -> str:
    return str(kind).rpartition(".")[2]


def _one_fits(sent: Any, taken: Any) -> bool:
    a, b = get_origin(sent) or sent, get_origin(taken) or taken
    if not _is_plain(a) or not _is_plain(b) or (a, b) in _WIDENS:
        return True
    if a is b:
        return _arguments_fit(a, get_args(sent), get_args(taken))
    if issubclass(a, b) or issubclass(b, a) or (isabstract(a) and isabstract(b)):
        return True
    return bool(_below(a) & _below(b))


def _arguments_fit(kind: type, sent: tuple[Any, ...], taken: tuple[Any, ...]) -> bool:
    if kind is tuple and (... in sent or ... in taken):
        return True
    if kind is tuple and sent and taken and len(sent) != len(taken):
        return False
    return all(can_fit(a, b) for a, b in zip(sent, taken, strict=False))


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """The members of a union; and what an annotation that only dresses up a type stands for."""
    origin = get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return tuple(inner for member in get_args(kind) for inner in _alternatives(member))
    if origin is typing.Annotated:
        return _alternatives(get_args(kind)[0])
    if origin is Literal:
        return tuple(type(value) for value in get_args(kind))
    if isinstance(kind, NewType):
        return _alternatives(kind.__supertype__)
    return (dict,) if typing.is_typeddict(kind) else (kind,)


def _is_plain(kind: Any) -> bool:
    """A class of which something can be said: not `object`, and not what any class may satisfy by its methods."""
    return isinstance(kind, type) and kind not in _SAYS_NOTHING and not getattr(kind, "_is_protocol", False)


def _below(kind: type) -> set[type]:
    """All subclasses: one that is below two classes makes them fit."""
    found: set[type] = set()
    ahead = [kind]
    while ahead:
        subclasses: list[type] = type.__subclasses__(ahead.pop())
        for below in subclasses:
            if below not in found:
                found.add(below)
                ahead.append(below)
    return found


__all__ = ["can_fit", "mismatch", "spelt"]
