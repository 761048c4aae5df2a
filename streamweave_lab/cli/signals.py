"""SIGINT and SIGTERM drain a run, a second one stops it, SIGHUP reloads its configuration.

For terminals and services; in a Jupyter kernel signals belong to Jupyter.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

from streamweave_lab.engine.run import LocalRun

ENDING = [signal.SIGINT, signal.SIGTERM]


@contextlib.contextmanager
def obeyed(run: LocalRun, drain_timeout: float, say: Callable[[str], None]) -> Iterator[None]:
    """Within this, signals act on `run`, whose loop is the running one. `say` is told what is done, in a sentence."""
    loop = asyncio.get_running_loop()
    received = 0

    def end() -> None:
        nonlocal received
        received += 1
        if received == 1:
            say(f"draining, at most {drain_timeout:g} s; once more to stop at once")
            run.ask("drain", timeout=drain_timeout)
        else:
            say("stopping")
            run.ask("stop")

    actions: dict[int, Callable[[], object]] = dict.fromkeys(ENDING, end)
    if hasattr(signal, "SIGHUP"):
        actions[signal.SIGHUP] = lambda: _reload(run, say)
    with contextlib.ExitStack() as undo:
        for number, act in actions.items():
            with contextlib.suppress(NotImplementedError):  # Windows' loops know no signals
                loop.add_signal_handler(number, act)
                undo.callback(loop.remove_signal_handler, number)
        yield


def _reload(run: LocalRun, say: Callable[[str], None]) -> None:
    asked = run.ask("reload")
    asked.add_done_callback(
        lambda done: say(_outcome(done.result()) if done.exception() is None else str(done.exception()))
    )


def _outcome(report: object) -> str:
    refused = getattr(report, "refused", ())
    changes = "; ".join(map(str, getattr(report, "changes", ()))) or "nothing changed"
    return "reload refused: " + "; ".join(refused) if refused else f"reloaded: {changes}"


__all__ = ["obeyed"]
