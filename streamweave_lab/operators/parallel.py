"""What a node with workers must be able to do: have its function called elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal

from streamweave_lab.errors import GraphError, MissingExtraError

Where = Literal["processes", "threads"]


def check_workers(node: object, f: Callable[..., Any], workers: int | None, on: str) -> None:
    """Raises: GraphError for a wrong `workers` or `on`, or an `f` that cannot be sent; MissingExtraError."""
    if on not in ("processes", "threads"):
        raise GraphError(f'{node!r}: on must be "processes" or "threads", not {on!r}')
    if workers is None:
        return
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise GraphError(f"{node!r}: workers must be a whole number of at least 1, not {workers!r}")
    if on == "processes":
        try:
            as_bytes(f)
        except MissingExtraError:
            raise
        except Exception as error:
            raise GraphError(
                f"{node!r}: its function cannot be sent to a worker process: {error}; what it uses must be plain data "
                f'or importable (make the rest inside the function), or use on="threads"'
            ) from error


def as_bytes(content: object) -> bytes:
    """Anything, so that another process can read it: functions and classes of a notebook whole, others by name.

    Raises: MissingExtraError without cloudpickle; whatever pickling raises.
    """
    try:
        cloudpickle = import_module("cloudpickle")
    except ModuleNotFoundError:
        raise MissingExtraError("Map(workers=…) on processes", "workers") from None
    dumped: bytes = cloudpickle.dumps(content, protocol=5)
    return dumped
