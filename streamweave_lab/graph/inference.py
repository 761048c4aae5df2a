"""What can be known, at run time, of the items on a port: from classes, type arguments and annotated functions."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections import abc
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import GenericAlias
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

if TYPE_CHECKING:
    from streamweave_lab.graph.node import Node
    from streamweave_lab.graph.port import Port

Bound = dict[Any, Any]
"""What type variables stand for; one that is missing is not known."""


def item_type(port: Port) -> Any:
    """The type of the items of `port`, as an annotation; `Any` where it cannot be known."""
    attribute = "in_" if port.name == "in" else port.name
    for owner, bound in _family(port.node):
        annotation = inspect.get_annotations(owner).get(attribute)
        if annotation is None and port.name not in (*port.node._in_names, *port.node._out_names):
            annotation = _of_getitem(owner)
        if annotation is not None:
            inner = get_args(_evaluated(annotation, _names_of(owner)))
            return _filled(inner[0], bound) if inner else Any
    return Any


def _of_getitem(owner: type) -> Any:
    """Ports that are made with the node, such as the routes of a Route, are reached by `node["name"]`."""
    return getattr(owner.__dict__.get("__getitem__"), "__annotations__", {}).get("return")


def _family(node: Node) -> Iterator[tuple[type, Bound]]:
    """The classes of `node`, nearest first, each with what its own type variables stand for."""
    given = getattr(node, "__orig_class__", None)
    known: dict[type, Bound] = {type(node): _zipped(type(node), get_args(given))}
    for owner in type(node).__mro__:
        bound = known.setdefault(owner, {})
        if type(node).__init__ is owner.__dict__.get("__init__"):
            bound |= {var: kind for var, kind in _told_by_functions(owner, node).items() if var not in bound}
        for base in owner.__dict__.get("__orig_bases__", ()):
            origin = get_origin(base)
            if isinstance(origin, type):
                known.setdefault(origin, {}).update(_zipped(origin, [_filled(a, bound) for a in get_args(base)]))
        yield owner, bound


def _zipped(owner: type, arguments: Iterable[Any]) -> Bound:
    return {v: a for v, a in zip(getattr(owner, "__parameters__", ()), arguments, strict=False) if a is not Any}


def _told_by_functions(owner: type, node: Node) -> Bound:
    """What the functions given to `owner.__init__` say: `f: Callable[[I], O]` was given a function of A to B."""
    init, names = owner.__dict__["__init__"], _names_of(owner)
    given = _arguments(init, node)
    for signature in typing.get_overloads(init) or [init]:
        bound = _matched(signature, given, names)
        if bound is not None:
            itself = _evaluated(signature.__annotations__.get("self"), names)
            return bound | _zipped(owner, [_filled(argument, bound) for argument in get_args(itself)])
    return {}


def _arguments(init: Callable[..., Any], node: Node) -> dict[str, list[Any]]:
    """The values that each parameter of `init` was given."""
    signature = inspect.signature(init)
    args, kwargs = node._drawn_with
    call = signature.bind(node, *args, **kwargs)
    call.apply_defaults()
    several = {p.name for p in signature.parameters.values() if p.kind is p.VAR_KEYWORD}
    return {name: list(value.values()) if name in several else [value] for name, value in call.arguments.items()}


def _matched(signature: Callable[..., Any], given: Mapping[str, list[Any]], names: Mapping[str, Any]) -> Bound | None:
    """What the overload `signature` makes of what was `given`; None if that is another one's turn."""
    bound: Bound = {}
    for name, annotation in signature.__annotations__.items():
        wanted = _evaluated(annotation, names)
        if name not in ("self", "return") and not all(_agrees(wanted, value, bound) for value in given.get(name, ())):
            return None
    return bound


def _agrees(wanted: Any, value: Any, bound: Bound) -> bool:
    """False if `value` cannot have been given for an argument annotated `wanted`."""
    if wanted is type(None) or value is None:
        return value is None
    for kind in (wanted, *get_args(wanted)):
        if get_origin(kind) is abc.Callable:
            return callable(value) and _unify_function(kind, value, bound)
    origin = get_origin(wanted)
    return not isinstance(origin, type) or origin in (type, types.UnionType) or isinstance(value, origin)


def _unify_function(wanted: Any, function: Callable[..., Any], bound: Bound) -> bool:
    """Learn from the annotations of `function`; False if it takes another number of arguments."""
    parameters, result = get_args(wanted)
    said, returned = _signature(function)
    if isinstance(parameters, list) and said is not None:
        required, most = said
        if not len(required) <= len(parameters) <= len(most):
            return False
        for pattern, kind in zip(parameters, most, strict=False):
            _unify(pattern, kind, bound)
    _unify(result, returned, bound)
    return True


def _signature(function: Callable[..., Any]) -> tuple[tuple[list[Any], list[Any]] | None, Any]:
    """The types of the arguments that `function` needs, and may take, by position; and of what it returns."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None, function if isinstance(function, type) else Any
    names = _names_of(function.func if isinstance(function, partial) else function)
    places = [p for p in signature.parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    most = [_evaluated(p.annotation, names) for p in places]
    if any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values()):
        most += [Any] * 8
    needed = most[: len([p for p in places if p.default is p.empty])]
    if isinstance(function, type):
        return (needed, most), function
    returned = _evaluated(signature.return_annotation, names)
    if inspect.iscoroutinefunction(function):
        return (needed, most), GenericAlias(abc.Coroutine, (Any, Any, returned))
    return (needed, most), returned


def _unify(pattern: Any, kind: Any, bound: Bound) -> None:
    """Find what the type variables in `pattern` stand for if it describes `kind`."""
    if isinstance(pattern, TypeVar):
        if kind is not Any:
            bound.setdefault(pattern, kind)
        return
    origin, other = get_origin(pattern), get_origin(kind) or kind
    if not isinstance(origin, type) or not isinstance(other, type) or not issubclass(other, origin):
        return
    inner = (str,) if other is str else get_args(kind)
    if issubclass(origin, abc.Awaitable):
        _unify(get_args(pattern)[-1], inner[-1] if inner else Any, bound)
        return
    if other is tuple and inner[1:] != (...,):
        return
    for part, argument in zip(get_args(pattern), inner, strict=False):
        _unify(part, argument, bound)


def _filled(kind: Any, bound: Bound) -> Any:
    """`kind` with its type variables replaced; what cannot be replaced is `Any`."""
    if isinstance(kind, TypeVar):
        return bound.get(kind, Any)
    variables = getattr(kind, "__parameters__", ())
    return kind[tuple(bound.get(var, Any) for var in variables)] if variables and get_origin(kind) else kind


def _evaluated(annotation: Any, names: Mapping[str, Any]) -> Any:
    """An annotation as an object; `Any` if there is none, or a name in it cannot be found."""
    if annotation is None:
        return type(None)
    if annotation is inspect.Parameter.empty:
        return Any
    if not isinstance(annotation, str):
        return annotation
    try:
        value = eval(annotation, dict(names))  # noqa: S307 - an annotation of the user's own program
    except Exception:
        return Any
    return type(None) if value is None else value


def _names_of(thing: Any) -> Mapping[str, Any]:
    function = inspect.unwrap(getattr(thing, "__func__", thing))
    found: Mapping[str, Any] | None = getattr(function, "__globals__", None)
    if found is None:
        kind = thing if isinstance(thing, type) else type(thing)
        found = vars(sys.modules.get(kind.__module__, typing))
    return found
