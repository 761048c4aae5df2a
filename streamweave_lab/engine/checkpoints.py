"""A run's checkpoints: what goes into one, how it is written off the loop, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.config.plan import differing
from streamweave_lab.engine.kept import Kept
from streamweave_lab.errors import StateError, StoreHeldError
from streamweave_lab.state.store import Checkpoint, Info, NodeState, Reason, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamweave_lab.config.model import Config
    from streamweave_lab.engine.reports import Checkpointed
    from streamweave_lab.graph.graph import Graph
    from streamweave_lab.graph.node import Node
    from streamweave_lab.state.place import Place


@dataclass
class Checkpoints:
    """Where a run keeps its checkpoints, how often, and what became of them."""

    store: Store
    every: float | None = None
    """Seconds between two, or None: only on demand, at suspend and at the end."""
    committed: int = 0
    failed: int = 0
    last_id: int | None = None
    problem: str | None = None
    """Why the last one was not committed; None if it was."""
    last_at: float | None = None
    """Wall time of the last one that was committed."""
    positions: Mapping[str, int] = field(default_factory=dict)
    """Of each source: items that the last one that was written holds."""

    _place: Place | None = None
    _over: bool = False
    _hold: Callable[[], Place] = field(init=False)

    def take(self, graph: str, alive: Callable[[], bool]) -> None:
        """Have the graph's place in the store, before anything is read there. Raises: StoreHeldError.

        Where that cannot be written now, the first checkpoint tries again and says so.
        """
        self._hold = partial(self.store.hold, graph, alive)
        try:
            self._place = self._hold()
        except StoreHeldError:
            raise
        except StateError:
            self._place = None

    @property
    def lost(self) -> bool:
        """The place has gone to another run, or with its file: nothing can be kept any more."""
        return self._place is not None and self._place.is_lost

    def leave(self) -> None:
        """Let another run have the place, when a write that is under way is over."""
        self._over = True
        if self._place is not None:
            self._place.leave()

    def write(self, graph: str, epoch: int, reason: Reason, kept: Mapping[str, Kept], config: Config | None) -> Info:
        """Encode and write one; from a worker thread. Raises: StateError, OSError."""
        checkpoint = Checkpoint(
            graph=graph,
            epoch=epoch,
            taken_at=SYSTEM_CLOCK.wall(),  # it is for people, also where the run's time is virtual
            reason=reason,
            nodes={name: _encoded(name, each) for name, each in kept.items()},
            positions={name: each.position for name, each in kept.items() if each.position is not None},
            config=None if config is None else config.public(),
            config_sha256=None if config is None else config.fingerprint(),
        )
        try:
            info = self._placed(graph).write(checkpoint)
        except (StateError, OSError):
            raise
        except Exception as error:  # a store of somebody else; the run goes on all the same
            raise StateError(f"{self.store!r}: {type(error).__name__}: {error}") from error
        self.positions = checkpoint.positions
        return info

    def _placed(self, graph: str) -> Place:
        if self._place is None:
            if self._over:
                raise StateError(f"{graph}: the run has ended before there was a place for it in its store")
            self._place = self._hold()
        return self._place

    def note(self, report: Checkpointed, wall: float) -> None:
        """Count one; `wall` is the wall time now."""
        self.problem = report.problem
        if report.committed:
            self.committed += 1
            self.last_id, self.last_at = report.id, wall
        else:
            self.failed += 1


@dataclass(frozen=True)
class Keeping:
    """What was asked for at the start: where and how often to keep state, and what to go on from.

    `resume` is True for the newest checkpoint of the store, if there is one; the id of one; or one itself.
    Raises: StateError for wishes that contradict each other.
    """

    store: Store | None = None
    every: float | None = None
    resume: bool | int | Checkpoint = False
    allow_changed: bool = False

    def __post_init__(self) -> None:
        if self.store is None and self.every is not None:
            raise StateError("checkpoint_every= needs a store=, such as sw.SqliteStore(path)")
        if self.store is None and isinstance(self.resume, int) and self.resume is not False:
            raise StateError("resume= needs a store=, such as sw.SqliteStore(path), or a checkpoint itself")
        if self.every is not None and not self.every > 0:
            raise StateError(f"checkpoint_every must be more than 0 seconds, not {self.every}")

    def checkpoints(self) -> Checkpoints | None:
        """Where the run will keep its state."""
        return None if self.store is None else Checkpoints(self.store, self.every)

    def resumed(self, graph: Graph, config: Config | None) -> Resume | None:
        """What `graph` goes on from with `config`; None to begin anew. Raises: StateError."""
        found = self._found(graph.name)
        if found is None:
            return None
        resume = resume_from(found, graph, allow_changed=self.allow_changed)
        secured = self.resume is True and not changed_nodes(found, graph)
        return replace(resume, secured=secured, differs=_differs(found, config))

    def _found(self, name: str) -> Checkpoint | None:
        if not isinstance(self.resume, int):
            return self.resume
        if self.store is None or self.resume is False:
            return None
        return self.store.latest(name) if self.resume is True else self.store.read(name, self.resume)


@dataclass(frozen=True)
class Resume:
    """What a run goes on from, and how to say so."""

    id: int
    kept: Mapping[str, Kept]
    told: str
    secured: bool = False
    """Who resumes again before the next checkpoint comes back to this one: it is the newest, and has the same nodes."""
    differs: str = ""
    """How the configuration differs from the one that was in force then, in a sentence; "" if it does not."""


def resume_from(checkpoint: Checkpoint, graph: Graph, *, allow_changed: bool) -> Resume:
    """Let `graph` go on from `checkpoint`. Raises: StateError, as `kept_in` does."""
    kept = kept_in(checkpoint, graph, allow_changed=allow_changed)
    changes = changed_nodes(checkpoint, graph)
    told = f"from checkpoint {checkpoint.id} of epoch {checkpoint.epoch}"
    if others := [other for name, each in kept.items() if (other := _other_kind(graph[name], each))]:
        changes.append(f"of another kind: {', '.join(others)}")
    more = [*(f"nodes {change}" for change in changes), *checkpoint.passed_over]
    return Resume(checkpoint.id, kept, "; ".join([told, *more]))


def _other_kind(node: Node, kept: Kept) -> str:
    """What a node is and was, where it goes on from state. A class may have been renamed; or not be the same at all."""
    was = kept.marks.get("kind", node.kind)
    return f"{node.name}, a {node.kind} that was a {was}" if was != node.kind and kept.state is not None else ""


def _differs(checkpoint: Checkpoint, config: Config | None) -> str:
    if checkpoint.config is None or (config is not None and config.fingerprint() == checkpoint.config_sha256):
        return ""
    if config is None:
        return f"checkpoint {checkpoint.id} was written with a configuration, and this run has none"
    told = "; ".join(differing(checkpoint.config, config.public()))
    return told and f"the configuration differs from that of checkpoint {checkpoint.id}: {told}"


class UnkeptError(StateError):
    """What a node's snapshot returned cannot be encoded; where in it that stands may quote items and keys."""

    def __init__(self, node: str, error: StateError) -> None:
        self.node = node
        super().__init__(f"{node}: {error}")


def _encoded(name: str, kept: Kept) -> NodeState:
    whole = {"state": kept.state, "marks": kept.marks, "position": kept.position}
    try:
        return NodeState.of(whole, kept.version, pickled=kept.pickled)
    except StateError as error:
        raise UnkeptError(name, error) from error


def _decoded(name: str, stored: NodeState, pickled: bool) -> Kept:
    try:
        whole: dict[str, Any] = stored.value(pickled=pickled)
    except StateError as error:
        raise StateError(f"{name}: {error}") from error
    return Kept(stored.version, whole["state"], whole["marks"], whole["position"], pickled)


def kept_in(checkpoint: Checkpoint, graph: Graph, *, allow_changed: bool) -> dict[str, Kept]:
    """What each node of `graph` goes on from.

    Raises: StateError if the checkpoint is another graph's, cannot be read, or has other nodes than `graph` and
    that is not allowed.
    """
    if checkpoint.graph != graph.name:
        raise StateError(f"checkpoint {checkpoint.id} is of graph {checkpoint.graph!r}, not of {graph.name!r}")
    if (changes := changed_nodes(checkpoint, graph)) and not allow_changed:
        raise StateError(
            f"checkpoint {checkpoint.id} of {graph.name!r} does not fit the graph: {'; '.join(changes)}; "
            f"pass allow_changed=True to let new nodes begin empty and forget the state of those that are gone"
        )
    return {
        name: _decoded(name, stored, graph[name].pickled_state)
        for name, stored in checkpoint.nodes.items()
        if name in graph.nodes
    }


def changed_nodes(checkpoint: Checkpoint, graph: Graph) -> list[str]:
    """How the nodes of `graph` differ from those of the checkpoint, a sentence for each way."""
    added = [name for name in graph.nodes if name not in checkpoint.nodes]
    removed = [name for name in checkpoint.nodes if name not in graph.nodes]
    told = []
    if added:
        told.append(f"new: {', '.join(added)}")
    if removed:
        told.append(f"gone: {', '.join(removed)}")
    return told
