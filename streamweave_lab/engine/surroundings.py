"""What a core needs around it: a place where it runs, and somebody who hears what happens in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from streamweave_lab.graph.batch import Failure


class Alarm(Protocol):
    """A call that is to come."""

    def cancel(self) -> None:
        """Let it not come."""


class Host(Protocol):
    """What a core needs of the place where it runs."""

    occupied: int
    """Not 0 while the core must wait for its turn; else whoever brings work may `hurry`, and have it done at once."""

    def wake(self) -> None:
        """There is work: see to it that the core gets a turn."""

    def hurry(self) -> None:
        """As `wake`, but at once where the host is not occupied."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Alarm:
        """Call back at `when`, on the core's clock."""


class Listener(Protocol):
    """Who hears what happens in a core; the Run."""

    def told(
        self, event: str, message: str, *, level: str = "info", node: str | None = None, port: str | None = None
    ) -> None:
        """Something happened."""

    def confirmed(self, node: int, epoch: int) -> None:
        """A node has met the barrier of an epoch."""

    def node_ended(self, node: int) -> None:
        """A node has ended."""

    def failed(self, node: str, item: Any, error: BaseException, why: str = "") -> None:
        """A node has failed, and with it the run; `why` it was not let go on."""

    def refused(self, failure: Failure[Any]) -> None:
        """An item has left by an error port."""

    def skipped(self, failure: Failure[Any]) -> None:
        """An item was dropped, for its node failed and is supervised."""

    def drain_asked(self) -> None:
        """A node has stopped, and with it the run is to be drained."""
