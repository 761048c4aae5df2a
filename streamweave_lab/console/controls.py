"""What the buttons do: ask the run through its thread-safe door, and tell what came of it."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from streamweave_lab.console.columns import text
from streamweave_lab.engine.actor import acting
from streamweave_lab.errors import ConfigError, IllegalMoveError, StreamweaveError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from concurrent.futures import Future

    from streamweave_lab.config.plan import Change, Plan
    from streamweave_lab.engine.protocol import Run

Answer = dict[str, Any]

_ALREADY = {"pause": "paused", "resume": "running"}
"""The state in which a verb has nothing left to do: to press it again is no mistake."""


class Controls:
    """The buttons of one console. `press` may be called from any thread, and twice without harm.

    Nothing here waits: a run of another process may take its time to answer.
    """

    def __init__(self, run: Run, loop: AbstractEventLoop, answer: Callable[[Answer], None]) -> None:
        self._run, self._loop, self._answer = run, loop, answer
        self._pressed: set[str] = set()
        self._shown: Plan | None = None

    def press(self, message: dict[str, Any]) -> None:
        """Queue what a button asks for, and say so at once. The outcome follows, from the loop, under the same id."""
        verb, press = message["do"], str(message["id"])
        if press in self._pressed:
            return
        self._pressed.add(press)
        self._answer({"answer": press, "verb": verb, "stage": "queued"})
        match verb:
            case "drain" | "suspend":
                self._ask(press, verb, self._tell, timeout=_seconds(message.get("timeout", 30.0)))
            case "stop" | "pause" | "resume" | "step" | "checkpoint":
                self._ask(press, verb, self._tell)
            case "reload-plan":
                self._ask(press, "plan", self._show)
            case "reload-apply":
                self._ask(press, "plan", self._apply)
            case _:
                self._refuse(press, str(verb), f"there is no control {verb!r}")

    def _ask(self, press: str, verb: Any, then: Callable[[str, str, Future[Any]], None], **kwargs: Any) -> None:
        """Ask the run, and on the loop let `then` tell what came of it."""

        def over(future: Future[Any]) -> None:
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(then, press, verb, future)

        try:
            with acting("button"):
                asked = self._run.ask(verb, **kwargs)
        except StreamweaveError as error:
            self._refuse(press, verb, str(error))
        else:
            asked.add_done_callback(over)

    def _tell(self, press: str, verb: str, future: Future[Any]) -> None:
        if future.cancelled():
            self._refuse(press, verb, "it was called off: the run ended first")
        elif (error := future.exception()) is None:
            self._done(press, verb, plain(future.result()))
        elif isinstance(error, IllegalMoveError) and _ALREADY.get(verb) == error.state:
            self._done(press, verb, None)
        else:
            self._refuse(press, verb, str(error) or repr(error))

    def _show(self, press: str, _: str, future: Future[Any]) -> None:
        """Show what a reload would change, or what is wrong with it."""
        error = None if future.cancelled() else future.exception()
        if isinstance(error, ConfigError):
            self._done(press, "reload-plan", {"source": error.source, "refused": list(error.problems), "changes": []})
            return
        if error is None and not future.cancelled():
            self._shown = future.result()
        self._tell(press, "reload-plan", future)

    def _apply(self, press: str, verb: str, future: Future[Any]) -> None:
        """Reload, if what would change is still what was shown; else show it anew."""
        failed = future.cancelled() or future.exception() is not None
        if self._shown is None or failed or future.result() != self._shown:
            self._show(press, verb, future)
        else:
            self._ask(press, "reload", self._tell)

    def _done(self, press: str, verb: str, report: Any) -> None:
        self._answer({"answer": press, "verb": verb, "stage": "done", "report": report})

    def _refuse(self, press: str, verb: str, reason: str) -> None:
        self._answer({"answer": press, "verb": verb, "stage": "refused", "reason": reason})


def plain(report: Any) -> Any:
    """A report as JSON has it; values of configuration as they are shown."""
    if not is_dataclass(report) or isinstance(report, type):
        return None
    shown = asdict(report)
    if "changes" in shown:
        shown["changes"] = [_plain_change(change) for change in report.changes]  # type: ignore[attr-defined]
    return shown


def _plain_change(change: Change) -> dict[str, Any]:
    return {"field": change.field, "old": text(change.old), "new": text(change.new), "live": change.live}


def _seconds(asked: Any) -> float:
    return min(max(float(asked), 0.0), 3600.0)
