"""What a verb returns: a coroutine that says, where it is shown instead of awaited, that nothing has happened yet."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")


class _Named(Protocol):
    name: str


N = TypeVar("N", bound=_Named)


class Awaiting(Coroutine[Any, Any, R]):
    """A verb to be awaited. `run.pause()` alone does nothing, as any coroutine, and its repr tells what to write."""

    def __init__(self, run: str, verb: str, inner: Coroutine[Any, Any, R]) -> None:
        self._run, self._verb, self._inner = run, verb, inner

    def __await__(self) -> Generator[Any, Any, R]:
        return self._inner.__await__()

    def send(self, value: Any) -> Any:
        """As a coroutine's."""
        return self._inner.send(value)

    def throw(self, *error: Any) -> Any:
        """As a coroutine's."""
        return self._inner.throw(*error)

    def close(self) -> None:
        """As a coroutine's."""
        self._inner.close()

    def __getattr__(self, name: str) -> Any:  # debuggers and asyncio ask a coroutine for its frame and code
        return getattr(self._inner, name)

    def __repr__(self) -> str:
        return f"run {self._run!r}: write await before {self._verb}(…); without it nothing happens"


def awaiting(
    verb: Callable[Concatenate[N, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[N, P], Coroutine[Any, Any, R]]:
    """Let a verb of a run return an Awaiting."""

    @wraps(verb)
    def asked(run: N, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        return Awaiting(run.name, verb.__name__, verb(run, *args, **kwargs))

    return cast("Callable[Concatenate[N, P], Coroutine[Any, Any, R]]", asked)


__all__ = ["Awaiting", "awaiting"]
