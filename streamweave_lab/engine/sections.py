"""The sections of a Status that are about the run as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from streamweave_lab.config.model import live_in
from streamweave_lab.engine.status import AwaitedStatus, CheckpointStatus, ConfigStatus

if TYPE_CHECKING:
    from streamweave_lab.config.model import Config
    from streamweave_lab.engine.execution import Execution


def config_status(run: Execution) -> ConfigStatus | None:
    """The configuration in force, without its secrets."""
    if run.config is None:
        return None
    key = (run.config_version, run.last_reload_at, *run.reloads.values())
    kept = _CONFIGS.get(run)
    if kept is None or kept[0] != key:
        kept = _CONFIGS[run] = key, _config(run, run.config)
    return kept[1]


_CONFIGS: WeakKeyDictionary[Execution, tuple[Any, ConfigStatus]] = WeakKeyDictionary()
"""Kept until it changes: to fingerprint a configuration takes as long as all else in a Status together."""


def _config(run: Execution, config: Config) -> ConfigStatus:
    return ConfigStatus(
        version=run.config_version,
        schema_version=type(config).schema_version,
        epoch=run.config_epoch,
        sha256=config.fingerprint(),
        values=config.public(),
        sources=config.provenance(),
        live=live_in(config),
        reloads=dict(run.reloads),
        last_reload_successful=run.last_reload_successful,
        last_reload_at=run.last_reload_at,
    )


def checkpoint_status(run: Execution) -> CheckpointStatus | None:
    """The checkpoints of a run that has a store."""
    kept = run.checkpoints
    if kept is None:
        return None
    return CheckpointStatus.of(
        every=kept.every,
        committed=kept.committed,
        failed=kept.failed,
        last_id=kept.last_id,
        last_at=kept.last_at,
        problem=kept.problem,
        resumed_from=run.resume_from and run.resume_from.id,
        positions=dict(kept.positions) or _resumed_at(run),
    )


def _resumed_at(run: Execution) -> dict[str, int]:
    kept = {} if run.resume_from is None else run.resume_from.kept
    return {name: each.position for name, each in kept.items() if each.position is not None}


def awaited_status(run: Execution, now: float) -> AwaitedStatus | None:
    """The barrier that is under way, and who has not met it."""
    found = run.awaited
    if found is None:
        return None
    return AwaitedStatus.of(purpose=found.purpose, seconds=max(0.0, now - found.since), nodes=found.nodes)
