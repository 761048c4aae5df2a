"""What the verbs of a run answer: frozen reports."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamweave_lab.config.plan import Change


@dataclass(frozen=True)
class Drained:
    """The account of a drain."""

    complete: bool
    """Nothing was left behind: the drain dropped no item. Those that supervision or a node dropped before they could
    be finished are counted as `dropped` of their node in the Status."""
    seconds: float
    phases: dict[str, float]
    """Seconds spent in each phase, in order: readiness off, sources, in flight, windows, sinks, close."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Items that the drain left, by edge ("parse.out -> delays.in") and, for what a node held, by node name."""
    held_by: tuple[str, ...] = ()
    """The nodes that still had work when the time was up; not those that only waited for them."""
    problem: str | None = None
    """Why its last checkpoint was not written: who goes on from the store does again what came since the one before."""


@dataclass(frozen=True)
class Stopped:
    """The account of a stop: what was in flight is lost, and counted here as in `Drained.dropped`."""

    seconds: float
    dropped: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkpointed:
    """The outcome of a checkpoint, or of a suspend, which ends with one."""

    committed: bool
    """It is written, whole and durably."""
    id: int | None = None
    epoch: int | None = None
    """The epoch that it ends: it holds what came before that barrier, and nothing of what came after."""
    seconds: float = 0.0
    bytes: int = 0
    problem: str | None = None
    """Why it was not committed, and what to do."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Of a suspend that kept nothing: items that were left, by edge and node. Who goes on from an earlier checkpoint
    has those that came before it, and those that sources bring again."""


@dataclass(frozen=True)
class Reloaded:
    """The outcome of a change of configuration."""

    applied: bool
    """It is in force now."""
    version: int
    """The configuration version in force now."""
    epoch: int | None = None
    """The epoch since which a change that was applied holds in the whole graph."""
    changes: tuple[Change, ...] = ()
    refused: tuple[str, ...] = ()
    """Why it was refused, a sentence for each field, with its value and its limit; or why it was rolled back."""
    rolled_back: bool = False
    """It was applied, the run did worse, and the version before is in force again, under a new number."""
    verified: float = 0.0
    """Seconds for which the run was watched with it."""
    notes: tuple[str, ...] = ()
    """What else is to be known of it, such as a secret that was not brought back."""
