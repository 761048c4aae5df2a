"""Everything that is wrong with a graph, its configuration and what is around it, found before it is run."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING

from streamweave_lab.clock import VirtualClock
from streamweave_lab.config.model import Config, hidden_in
from streamweave_lab.config.problems import Outside, Passing, passing
from streamweave_lab.config.source import unreadable
from streamweave_lab.errors import ConfigError, NotRunningError
from streamweave_lab.ops.config.surroundings import (
    around_graph,
    around_store,
    begins_anew,
    named_checkpoint,
    port_problems,
)

if TYPE_CHECKING:
    from streamweave_lab.graph.graph import Graph
    from streamweave_lab.graph.node import Node
    from streamweave_lab.state.store import Store

OK, TRY_AGAIN, BAD_CONFIG = 0, 75, 78
"""Exit codes; 75 and 78 are EX_TEMPFAIL and EX_CONFIG of sysexits.h."""


@dataclass(frozen=True)
class Validation:
    """What was found, a sentence for each problem, in three layers. `str()` of it is for people.

    A layer is looked into also where an earlier one has problems, as far as it can be.
    """

    correct: tuple[str, ...] = ()
    """The configuration cannot be parsed, or has values of a wrong type or out of bounds, or keys that are unknown."""
    topology: tuple[str, ...] = ()
    """Graph and configuration do not fit: a node refuses the configuration, or wants another."""
    environment: tuple[str, ...] = ()
    """Files, folders, secrets or ports that are missing, or cannot be read, written or taken."""
    notes: tuple[str, ...] = ()
    """What could not be tried, and why. No problem in itself."""
    unchecked: tuple[str, ...] = ()
    """The names of the layers that could not be looked into, because of a problem in another."""
    config: Config | None = field(default=None, repr=False)
    """The configuration that was read, if there is one and it is correct."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Those of all layers."""
        return self.correct + self.topology + self.environment

    @property
    def ok(self) -> bool:
        """Nothing was found that would keep the graph from running."""
        return not self.problems

    @property
    def exit_code(self) -> int:
        """0; 75 if all that is wrong is that somebody else has a port or a store now; else 78."""
        return OK if self.ok else TRY_AGAIN if passing(self.problems) else BAD_CONFIG

    def __str__(self) -> str:
        layers = {"correct": self.correct, "topology": self.topology, "environment": self.environment}
        lines = [line for name, found in layers.items() for line in self._layer(name, found)]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def _layer(self, name: str, problems: tuple[str, ...]) -> Iterator[str]:
        sound = "not checked" if name in self.unchecked else "ok"
        busy = sum(isinstance(problem, Passing) for problem in problems)
        counts = {"wrong": len(problems) - busy, "may pass": busy}
        yield f"{name}: {', '.join(f'{count} {what}' for what, count in counts.items() if count) or sound}"
        yield from (f"  {problem}" for problem in problems)


def validate(
    graph: Graph,
    config: Config | type[Config] | None = None,
    path: str | PathLike[str] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    store: Store | None = None,
    resume: bool | int = False,
    listen: tuple[str, int] | None = None,
) -> Validation:
    """Look for everything that would keep `graph` from running. Nothing is started or changed.

    `config` is a configuration, or its class, to be read from the file `path` and the environment (`environ`, by
    default that of the process); without it the class is the one that the graph's nodes ask for. `store` is where
    the run would keep its state, `resume` what it would go on from, as `start` has it, and `listen` the host and port
    it would serve at.

    A node of your own may define `check_outside()`, which returns a sentence for everything outside that it would
    miss, and opens and changes nothing.
    """
    found: list[str] = []
    read = None
    try:
        read = _read(graph, config, path, environ)
    except ConfigError as error:
        found += error.problems
    misfits, notes = _topology(graph, read) if read is not None else ([], [])
    notes += [*unreadable(type(read)), *hidden_in(read)] if read is not None else []
    outside: list[str] = [problem for problem in found if isinstance(problem, Outside)]
    outside += around_graph(graph, anew=begins_anew(graph.name, store, resume))
    outside += [*around_store(store, graph.name), *named_checkpoint(graph.name, store, resume)]
    outside += port_problems(*listen) if listen else ()
    correct = tuple(problem for problem in found if not isinstance(problem, Outside))
    unchecked = ("topology",) if found else ()
    return Validation(correct, tuple(misfits), tuple(outside), tuple(notes), unchecked, read)


def config_class(graph: Graph) -> type[Config] | None:
    """The class of configuration that the nodes of `graph` ask for; None if none does.

    Raises: ConfigError if they ask for classes of which none is derived from all the others.
    """
    wanted = {name: asked for name, node in graph.nodes.items() if (asked := getattr(node, "config_type", None))}
    for asked in wanted.values():
        if all(issubclass(asked, other) for other in wanted.values()):
            found: type[Config] = asked
            return found
    if not wanted:
        return None
    who = ", ".join(f"{name} takes a {asked.__name__}" for name, asked in wanted.items())
    raise ConfigError(f"graph {graph.name!r}", (f"no one class of configuration fits all its nodes: {who}",))


def _read(
    graph: Graph,
    config: Config | type[Config] | None,
    path: str | PathLike[str] | None,
    environ: Mapping[str, str] | None,
) -> Config | None:
    if isinstance(config, Config):
        return config
    known = config or config_class(graph)
    if known is None and path is not None:
        said = f"no node of graph {graph.name!r} takes a configuration, and no class was named to read {path} with"
        raise ConfigError(str(path), (said,))
    if known is None:
        return None
    return known.load(path) if environ is None else known.load(path, environ=environ)


def _topology(graph: Graph, config: Config) -> tuple[list[str], list[str]]:
    problems: list[str] = []
    notes: list[str] = []
    for node in graph:
        problem, note = _tried(node, config)
        problems += problem
        notes += note
    return problems, notes


def _tried(drawn: Node, config: Config) -> tuple[Iterable[str], Iterable[str]]:
    """Let a copy of the node take the configuration, without opening it."""
    node = copy.copy(drawn)
    node.clock = VirtualClock()
    try:
        node.configure(config)
    except NotRunningError:
        return (), (f"{node.name}: configure() needs a run, and was not tried",)
    except AttributeError as error:
        if error.obj is node:
            return (), (f"{node.name}: configure() needs what opened() sets up ({error.name}), and was not tried",)
        return (f"{node.name}: {error!r}",), ()
    except ConfigError as error:
        return tuple(f"{node.name}: {problem}" for problem in error.problems), ()
    except Exception as error:
        return (f"{node.name}: does not take the configuration: {error!r}",), ()
    return (), ()


__all__ = ["BAD_CONFIG", "OK", "Validation", "config_class", "validate"]
