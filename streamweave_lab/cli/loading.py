"""From what the command line names to a Graph, and the class of its configuration."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from streamweave_lab.cli.config_class import annotated, class_of, the_only, unasked, wanted_by
from streamweave_lab.cli.modules import blamed, module_of
from streamweave_lab.cli.spec import LoadError, Spec, nearest
from streamweave_lab.config.model import Config
from streamweave_lab.graph.graph import Graph


@dataclass(frozen=True)
class Target:
    """What was found: a Graph, or a function that returns one."""

    spec: Spec
    module: ModuleType
    value: Any

    def graph(self, config: Config | None = None) -> Graph:
        """The graph; a function is called, with `config` if it takes one. Raises: LoadError."""
        if isinstance(self.value, Graph):
            return self.value
        with blamed(self.spec):
            made = self.value(config) if self.takes_config else self.value()
        if inspect.iscoroutine(made):
            made.close()  # else Python warns that nobody has awaited it
        if not isinstance(made, Graph):
            raise LoadError(f"{self.spec} returned {_kind(made)}, not a Graph")
        return made

    @property
    def takes_config(self) -> bool:
        """It is a function, and its first argument is the configuration."""
        return not isinstance(self.value, Graph) and _first(self.value) is not None

    def config_class(self, named: str | None = None, *, file: Path | None = None) -> type[Config] | None:
        """The class that `named` says, else that which the function or the graph's nodes ask for.

        Where none asks, it is the only one of the module, if there is a `file` to read or it needs none.
        Returns: None where there is none. Raises: LoadError where there are several, or `named` is none.
        """
        if named is not None:
            return class_of(self.module, named)
        first = None if isinstance(self.value, Graph) else _first(self.value)
        if first is not None:
            asked = annotated(self.value, first.name)
            return asked or the_only(self.module, f"{self.spec} takes a configuration")
        return wanted_by(self.graph()) or unasked(self.module, file)


def load(text: str, config_class: str | None = None) -> Target:
    """Find what `text` names; `config_class` is what `Target.config_class` will be asked. Raises: LoadError."""
    spec = Spec.of(text)
    also = [config_class] if config_class and config_class.isidentifier() else []
    module = module_of(spec, *also)
    return Target(spec, module, _found(spec, module))


def _found(spec: Spec, module: ModuleType) -> Any:
    graphs = {name: value for name, value in vars(module).items() if isinstance(value, Graph)}
    if not spec.name:
        if len(graphs) == 1:
            return next(iter(graphs.values()))
        raise LoadError(f"say which graph: {spec.place}:NAME; {nearest('', graphs or _functions(module))}")
    if not hasattr(module, spec.name):
        raise LoadError(f"{spec.place} has no {spec.name!r}; {nearest(spec.name, [*graphs, *_functions(module)])}")
    value = getattr(module, spec.name)
    if isinstance(value, Graph) or (callable(value) and not isinstance(value, type)):
        return value
    raise LoadError(f"{spec} is {_kind(value)}, neither a Graph nor a function that returns one; "
                    f"{nearest(spec.name, [*graphs, *_functions(module)])}")  # fmt: skip


def _functions(module: ModuleType) -> list[str]:
    own = {name: value for name, value in vars(module).items() if inspect.isfunction(value)}
    return [name for name, value in own.items() if value.__module__ == module.__name__]


def _first(function: Callable[..., Any]) -> inspect.Parameter | None:
    """The argument of a function that takes the configuration: what must be given, or is a Config or called config."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in positional:
            must = parameter.default is inspect.Parameter.empty
            takes = must or parameter.name == "config" or annotated(function, parameter.name)
            return parameter if takes else None
    return None


def _kind(value: Any) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


__all__ = ["LoadError", "Target", "load"]
