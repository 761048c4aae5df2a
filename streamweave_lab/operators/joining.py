"""What joins of two streams by key have in common: their ports, and a key for each side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic

from typing_extensions import TypeVar

from streamweave_lab.graph.batch import Failure
from streamweave_lab.graph.port import In, Out, Outlet
from streamweave_lab.operators.held import HoldingNode, check_function

L = TypeVar("L", bound=Any, default=Any)
R = TypeVar("R", bound=Any, default=Any)
K = TypeVar("K", bound=Any, default=Any)


class Joining(HoldingNode, Outlet[tuple[L, R]], Generic[L, R]):
    """Takes items on `left` and `right`, sends pairs, and what has no match by `left_only` and `right_only`.

    Raises: GraphError if a key is no function.
    """

    left: In[L]
    right: In[R]
    out: Out[tuple[L, R]]
    left_only: Out[L]
    right_only: Out[R]
    error: Out[Failure[Any]]
    late: Out[L | R]

    def __init__(self, name: str, left_key: Callable[[L], K], right_key: Callable[[R], K]) -> None:
        super().__init__(name)
        check_function(self, "left_key", left_key)
        check_function(self, "right_key", right_key)
        self._keys = {"left": left_key, "right": right_key}

    def _tail(self) -> Out[tuple[L, R]]:
        return self.out
