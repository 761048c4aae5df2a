"""How long a process may take to end, and whether what would kill it waits for longer than that."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, isfinite

from streamweave_lab.errors import ConfigError


@dataclass(frozen=True)
class Budget:
    """What an orderly end takes at most, in seconds.

    Raises: ConfigError for what is negative or no number.
    """

    drain: float = 30.0
    """The drain's timeout: after it, what is left is dropped, and counted."""
    checkpoint: float = 30.0
    """For the last checkpoint, which is written after the drain."""
    pre_stop: int = 0
    """Whole seconds between the end being known to others and the signal."""
    margin: float = 5.0
    """For the process itself: to close what is open, and to exit."""

    def __post_init__(self) -> None:
        wrong = tuple(
            f"{what} = {seconds}: must be a number of seconds, 0 or more"
            for what, seconds in self.parts().items()
            if not (isfinite(seconds) and seconds >= 0)
        )
        if wrong:
            raise ConfigError("the time to end in", wrong)

    def parts(self) -> dict[str, float]:
        """Each part under the name people know it by."""
        return {
            "preStop": self.pre_stop,
            "drain timeout": self.drain,
            "checkpoint timeout": self.checkpoint,
            "margin": self.margin,
        }

    @property
    def seconds(self) -> float:
        """All parts together."""
        return sum(self.parts().values())

    def grace(self, asked: int | None = None) -> int:
        """The grace period to give, in whole seconds: `asked`, or the least that is longer than all parts together.

        Raises: ConfigError if `asked` is not longer: the process would be killed in the midst of its drain.
        """
        least = floor(self.seconds) + 1
        if asked is not None and asked < least:
            raise ConfigError("the time to end in", (f"{self._unfit(asked)}; {self._remedy(asked, least)}",))
        return least if asked is None else asked

    def _unfit(self, asked: int) -> str:
        sums = " + ".join(f"{what} {seconds:g} s" for what, seconds in self.parts().items())
        return f"a grace period of {asked} s is too short: {sums} = {self.seconds:g} s must be less than it"

    def _remedy(self, asked: int, least: int) -> str:
        room = asked - 1 - (self.seconds - self.drain)
        shorter = f", or a drain timeout of at most {room:g} s" if room > 0 else ""
        return f"give a grace period of at least {least} s{shorter}"


__all__ = ["Budget"]
