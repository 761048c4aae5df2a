"""What a contender's last step does with each item."""

from __future__ import annotations

from typing import Any


class Tally:
    """Counts items, and keeps them where a result is to be checked."""

    def __init__(self, keep: bool) -> None:
        self.count = 0
        self.kept: list[Any] | None = [] if keep else None
        if keep:
            self.take = self._keep

    def take(self, item: Any) -> None:
        self.count += 1

    def _keep(self, item: Any) -> None:
        self.count += 1
        assert self.kept is not None
        self.kept.append(item)

    def result(self) -> Any:
        """How many came; or what came."""
        return self.count if self.kept is None else self.kept
