"""Status: the one document that everything which looks at a run reads."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict

from streamweave_lab.engine.status_text import text_of

STATUS_VERSION = 1

T = TypeVar("T")

_set = object.__setattr__  # the documents are frozen

RunState = Literal["created", "starting", "running", "paused", "draining", "suspending", "stopped", "failed"]
NodeState = Literal["idle", "busy", "blocked", "ended", "failed"]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)

    _all_fields: ClassVar[set[str]]

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls._all_fields = set(cls.model_fields)

    @classmethod
    def of(cls, **values: Any) -> Self:
        """A document of what the engine itself has counted: every field, in order, and nothing of it checked.

        As `model_construct`, which takes four times as long; to validate takes twice as long, and the console
        pays it on the kernel's loop.
        """
        made = cls.__new__(cls)
        _set(made, "__dict__", values)
        _set(made, "__pydantic_fields_set__", cls._all_fields)
        _set(made, "__pydantic_extra__", None)
        _set(made, "__pydantic_private__", None)
        return made


class NodeStatus(_Document):
    """One node. Seconds since the run began; items since the run began; event times in seconds."""

    name: str
    kind: str
    role: Literal["source", "step", "sink"]
    state: NodeState
    items_in: dict[str, int]
    """Items received, by input port."""
    items_out: dict[str, int]
    """Items sent, by output port."""
    errors: int = 0
    late: int = 0
    """Items that came behind the frontier, whether the port `late` is wired or not."""
    dropped: int = 0
    """Late items that left the graph because the port `late` is not wired."""
    held: int = 0
    """Items received and kept back at the moment: open windows, work in flight, output waiting for room."""
    restarts: int = 0
    busy_seconds: float = 0.0
    """Seconds in which it had items and room for what comes of them."""
    blocked_seconds: float = 0.0
    idle_seconds: float = 0.0
    run_seconds: float = 0.0
    """Seconds in which it was at work itself; the rest of `busy_seconds` it waited for its turn. Its turns on the loop
    count, and the time in which what it awaits, or its workers, had items. By this it is judged how busy a node is."""
    frontier: float | None = None
    newest: float | None = None
    """The newest event time seen."""
    position: int | None = None
    """Of a source: items brought in so far."""
    backlog: int | None = None
    """Of a source: items known to be waiting outside."""
    total: int | None = None
    """Of a source: items there are altogether."""
    guarantee: str | None = None
    """Of a sink: how often an item takes effect when a run goes on from a checkpoint, such as "effectively once"."""
    quiet_seconds: float | None = None
    """Of a source that still runs: seconds since it last brought in an item, or since the run began."""
    resting_seconds: float | None = None
    """Of a node that has failed and rests: seconds until it begins again."""
    oldest_seconds: float | None = None
    """Of a node whose logic is awaited: how long it has had the item that has been in flight longest."""
    workers_lost: int | None = None
    """Of a Map with worker processes: how many have died, or were killed, and were replaced."""
    partly_late: int | None = None
    """Of a Window: items too late for some of their sliding windows, and in time for others; not among `late`."""


class EdgeStatus(_Document):
    """One edge and its channel. Items, unless seconds."""

    source: str
    """The output port, as "parse.out"."""
    target: str
    """The input port, as "delays.in"."""
    queued: int
    capacity: int
    peak: int
    sent: int
    received: int
    dropped: int = 0
    blocked_seconds: float = 0.0
    """Time the sender has spent waiting for room, the wait in progress included."""
    blocked: bool = False
    """The sender waits for room now."""
    frontier: float | None = None


class ConfigStatus(_Document):
    """The configuration in force. Secrets appear as `**********`."""

    version: int
    schema_version: int
    epoch: int
    """The epoch since which it holds in the whole graph."""
    sha256: str
    values: dict[str, Any]
    sources: dict[str, str]
    """Where each value comes from: "default", "file flights.toml", "environment STREAMWEAVE_…", "runtime"."""
    live: tuple[str, ...] = ()
    """The settings that can be changed while the run goes on, by dotted name."""
    reloads: dict[str, int]
    """How many changes were `applied`, `rejected`, `rolled_back`."""
    last_reload_successful: bool | None = None
    last_reload_at: float | None = None
    """Wall time of the last successful reload."""


class EventStatus(_Document):
    """Something that happened, newest first in the Status. `at` is wall time in seconds."""

    at: float
    event: str
    """A name in snake.case, such as "node.failed"."""
    level: Literal["info", "warning", "error"]
    message: str
    node: str | None = None
    port: str | None = None
    item: str | None = None
    """Of a failure: as much of the item as the graph's `redact` lets be seen."""
    traceback: str | None = None
    """Of a failure: where it was raised."""
    by: str | None = None
    """Who asked for what led to it, such as "button", "http" or "signal SIGHUP"; None where nobody did."""
    why: str | None = None
    """Why they asked for it, in their own words; None where they did not say."""
    request_id: str | None = None
    """The id of the request that led to it."""


class LoopStatus(_Document):
    """The event loop the run lives on."""

    lag_seconds: float = 0.0
    """How late the loop's last heartbeat was."""
    stalled_seconds: float = 0.0
    """How long the loop has now not answered; 0 while it does."""
    longest_stall_seconds: float = 0.0
    blocked_by: str | None = None
    """What held the loop during its last stall: a node's name, or "a cell"."""


class CheckpointStatus(_Document):
    """The checkpoints of a run, where it has a store."""

    every: float | None
    """Seconds between two; None where they are taken only on demand, at a suspend and at the end."""
    committed: int
    failed: int
    last_id: int | None
    """The newest that this run has committed."""
    last_at: float | None
    """Wall time of that, in seconds."""
    problem: str | None
    """Why the last one was not committed; None if it was."""
    resumed_from: int | None
    """The checkpoint that this run has gone on from."""
    positions: dict[str, int] = {}
    """Of each source: items that are in the newest checkpoint, or in the one that the run has gone on from."""


class AwaitedStatus(_Document):
    """A barrier that goes through the graph, and who has not met it."""

    purpose: Literal["checkpoint", "configuration", "suspend"]
    """What comes of it."""
    seconds: float
    """Since it was sent."""
    nodes: tuple[str, ...]
    """The nodes that it waits for; none where all have met it, and the checkpoint is being written."""


class DrainStatus(_Document):
    """The progress, and then the account, of a drain."""

    phase: str
    complete: bool
    seconds: float
    dropped: dict[str, int]


class PauseStatus(_Document):
    """What a pause costs so far."""

    seconds: float
    grown: dict[str, int]
    """Items by which the backlogs of sources have grown since the pause began; only sources that know theirs."""


class Status(_Document):
    """What a run is at one moment: frozen, complete, and JSON-serialisable (`model_dump_json()`).

    As text it is a few lines without clocks and rates: `print(run.status())`.
    """

    status_version: int = STATUS_VERSION
    graph: str
    state: RunState
    ready: bool
    reasons: tuple[str, ...]
    """Why the run is not ready; empty when it is."""
    host: str
    """Where it runs: "loop", "thread" or "virtual"."""
    taken_at: float
    """Wall time of this document, in seconds."""
    started_at: float | None = None
    ended_at: float | None = None
    uptime: float = 0.0
    frontier: float | None = None
    """Completed event time in seconds: the minimum over the sinks; None while there is none."""
    frontier_held_by: str | None = None
    """The node that holds the frontier back."""
    lag: float | None = None
    """Newest event time seen minus frontier, in seconds."""
    bottleneck: str | None = None
    """The node that slows the graph down, in one sentence; None if nothing waits."""
    config: ConfigStatus | None = None
    nodes: tuple[NodeStatus, ...]
    """In topological order, sources first."""
    edges: tuple[EdgeStatus, ...]
    events: tuple[EventStatus, ...] = ()
    loop: LoopStatus = LoopStatus()
    drain: DrainStatus | None = None
    checkpoint: CheckpointStatus | None = None
    pause: PauseStatus | None = None
    """Only while the run is paused."""
    epoch: int = 0
    awaited: AwaitedStatus | None = None
    """Only while a checkpoint or a change of configuration is under way."""
    stale_seconds: float | None = None
    """Of a run of another process that does not answer: how long ago it was last heard of. All else is as it was then,
    but `ready` and `reasons`. None while it answers."""

    def __str__(self) -> str:
        return text_of(self)

    __repr__ = __str__

    def node(self, name: str) -> NodeStatus:
        """The node named `name`. Raises: KeyError."""
        return _found(name, {node.name: node for node in self.nodes})

    def edge(self, source: str, target: str) -> EdgeStatus:
        """The edge from port `source` to port `target`, such as ("parse.out", "delays.in"). Raises: KeyError."""
        return _found(f"{source} -> {target}", {f"{edge.source} -> {edge.target}": edge for edge in self.edges})


def _found(name: str, there: dict[str, T]) -> T:
    if name not in there:
        raise KeyError(f"there is no {name!r}; there is {', '.join(there)}")
    return there[name]
