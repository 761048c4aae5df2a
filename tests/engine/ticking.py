"""A source that keeps pace with the clock, also after a resume."""

from streamweave_lab.graph.source import Poll, Wait
from streamweave_lab.operators import Replay


class Ticking(Replay[int]):
    """One item a second."""

    def opened(self) -> None:
        super().opened()
        self.seek(0)

    def seek(self, position: int) -> None:
        super().seek(position)
        self.base = self.clock.now() - position

    def poll(self, limit: int) -> Poll[int]:
        due = self.base + self.position - self.clock.now()
        return super().poll(1) if due <= 0 else Wait(due)


def ticks(end: int = 1000) -> Ticking:
    return Ticking("ticks", range(end), time=float)
