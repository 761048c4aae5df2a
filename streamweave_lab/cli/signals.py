"""SIGINT and SIGTERM drain a run, or SIGTERM suspends it; a second one stops it, SIGHUP reloads its configuration.

A SIGTERM within half a second of the first is the same one, for `timeout` and who ends a group of processes send two.

For terminals and services; in a Jupyter kernel signals belong to Jupyter.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Literal

from streamweave_lab.engine.actor import acting
from streamweave_lab.engine.lifecycle import State
from streamweave_lab.engine.pulse import in_kernel
from streamweave_lab.engine.reports import Reloaded
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import IllegalMoveError
from streamweave_lab.ops.systemd.notify import notifier_of

Say = Callable[[str], None]
OnTerm = Literal["drain", "suspend"]

ENDING = [signal.SIGINT, signal.SIGTERM]
SAME_SECONDS = 0.5


@contextlib.contextmanager
def obeyed(
    run: LocalRun, drain_timeout: float, say: Say, verify: float = 0.0, on_term: OnTerm = "drain"
) -> Iterator[None]:
    """Within this, signals act on `run`, whose loop is the running one. `say` is told what is done, in a sentence.

    With `on_term="suspend"` SIGTERM keeps windows open, in a checkpoint; `run` needs a store.

    What they do is done by "signal SIGTERM" and so on, as events tell. Nothing is installed in a Jupyter kernel, on
    a thread other than the main one, and on Windows, whose loops know no signals.
    """
    if in_kernel() or threading.current_thread() is not threading.main_thread():
        yield
        return
    actions: dict[signal.Signals, Callable[[signal.Signals], None]] = dict.fromkeys(
        ENDING, _Ending(run, drain_timeout, say, on_term)
    )
    if hasattr(signal, "SIGHUP"):
        actions[signal.SIGHUP] = lambda _: _reload(run, say, verify)
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as undo:
        for number, act in actions.items():
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, act, number)
                undo.callback(loop.remove_signal_handler, number)
        yield


class _Ending:
    """The first signal drains, or suspends if it is SIGTERM and that is wanted; every other stops."""

    def __init__(self, run: LocalRun, drain_timeout: float, say: Say, on_term: OnTerm) -> None:
        self._run, self._drain_timeout, self._say, self._on_term = run, drain_timeout, say, on_term
        self._received = 0
        self._same_until = 0.0
        """Until when, by the loop's time, a SIGTERM is the first one again."""

    def __call__(self, number: signal.Signals) -> None:
        now = asyncio.get_running_loop().time()
        if number is signal.SIGTERM and now < self._same_until:
            return
        if number is signal.SIGTERM and self._received == 0:
            self._same_until = now + SAME_SECONDS
        self._received += 1
        with acting(f"signal {number.name}"), contextlib.suppress(IllegalMoveError):  # it has ended meanwhile
            if self._received == 1 and self._run.lifecycle.state is State.SUSPENDING:
                self._say(f"being suspended, at most {self._drain_timeout:g} s more; once more to stop at once")
                asyncio.get_running_loop().call_later(self._drain_timeout, self._stop)
            elif self._received == 1 and self._suspends(number):
                self._say(f"suspending, at most {self._drain_timeout:g} s; once more to stop at once")
                self._run.ask("suspend", timeout=self._drain_timeout)
            elif self._received == 1:
                self._say(f"draining, at most {self._drain_timeout:g} s; once more to stop at once")
                self._run.ask("drain", timeout=self._drain_timeout)
                if self._run.draining is not None:  # somebody has asked before, and may have left it more time
                    self._run.draining.hurry(self._drain_timeout)
            else:
                self._stop()

    def _suspends(self, number: signal.Signals) -> bool:
        """Not where somebody has asked for a drain before, or nothing has come in yet that could be kept."""
        may = self._run.lifecycle.state in (State.RUNNING, State.PAUSED)
        return may and self._on_term == "suspend" and number is signal.SIGTERM

    def _stop(self) -> None:
        if not self._run.lifecycle.over:
            self._say("stopping")
            self._run.ask("stop")


def _reload(run: LocalRun, say: Say, verify: float) -> None:
    notifier = notifier_of(run)
    if notifier is not None:
        notifier.reload_begins()

    def ended(sentence: str, refused: str = "") -> None:
        say(sentence)
        if notifier is not None:
            notifier.reload_ended(refused)

    def answered(asked: Future[Reloaded]) -> None:
        if asked.cancelled():  # with the loop, at its end
            return
        error = asked.exception()
        if error is not None:
            ended(str(error), str(error))
        elif refused := "; ".join(asked.result().refused):
            ended(f"reload refused: {refused}", refused)
        else:
            report = asked.result()
            changes = "; ".join(map(str, report.changes)) or "nothing changed"
            ended("; ".join([f"reloaded: {changes}", *report.notes]))

    try:
        with acting("signal SIGHUP"):
            run.ask("reload", verify=verify).add_done_callback(answered)
    except IllegalMoveError as error:
        ended(str(error), str(error))


__all__ = ["obeyed"]
