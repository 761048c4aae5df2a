"""Checkpoints, and what a place that keeps them promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from streamweave_lab.errors import StateError
from streamweave_lab.state.codec import decode, decode_pickled, encode, encode_pickled

if TYPE_CHECKING:
    from streamweave_lab.state.place import Place

FORMAT_VERSION = 1
"""The version of the layout of checkpoints that is written, and the newest that is read."""

Reason = Literal["start", "interval", "demand", "suspend", "drain", "end"]


@dataclass(frozen=True, slots=True)
class NodeState:
    """One node's snapshot, encoded. `version` is the node's `state_version`, `encoding` "msgpack" or "pickle"."""

    version: int
    encoding: str
    data: bytes = field(repr=False)

    @classmethod
    def of(cls, value: Any, version: int = 1, *, pickled: bool = False) -> NodeState:
        """The snapshot `value`, encoded; with pickle where the node says so. Raises: StateError."""
        if pickled:
            return cls(version, "pickle", encode_pickled(value))
        return cls(version, "msgpack", encode(value))

    def value(self, *, pickled: bool = False) -> Any:
        """The snapshot again. Pickled state is read only where `pickled` is true. Raises: StateError."""
        if self.encoding == "pickle" and pickled:
            return decode_pickled(self.data)
        if self.encoding in ("msgpack", "pickle"):
            return decode(self.data)
        raise StateError(f"this state is encoded as {self.encoding!r}, which is not known here")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All a graph must know to go on: one consistent cut through it.

    `taken_at` is seconds since 1970-01-01 UTC. `positions` says for each source how many items it had brought in.
    `config` holds public values only, ready for JSON. An `id` of 0 lets the store give the next one.
    """

    graph: str
    epoch: int
    taken_at: float
    nodes: Mapping[str, NodeState] = field(default_factory=dict)
    positions: Mapping[str, int] = field(default_factory=dict)
    config: Mapping[str, Any] | None = None
    config_sha256: str | None = None
    reason: Reason = "demand"
    id: int = 0
    format_version: int = FORMAT_VERSION
    passed_over: tuple[str, ...] = ()
    """Of what `Store.latest` returns: a sentence for each newer checkpoint that is damaged. It is not stored."""

    @property
    def bytes(self) -> int:
        """The size of the state of all nodes, in bytes."""
        return sum(len(state.data) for state in self.nodes.values())


@dataclass(frozen=True, slots=True)
class Info:
    """What a list of checkpoints says about one. One with `problems` is never gone on from.

    `taken_at` is seconds since 1970-01-01 UTC, 0.0 where it cannot be read; `bytes` the size of the state of all nodes.
    """

    id: int
    taken_at: float
    bytes: int
    reason: str
    epoch: int = 0
    problems: tuple[str, ...] = ()


@runtime_checkable
class Store(Protocol):
    """A place where the checkpoints of graphs are kept. All methods block, and may be called from any thread.

    Ids grow, within a store and over its whole life: no id is given twice, also after checkpoints were pruned.
    """

    def write(self, checkpoint: Checkpoint) -> Info:
        """Keep it, durably: it is there whole when this returns, and not at all if it raises or the process dies.

        Then older ones beyond what is to be kept are pruned. An id other than 0 must be newer than all there are.

        Raises: StateError if it cannot be written.
        """

    def latest(self, graph: str) -> Checkpoint | None:
        """The newest checkpoint of `graph` that is whole; None where none was ever completed.

        Raises: StateError if there are some, and every one of them is damaged: to begin anew must be a decision; and if
        one cannot be read now, for the disk, a lock or a permission: that it is damaged is not known then.
        """

    def read(self, graph: str, id: int) -> Checkpoint:  # noqa: A002 - it is called that
        """The checkpoint with that id. Raises: StateError naming what is damaged, or the ids there are."""

    def list(self, graph: str) -> tuple[Info, ...]:
        """All checkpoints of `graph`, each verified, the newest first."""

    def verify(self, graph: str, id: int) -> tuple[str, ...]:  # noqa: A002 - as read
        """A sentence for everything that is wrong with it, such as that it is not there; empty if it is whole."""

    def prune(self, graph: str, keep: int) -> tuple[int, ...]:
        """Delete all but the newest `keep` (at least 1) whole ones and what is newer than these; the deleted ids."""

    def hold(self, graph: str, alive: Callable[[], bool] = ...) -> Place:
        """Take the place of `graph` here: until it is left, no other run keeps state of that graph with one.

        A run writes through its place. `alive` says whether the run goes on; one that does not gives way at once,
        and so does one whose process is gone, where that can be known; else when a time is over that is documented.

        Raises: StoreHeldError, naming who has it, while that run goes on; StateError if it cannot be written.
        """

    def close(self) -> None:
        """Release what is held open. What was written stays."""
