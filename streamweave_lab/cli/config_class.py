"""Which class of configuration a graph takes: what its nodes, or its function, say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from streamweave_lab.cli.modules import module_of
from streamweave_lab.cli.spec import LoadError, Spec, nearest
from streamweave_lab.config.fields import leaves
from streamweave_lab.config.model import Config
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Node


def class_of(module: ModuleType, named: str) -> type[Config]:
    """The class `named`, of `module` or as "module:Class". Raises: LoadError."""
    if ":" in named:
        spec = Spec.of(named)
        module, named = module_of(spec), spec.name
    found = getattr(module, named, None)
    if not isinstance(found, type) or not issubclass(found, Config):
        raise LoadError(f"{module.__name__} has no Config class {named!r}; {nearest(named, _in(module))}")
    return found


def wanted_by(graph: Graph) -> type[Config] | None:
    """The class that the nodes ask for; None where none does. Raises: LoadError where they ask for different ones."""
    asked = dict[type[Config], str]()
    for node in graph:
        for each in _asked(node):
            asked.setdefault(each, node.name)
    narrow = [each for each in asked if not any(other is not each and issubclass(other, each) for other in asked)]
    if len(narrow) > 1:
        said = ", ".join(f"{asked[each]} a {each.__name__}" for each in narrow)
        raise LoadError(f"the nodes of {graph.name!r} take different configurations: {said}; say --config-class NAME")
    return narrow[0] if narrow else None


def annotated(function: Callable[..., Any], argument: str) -> type[Config] | None:
    """The Config class that an argument of a function is annotated with."""
    try:
        hint = get_type_hints(function).get(argument)
    except Exception:  # a name that is only there for type checkers
        return None
    own = isinstance(hint, type) and issubclass(hint, Config) and hint is not Config
    return hint if own else None


def unasked(module: ModuleType, file: Path | None) -> type[Config] | None:
    """The only Config class made in `module`, though no node asks for it: sources may use one without saying so."""
    found = the_only(module)
    if found is None or file is not None:
        return found
    return None if any(leaf.info.is_required() for leaf in leaves(found)) else found


def the_only(module: ModuleType, need: str = "") -> type[Config] | None:
    """The only Config class made in `module`. Raises: LoadError if there is a `need` for one and there is not one."""
    there = _in(module)
    if len(there) == 1:
        return next(iter(there.values()))
    if need:
        raise LoadError(f"{need}, and nothing says of which class; say --config-class NAME ({nearest('', there)})")
    return None


def _in(module: ModuleType) -> dict[str, type[Config]]:
    made = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Config) and value is not Config
    }
    return {name: value for name, value in made.items() if value.__module__ == module.__name__} or made


def _asked(node: Node) -> Iterator[type[Config]]:
    drawn = getattr(node, "config_type", None)
    if isinstance(drawn, type) and issubclass(drawn, Config):
        yield drawn
    if (own := annotated(type(node).configure, "config")) is not None:
        yield own


__all__ = ["annotated", "class_of", "the_only", "unasked", "wanted_by"]
