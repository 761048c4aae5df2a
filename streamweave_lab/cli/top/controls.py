"""What keys do: they ask first, and tell in the last line what came of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from rich.text import Text

from streamweave_lab.cli.top.parts import plain
from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.config.plan import Plan
from streamweave_lab.engine.protocol import Run, Verb
from streamweave_lab.engine.reports import Drained, Reloaded
from streamweave_lab.engine.status import Status
from streamweave_lab.engine.status_text import lost

SAID_LASTS = 15.0
"""Seconds for which the last line tells what came of a key."""

OVER = ("stopped", "failed")
HELP = (("d", "drain"), ("p", "pause"), ("r", "reload"), ("c", "checkpoint"), ("q", "quit"))


class Controls:
    """Keys for one run. `press` returns at once; what is asked of the run is answered when it is answered."""

    def __init__(self, run: Run, drain_timeout: float) -> None:
        self._run, self._drain_timeout = run, drain_timeout
        self._question, self._yes = "", _nothing
        self._said, self._bad, self._said_at = "", False, 0.0
        self._asked = 0

    def press(self, key: str) -> bool:
        """Do what `key` says. Returns False to leave; the run goes on."""
        if self._question:
            act, self._question = self._yes, ""
            self._say("") if key in ("y", "Y") else self._say("not done")
            if key in ("y", "Y"):
                act()
            return True
        actions = {"d": self._drain, "p": self._pause, "r": self._reload, "c": self._checkpoint}
        actions.get(key, _nothing)()
        return key not in ("q", "Q", "", "\x03", "\x1b")

    def footer(self) -> Text:
        """The last line: a question; or the keys and what came of the last one; or what an ended run came to."""
        if self._question:
            return _line(f" y: yes  {plain(self._question)} ", "bold black on yellow")
        status = self._run.status()
        if status.state in OVER:
            return _keys([("q", "quit")]).append(*_end(status))
        resumes = status.state == "paused"
        if (
            self._said and SYSTEM_CLOCK.now() - self._said_at < SAID_LASTS
        ):  # then there is no room for what everybody has read
            line = _keys([(key, "") for key, _ in HELP])
            return line.append(plain(self._said), "bold red" if self._bad else "bold")
        return _keys([(key, "resume" if resumes and what == "pause" else what) for key, what in HELP])

    # What can be done

    def _drain(self) -> None:
        if not self._is_over():
            seconds = f"{self._drain_timeout:g}"
            question = f"Drain {self._run.name} and end it, within {seconds} s? What is left then is dropped."
            self._ask(question, lambda: self._do("drain", "draining", timeout=self._drain_timeout))

    def _pause(self) -> None:
        if self._run.status().state == "paused":
            self._do("resume", "resuming", lambda _: self._say("resumed"))
        elif not self._is_over():
            question = f"Pause {self._run.name}? Nothing flows until it is resumed."
            self._ask(question, lambda: self._do("pause", "pausing", lambda _: self._say("paused")))

    def _checkpoint(self) -> None:
        if not self._is_over():
            self._do("checkpoint", "taking a checkpoint")

    def _reload(self) -> None:
        """First what it would change: nobody should say yes to what they have not seen."""
        if not self._is_over():
            self._do("plan", "reading the configuration", self._planned)

    def _planned(self, plan: Plan) -> None:
        if plan.refused:
            self._say("would be refused: " + "; ".join(plan.refused), bad=True)
        elif not plan.changes:
            self._say("; ".join(["the configuration has not changed", *plan.notes]))
        else:
            self._ask(
                f"Reload? {'; '.join(map(str, (*plan.changes, *plan.notes)))}.", lambda: self._do("reload", "reloading")
            )

    def _is_over(self) -> bool:
        over = self._run.status().state in OVER
        if over:
            self._say("the run has ended")
        return over

    def _ask(self, question: str, yes: Callable[[], None]) -> None:
        self._question, self._yes = question, yes

    def _do(self, verb: Verb, meanwhile: str, then: Callable[[Any], None] | None = None, **how: Any) -> None:
        self._say(f"{meanwhile} …")
        self._asked += 1
        mine = self._asked

        def answered(future: Future[Any]) -> None:
            if mine == self._asked:  # else something newer was asked for
                error = future.exception()
                if error is not None:
                    self._say(str(error), bad=True)
                else:
                    (then or self._reported)(future.result())

        self._run.ask(verb, **how).add_done_callback(answered)

    def _reported(self, report: object) -> None:
        self._say(*outcome(report))

    def _say(self, said: str, bad: bool = False) -> None:
        self._said, self._bad, self._said_at = said, bad, SYSTEM_CLOCK.now()


def outcome(report: object) -> tuple[str, bool]:
    """What a report comes to, in a sentence, and whether that is bad."""
    if isinstance(report, Drained):
        dropped = sum(report.dropped.values())
        return f"drained in {report.seconds:.1f} s, {dropped:,} items dropped", not report.complete
    if isinstance(report, Reloaded):
        if report.refused:
            return "refused: " + "; ".join(report.refused), True
        return f"configuration {report.version} is in force", False
    problem = getattr(report, "problem", None)
    if problem:
        return str(problem), True
    kept = getattr(report, "id", None)
    return (f"checkpoint {kept} is kept", False) if kept is not None else ("done", False)


def _keys(there: list[tuple[str, str]]) -> Text:
    line = _line("")
    for key, what in there:
        line.append(f" {key} ", "reverse").append(f" {what}  " if what else " ")
    return line


def _line(text: str, style: str = "") -> Text:
    return Text(text, style, no_wrap=True, overflow="ellipsis")


def _end(status: Status) -> tuple[str, str]:
    """What an ended run came to, and how that is shown."""
    dropped = lost(status)
    if status.state == "failed":
        return "the run has failed", "bold red"
    how = f"was drained in {status.drain.seconds:.1f} s" if status.drain else "has ended"
    left = f"{dropped:,} items were dropped" if dropped else "nothing was dropped"
    return f"the run {how}; {left}", "bold red" if dropped else "bold"


def _nothing() -> None:
    """For keys that mean nothing."""


__all__ = ["Controls", "outcome"]
