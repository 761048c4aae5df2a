"""What the nodes that are given a function have in common."""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from types import CoroutineType
from typing import TYPE_CHECKING, Any, TypeVar

from streamweave_lab.errors import ConfigError, GraphError, NotAwaitedError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Node

if TYPE_CHECKING:
    from streamweave_lab.config.model import Config

C = TypeVar("C", bound="Config")

Failed = list[tuple[int, Exception]]
"""Which items of a batch were refused: their places in it, ascending, and why."""


class FunctionNode(Node):
    """A node with a function of the user's, which is called with the configuration in force if it asks for one."""

    config_type: type[Config] | None = None
    """The class of the configuration that the function takes as its last argument; None if it takes none."""

    @property
    def functions(self) -> tuple[Callable[[Any], Any], ...]:
        """What is called for an item: the function, with the configuration in force bound to it."""
        return (self._logic,)

    def _use(self, f: Callable[..., Any], config: type[Config] | None) -> None:
        """Remember what was drawn. Raises: GraphError if `f` cannot be called, or `config` is not a class."""
        if not callable(f):
            raise GraphError(f"{self!r} needs a function, not {f!r}")
        if not self.awaits:
            refuse_async(self, f)
        if config is not None and not isinstance(config, type):
            raise GraphError(f"{self!r}: config= takes the class of the configuration, not {config!r}")
        self._f = f
        self.config_type = config
        self._adopt(f if config is None else _unconfigured(self.name, self._wanted("and has none")))

    def configure(self, config: Config) -> None:
        """Raises: ConfigError if the run's configuration is not the one that was drawn."""
        if self.config_type is not None:
            if not isinstance(config, self.config_type):
                raise ConfigError(self.name, (self._wanted(f"not a {type(config).__name__}"),))
            self._adopt(self._bind(config))

    def _bind(self, config: Any) -> Callable[..., Any]:
        f = self._f
        return lambda item: f(item, config)

    def _wanted(self, but: str) -> str:
        wanted = self.config_type.__name__ if self.config_type else "configuration"
        return f"the function takes a {wanted}, {but}; start the graph with config={wanted}()"

    def _adopt(self, logic: Callable[..., Any]) -> None:
        """From now on `logic` is the function of an item; `_watched` is the same, and looks at what it returns."""
        self._logic, self._watched = logic, watched(self.kind, logic)

    def _refuse_all(self, batch: Batch, failed: Failed) -> list[float] | None:
        """Refuse the items of `batch` that failed; the times of the others."""
        times = batch.times
        for place, error in failed:
            self.refuse(batch.items[place], error, None if times is None else times[place])
        if times is None:
            return None
        gone = {place for place, _ in failed}
        return [time for place, time in enumerate(times) if place not in gone]


def is_async(f: object) -> bool:
    """To call `f` makes a coroutine: it is an async function, or an object whose `__call__` is one."""
    return iscoroutinefunction(f) or iscoroutinefunction(getattr(f, "__call__", None))  # noqa: B004


def refuse_async(node: Node, f: Callable[..., Any]) -> None:
    """Raises: GraphError if `f` would have to be awaited."""
    if is_async(f):
        name = getattr(f, "__name__", None) or repr(f)
        raise GraphError(f"{node!r} cannot await {name!r}, a coroutine function; use MapAsync for it")


def watched(kind: str, logic: Callable[..., Any]) -> Callable[[Any], Any]:
    """`logic`, which raises NotAwaitedError where it would return a coroutine to a node of this kind.

    Too slow for every item: loops go on without it when the first item of a batch has shown that all is well.
    """

    def watch(item: Any) -> Any:
        answer = logic(item)
        if type(answer) is CoroutineType:
            raise not_awaited(kind, answer)
        return answer

    return watch


def not_awaited(kind: str, coroutine: CoroutineType[Any, Any, Any]) -> NotAwaitedError:
    """Close a coroutine that nobody will await, and say so."""
    coroutine.close()
    return NotAwaitedError(kind, coroutine.__qualname__.rpartition("<locals>.")[2])


def _unconfigured(node: str, problem: str) -> Callable[..., Any]:
    """A function that says what is missing. It knows nothing of the node, so that it can travel to workers."""

    def refuse(*_: Any) -> Any:
        raise ConfigError(node, (problem,))

    return refuse
