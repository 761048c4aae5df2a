"""Reduce: a running value for every key."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from copy import deepcopy
from typing import TYPE_CHECKING, Any, overload

from streamweave_lab.errors import GraphError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.port import I_contra, O_co
from streamweave_lab.operators.function import C, Failed, FunctionNode

if TYPE_CHECKING:
    from streamweave_lab.config.model import Config


class Accumulators(dict[Any, Any]):
    """Values by key; a key that is not there has the initial value, of which every key gets its own copy."""

    def __init__(self, initial: Any) -> None:
        super().__init__()
        self._initial = initial
        # deepcopy gives back the very object where nothing in it can change: then all keys may share it.
        self._shared = deepcopy(initial) is initial

    def __missing__(self, key: object) -> Any:
        return self._initial if self._shared else deepcopy(self._initial)


def no_key(_item: object) -> None:
    """The key of everything where no key was given."""


class Reduce(Step[I_contra, O_co], FunctionNode):
    """Keeps a value for every key and sends each new value: `value = f(value, item)`, beginning with `initial`.

    What is sent is the value alone, with the item's event time; let `f` put the key into it where it is
    wanted. `key(item)` must be hashable; without `key` there is one value for all. As the value is sent on,
    `f` must return a new one and not change the old. An item on which `f` or `key` raises leaves by `error`,
    and the value stays as it was. With `config=FlightsConfig` it is `f(value, item, config)`, where `config`
    is the configuration in force.
    """

    @overload
    def __init__(
        self,
        name: str,
        f: Callable[[O_co, I_contra], O_co],
        *,
        initial: O_co,
        key: Callable[[I_contra], Hashable] | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self,
        name: str,
        f: Callable[[O_co, I_contra, C], O_co],
        *,
        initial: O_co,
        key: Callable[[I_contra], Hashable] | None = None,
        config: type[C],
    ) -> None: ...
    def __init__(
        self,
        name: str,
        f: Callable[..., Any],
        *,
        initial: Any,
        key: Callable[[Any], Hashable] | None = None,
        config: type[Config] | None = None,
    ) -> None:
        super().__init__(name)
        if key is not None and not callable(key):
            raise GraphError(f"{self!r}: key= needs a function, not {key!r}")
        self._use(f, config)
        self._initial = initial
        self._key = key

    def _bind(self, config: Any) -> Callable[..., Any]:
        f = self._f
        return lambda value, item: f(value, item, config)

    def opened(self) -> None:
        """Begin with no key."""
        self._values = Accumulators(self._initial)

    def snapshot(self) -> dict[Any, Any]:
        """The value of each key."""
        return dict(self._values)

    def restore(self, state: dict[Any, Any]) -> None:
        """Go on with these values."""
        self._values.update(state)

    def on_batch(self, port: str, batch: Batch) -> None:
        """Fold each item into the value of its key, and send the new values."""
        f, key, values = self._logic, self._key or no_key, self._values
        out: list[Any] = []
        failed: Failed = []
        for item in batch.items:
            try:
                k = key(item)
                values[k] = value = f(values[k], item)
                out.append(value)
            except Exception as error:
                failed.append((len(out) + len(failed), error))
        self.send("out", out, self._refuse_all(batch, failed) if failed else batch.times)
