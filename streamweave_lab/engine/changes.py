"""Changes of a run's configuration: each is proposed, applied on a barrier, verified if asked, and kept in history."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from streamweave_lab.clock import VirtualClock
from streamweave_lab.config.history import History, Version
from streamweave_lab.config.model import Config
from streamweave_lab.config.plan import Plan, planned_from
from streamweave_lab.config.restore import restored, secrets_that_differ
from streamweave_lab.engine.actor import actor
from streamweave_lab.engine.lifecycle import State
from streamweave_lab.engine.reports import Reloaded
from streamweave_lab.engine.verify import Health, Verdict, health, since, watched
from streamweave_lab.errors import ConfigError
from streamweave_lab.graph.batch import Barrier

if TYPE_CHECKING:
    from streamweave_lab.config.plan import Change
    from streamweave_lab.engine.execution import Execution


@dataclass(frozen=True)
class Wanted:
    """A change that somebody asks for. The configuration is made when its turn has come, from the one then in force."""

    make: Callable[[Config], Config]
    restores: int | None = None
    notes: tuple[str, ...] = ()


class Changes:
    """The changes of one run's configuration, one after another."""

    def __init__(self, run: Execution) -> None:
        self._run = run
        self.history = History()
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._expected: Config | None = None
        """What will be in force if all that is under way and waiting comes to pass."""
        self._last = Health()
        """How the run did when its configuration was last changed."""
        if run.config is not None:
            self.history.put(self.described("started", run.config, version=1, epoch=0), run.config)

    async def carry_out(self, wanted: Wanted, verify: float) -> Reloaded:
        """Apply what is wanted, or refuse it whole; then verify it for so many seconds."""
        if reasons := tuple(self._not_now()):
            return await self._refused(reasons, wrong=False)
        if self._turn.locked() and (never := self._never(wanted)) is not None:
            return await self._refused(never.refused, never.changes)
        # To cancel the waiting must not make the run forget a barrier that is under way.
        return await asyncio.shield(asyncio.ensure_future(self._in_turn(wanted, verify)))

    async def go_back(self, number: int | None, verify: float) -> Reloaded:
        """Bring back the values of version `number`, or of the one before that in force."""
        run = self._run
        if reasons := tuple(self._not_now()):
            return await self._refused(reasons, wrong=False)
        try:
            target = self.history.of(self.history.before(run.config_version) if number is None else number)
        except ConfigError as error:  # no configuration was refused: there is none of that number
            return Reloaded(False, run.config_version, refused=error.problems)

        def again(present: Config) -> Config:
            return restored(present, target, self.history.config_of(target))[0]

        assert run.config is not None  # noqa: S101 - `_not_now` has looked
        try:
            _, notes = restored(run.config, target, self.history.config_of(target))
        except ConfigError as error:
            return await self._refused(error.problems)
        return await self.carry_out(Wanted(again, target.version, notes), verify)

    def described(self, outcome: str, config: Config | None, **facts: object) -> Version:
        """A new place in the history, for who asks now."""
        asks = actor()
        if config is not None:
            facts = {
                "schema_version": type(config).schema_version, "fingerprint": config.fingerprint(),
                "values": config.public(), "sources": config.provenance(),
            } | facts  # fmt: skip
        at = self._run.core.clock.wall()
        known = {"version": None, "who": asks.who, "why": asks.why, "request_id": asks.request_id} | facts
        return Version(id=self.history.next_id(), outcome=outcome, at=at, **known)  # type: ignore[arg-type]

    # Inside

    def _never(self, wanted: Wanted) -> Plan | None:
        """Why it need not wait for its turn: it is wrong with what is in force, and with what will be."""
        assert self._run.config is not None  # noqa: S101 - `_not_now` has looked
        new, planned = planned_from(wanted.make, self._expected or self._run.config)
        if planned.refused:
            new, planned = planned_from(wanted.make, self._run.config)
        if planned.refused:
            return planned
        self._expected = new
        return None

    async def _in_turn(self, wanted: Wanted, verify: float) -> Reloaded:
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            before = since(self._last, health(self._run))
            present, number = self._run.config, self._run.config_version
            report = await self._change(wanted)
            if not report.applied or report.version == number or verify <= 0 or present is None:
                return report
            return await self._verified(report, before, verify, present, number)
        finally:
            self._turn.release()

    async def _change(self, wanted: Wanted) -> Reloaded:
        run = self._run
        if reasons := tuple(self._not_now()):
            return await self._refused(reasons, wrong=False)
        assert run.config is not None  # noqa: S101 - else there was a reason
        new, planned = planned_from(wanted.make, run.config)
        if not self._waiting:
            self._expected = new
        if planned.refused:
            return await self._refused(planned.refused, planned.changes)
        if new == run.config and wanted.restores is None:
            return self._unchanged(new, planned.notes)
        proposed = self.described(
            "proposed", new, version=run.config_version + 1, changes=planned.changes,
            restores=wanted.restores, notes=(*wanted.notes, *planned.notes),
        )  # fmt: skip
        await self._keep(proposed, new)
        return await self._passed(proposed, new, planned)

    async def _passed(self, proposed: Version, new: Config, planned: Plan) -> Reloaded:
        run = self._run
        run.secrets.learn(new)  # before the first node has it
        async with run.changing, run.ending_for("configuration"):
            reasons = not_now = tuple(self._not_now())
            epoch = None if reasons else await run.let_pass(partial(Barrier, config=new))
            if not reasons and (epoch is None or not run.epochs.met):
                how = "ended" if run.failure is None else "failed"
                when = "it was applied" if epoch is None else f"every node had met epoch {epoch}"
                reasons = (f"the run {how} before {when}",)
            if not reasons and epoch is not None:
                self._in_force(proposed, new, epoch)
        if reasons or epoch is None:
            return await self._refused(reasons, planned.changes, proposed, wrong=not not_now)
        await self._keep(replace(proposed, outcome="applied", epoch=epoch))
        return Reloaded(True, run.config_version, epoch, planned.changes, notes=proposed.notes)

    def _in_force(self, version: Version, new: Config, epoch: int) -> None:
        """Before anything else can happen on the loop."""
        run = self._run
        run.config, run.config_epoch = new, epoch
        self._last = health(run)
        run.config_version = version.version or run.config_version
        run.reloads["rolled_back" if version.restores else "applied"] += 1
        run.last_reload_successful, run.last_reload_at = True, run.core.clock.wall()
        event = "config.rolled_back" if version.restores else "config.applied"
        back = f" with the values of version {version.restores}" if version.restores else ""
        said = "; ".join([*map(str, version.changes), *version.notes]) or "nothing changed"
        run.told(event, f"version {run.config_version} active since epoch {epoch}{back}: {said}")

    def _unchanged(self, new: Config, notes: tuple[str, ...]) -> Reloaded:
        """The same values, perhaps from other places: no node needs to hear of it."""
        run = self._run
        run.config = new
        run.reloads["applied"] += 1
        run.last_reload_successful, run.last_reload_at = True, run.core.clock.wall()
        run.told("config.unchanged", "; ".join([f"version {run.config_version} stays: nothing changed", *notes]))
        return Reloaded(True, run.config_version, run.config_epoch, notes=notes)

    async def _verified(
        self, report: Reloaded, before: Health, seconds: float, present: Config, number: int
    ) -> Reloaded:
        run = self._run
        verdict = await watched(run, before, seconds, lambda: self._waiting > 0)
        report = replace(report, verified=verdict.seconds)
        if verdict.cut_short:
            return replace(report, notes=(*report.notes, f"not watched to the end: {verdict.cut_short}"))
        if not verdict.worse:
            return report
        version = self.history.of(report.version)
        if run.lifecycle.over:
            after = f"the run failed {verdict.seconds:.1f} s after version {report.version} was applied"
            reasons = (after, *verdict.worse, f"start it again with the values of version {number}")
            await self._keep(replace(version, outcome="failed", notes=(*version.notes, *reasons)))
            return replace(report, applied=False, refused=reasons)
        return await self._put_back(report, verdict, present, number)

    async def _put_back(self, report: Reloaded, verdict: Verdict, present: Config, number: int) -> Reloaded:
        """Roll back what made the run do worse, by the same road; secrets too, as they were right a moment ago."""
        run, bad = self._run, self.history.of(report.version)
        reasons = (*verdict.worse, f"so version {bad.version} was rolled back after {verdict.seconds:.1f} s")
        assert run.config is not None  # noqa: S101 - it has just been changed
        secrets = tuple(f"{name} went back too" for name in secrets_that_differ(run.config, present))
        back = await self._change(Wanted(lambda _: present, number, (*reasons, *secrets)))
        run.last_reload_successful = False
        if not back.applied:
            problems = ("it could not be rolled back: " + "; ".join(back.refused),)
            await self._keep(replace(bad, notes=(*bad.notes, *verdict.worse, *problems)))
            return replace(report, refused=(*verdict.worse, *problems), version=run.config_version)
        await self._keep(replace(bad, outcome="rolled_back", notes=(*bad.notes, *reasons)))
        return replace(
            back, applied=False, rolled_back=True, changes=report.changes, refused=reasons,
            notes=(*report.notes, *secrets), verified=verdict.seconds,
        )  # fmt: skip

    def _not_now(self) -> Iterable[str]:
        """Why the run takes no configuration, whatever is in it."""
        state = self._run.lifecycle.state
        if self._run.config is None:
            yield "it was started without a configuration; pass config= to start"
        elif state is State.PAUSED:
            yield "the run is paused, and takes no configuration meanwhile; resume it first, then ask again"
        elif state is not State.RUNNING:
            yield f"the run is {state.value}; a configuration is applied while it runs"

    async def _refused(
        self, reasons: tuple[str, ...], changes: tuple[Change, ...] = (), proposed: Version | None = None, *,
        wrong: bool = True,
    ) -> Reloaded:  # fmt: skip
        """Only what is `wrong` with a configuration is counted, and raises the alarm."""
        run = self._run
        if wrong:
            run.reloads["rejected"] += 1
            run.last_reload_successful = False
        run.told("config.rejected" if wrong else "config.not_applied", "; ".join(reasons), level="warning")
        version = proposed or self.described("refused", None, changes=changes)
        await self._keep(replace(version, outcome="refused", version=None, notes=(*version.notes, *reasons)))
        return Reloaded(False, run.config_version, None, changes, reasons)

    async def _keep(self, version: Version, config: Config | None = None) -> None:
        """Into the history; durably, if there is a journal. What goes wrong with that does not stop a change."""
        run, keeper = self._run, self.history.keeper
        self.history.put(version, config)
        if keeper is None:
            return
        try:
            # A verb of a run that has ended must not wait for anything; virtual time would run away meanwhile.
            if run.settled or isinstance(run.core.clock, VirtualClock):
                keeper(version)
            else:
                await asyncio.to_thread(keeper, version)
        except Exception as error:
            run.told("config.journal_failed", f"not written to {self.history.place}: {error}", level="error")


__all__ = ["Changes", "Wanted"]
