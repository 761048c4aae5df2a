"""What stands before a source while a paused run takes a step."""

from __future__ import annotations

from streamweave_lab.engine.node_state import BUSY, IDLE, LARGEST_BATCH, Activity
from streamweave_lab.engine.source_state import AsyncSourceState, SourceState


class Gate:
    """Stands before one source during a step; open, it lets one turn through.

    A source whose gate is shut appears to have no input. What it has sent already, and its end, go on.
    """

    def __init__(self, source: SourceState) -> None:
        self.source = source
        self._own_limit = source.limit
        self._limit = 0
        self.before = vars(source).get("step")
        """What a drill has put before the source's turns; it is there again after the step."""
        source.assess = self._assess  # type: ignore[method-assign]
        source.step = self._step  # type: ignore[method-assign]

    def open(self, limit: int | None) -> None:
        """Let a batch through, of at most `limit` items."""
        self._limit = limit or (LARGEST_BATCH if isinstance(self.source, AsyncSourceState) else self._own_limit)

    def shut(self) -> None:
        """Let nothing through."""
        self._limit = 0
        self.source.core.touch(self.source.bit)

    def remove(self) -> None:
        """The source is as it was."""
        self.source.limit = self._own_limit
        del self.source.assess, self.source.step
        if self.before is not None:
            self.source.step = self.before  # type: ignore[method-assign]

    def _assess(self) -> Activity:
        activity = type(self.source).assess(self.source)
        return IDLE if activity is BUSY and not self._limit and not self._on_its_way() else activity

    def _step(self) -> int:
        source = self.source
        if not self._on_its_way():
            source.limit, self._limit = self._limit, 0
            if isinstance(source, AsyncSourceState):
                return source.send_some(source.limit)
        return type(source).step(source)

    def _on_its_way(self) -> bool:
        return self.source.finished or any(channel.waiting for channel in self.source.out_channels)
