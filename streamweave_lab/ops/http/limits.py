"""How much a server lets be asked of it."""

from __future__ import annotations

from dataclasses import dataclass

from streamweave_lab.ops.health import SILENT


@dataclass(frozen=True)
class Limits:
    """What one server bears. Beyond it whoever asks is refused, and the run goes on."""

    body: int = 65_536
    """Bytes of a request's body."""
    head: int = 16_384
    """Bytes of a request's line and headers."""
    rate: float = 100.0
    """Requests a second from one address, probes apart."""
    burst: int = 400
    """Requests from one address that may come at once."""
    wrong_tokens: float = 1.0
    """Wrong tokens a second from one address."""
    wrong_burst: int = 20
    """Wrong tokens from one address that may come at once."""
    connections: int = 512
    """At the same time. For one more the oldest is closed that has not sent a request, or does not take its answer."""
    streams: int = 64
    """Readers of events at the same time."""
    running: int = 32
    """Operations that have not ended at the same time."""
    silent: float = SILENT
    """Seconds without a heartbeat of the run's loop after which /live says that only a restart would help."""
    read_seconds: float = 10.0
    """Within which a request must have arrived whole."""
    write_seconds: float = 10.0
    """Within which a client must go on taking in its answer."""


class Allowance:
    """A bucket of tokens for each address: `rate` a second flow in, and at most `burst` are kept.

    It knows at most `addresses` addresses; the one that has been silent longest is forgotten first.
    """

    def __init__(self, rate: float, burst: int, addresses: int = 4096) -> None:
        self._rate, self._burst, self._addresses = rate, burst, addresses
        self._left: dict[str, tuple[float, float]] = {}

    def spend(self, address: str, now: float) -> float:
        """Take one. Returns: 0.0, or the seconds after which there will be one again."""
        left, at = self._left.pop(address, (float(self._burst), now))
        left = min(float(self._burst), left + (now - at) * self._rate)
        wait = 0.0 if left >= 1.0 else (1.0 - left) / self._rate
        self._left[address] = (left if wait else left - 1.0, now)
        if len(self._left) > self._addresses:
            del self._left[next(iter(self._left))]
        return wait


__all__ = ["Allowance", "Limits"]
