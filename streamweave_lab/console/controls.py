"""What the buttons do: ask the run through its thread-safe door, and tell what came of it."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from streamweave_lab.console.columns import text
from streamweave_lab.errors import ConfigError, IllegalMoveError, StateError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from concurrent.futures import Future

    from streamweave_lab.config.plan import Change, Plan
    from streamweave_lab.engine.run import LocalRun

Answer = dict[str, Any]

_ALREADY = {"pause": "paused", "resume": "running"}
"""The state in which a verb has nothing left to do: to press it again is no mistake."""


class Controls:
    """The buttons of one console. `press` may be called from any thread, and twice without harm."""

    def __init__(self, run: LocalRun, loop: AbstractEventLoop, answer: Callable[[Answer], None]) -> None:
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
                self._ask(press, verb, timeout=_seconds(message.get("timeout", 30.0)))
            case "stop" | "pause" | "resume" | "step" | "checkpoint":
                self._ask(press, verb)
            case "reload-plan":
                self._loop.call_soon_threadsafe(self._plan, press)
            case "reload-apply":
                self._loop.call_soon_threadsafe(self._apply, press)
            case _:
                self._refuse(press, str(verb), f"there is no control {verb!r}")

    def _ask(self, press: str, verb: Any, **kwargs: Any) -> None:
        def over(future: Future[Any]) -> None:
            self._loop.call_soon_threadsafe(self._tell, press, verb, future)

        try:
            self._run.ask(verb, **kwargs).add_done_callback(over)
        except (IllegalMoveError, StateError) as error:
            self._refuse(press, verb, str(error))

    def _tell(self, press: str, verb: str, future: Future[Any]) -> None:
        if future.cancelled():
            self._refuse(press, verb, "it was called off: the run ended first")
        elif (error := future.exception()) is None:
            self._answer({"answer": press, "verb": verb, "stage": "done", "report": plain(future.result())})
        elif isinstance(error, IllegalMoveError) and _ALREADY.get(verb) == error.state:
            self._answer({"answer": press, "verb": verb, "stage": "done", "report": None})
        else:
            self._refuse(press, verb, str(error) or repr(error))

    def _plan(self, press: str) -> None:
        """Show what a reload would change. On the loop."""
        try:
            self._shown = self._run.plan_reload()
        except ConfigError as error:
            report = {"source": error.source, "refused": list(error.problems), "changes": []}
            self._answer({"answer": press, "verb": "reload-plan", "stage": "done", "report": report})
        except Exception as error:  # a source that cannot be read must not take the loop's handler with it
            self._refuse(press, "reload-plan", str(error) or repr(error))
        else:
            self._answer({"answer": press, "verb": "reload-plan", "stage": "done", "report": plain(self._shown)})

    def _apply(self, press: str) -> None:
        """Reload, if what would change is still what was shown; else show it anew. On the loop."""
        shown = self._shown
        try:
            same = shown is not None and self._run.plan_reload() == shown
        except Exception:
            same = False
        if same:
            self._ask(press, "reload")
        else:
            self._plan(press)

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
