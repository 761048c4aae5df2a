"""PerKey: a value for every key, as an attribute of the logic that keeps it."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Generic, Self, overload

from typing_extensions import TypeVar

from streamweave_lab.errors import NotRunningError

if TYPE_CHECKING:
    from streamweave_lab.operators.keyed_state import KeyedStep

V = TypeVar("V", bound=Any, default=Any)


class PerKey(Generic[V]):
    """A value for every key of a KeyedStep: `clicks = sw.PerKey(0)` in the class, `self.clicks += 1` in its logic.

    Read, set and deleted as an attribute, it is that of the key now being taken. A key without a value has
    `initial`, of which each gets its own copy, so a list or a dictionary may be changed in place.
    """

    def __init__(self, initial: V) -> None:
        self._initial = initial
        # deepcopy gives back the very object where nothing in it can change: then all keys may share it.
        self._shared = deepcopy(initial) is initial

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, node: None, owner: type) -> Self: ...
    @overload
    def __get__(self, node: KeyedStep[Any, Any, Any], owner: type) -> V: ...
    def __get__(self, node: KeyedStep[Any, Any, Any] | None, owner: type) -> Any:
        if node is None:
            return self
        values, key = self._of(node), node.key
        if key in values:
            return values[key]
        if self._shared:
            return self._initial
        return values.setdefault(key, deepcopy(self._initial))

    def __set__(self, node: KeyedStep[Any, Any, Any], value: V) -> None:
        self._of(node)[node.key] = value

    def __delete__(self, node: KeyedStep[Any, Any, Any]) -> None:
        self._of(node).pop(node.key, None)

    def _of(self, node: KeyedStep[Any, Any, Any]) -> dict[Any, V]:
        if node._outbox is None:
            raise NotRunningError(node.name, self._name)
        values: dict[Any, V] = (node._values or {})[self._name]
        return values


def per_key_names(cls: type) -> list[str]:
    """The names of the PerKey values of a class, those of its bases first."""
    named = [name for base in reversed(cls.__mro__) for name, value in vars(base).items() if isinstance(value, PerKey)]
    return list(dict.fromkeys(named))


__all__ = ["PerKey", "per_key_names"]
