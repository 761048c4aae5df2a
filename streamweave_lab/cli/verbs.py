"""`drain`, `suspend`, `stop`, `pause`, `resume`, `reload`, `checkpoint`: what can be asked of a run elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamweave_lab.cli.failing import fail, in_options
from streamweave_lab.cli.options import json_option, process, process_options, verify_option, why_option
from streamweave_lab.cli.outcome import Exit
from streamweave_lab.cli.printing import put_json

if TYPE_CHECKING:
    from streamweave_lab.engine.protocol import Verb
    from streamweave_lab.engine.reports import Checkpointed, Drained, Reloaded, Stopped
    from streamweave_lab.remote.run import RemoteRun

LOOK_SECONDS = 0.5
Told = Callable[[Any], tuple[str, Exit]]

_timeout = click.option(
    "--timeout", type=click.FloatRange(min=0), default=30.0, show_default=True, metavar="SECONDS",
    help="After this it is ended by force, and what was left is told.",
)  # fmt: skip


@click.command()
@process_options
@why_option
@_timeout
@json_option
def drain(
    url: str | None, token_file: Path | None, ca: Path | None, why: str, timeout: float, as_json: bool
) -> None:  # fmt: skip
    """Let a run take in nothing new, finish what is in flight, close windows, flush sinks, and end.

    Exit codes: 0 everything was finished, 3 the time was up and items were dropped.
    """
    ask(process(url, token_file, ca), "drain", as_json, _drained, why=why, timeout=timeout)


@click.command()
@process_options
@why_option
@_timeout
@json_option
def suspend(
    url: str | None, token_file: Path | None, ca: Path | None, why: str, timeout: float, as_json: bool
) -> None:  # fmt: skip
    """Let a run keep its state in a checkpoint, windows still open, and end; `run --checkpoint` goes on from there.

    Exit codes: 0 the checkpoint is written, 70 it is not.
    """
    ask(process(url, token_file, ca), "suspend", as_json, _checkpointed, why=why, timeout=timeout)


@click.command()
@process_options
@why_option
@json_option
def stop(url: str | None, token_file: Path | None, ca: Path | None, why: str, as_json: bool) -> None:
    """End a run now. What is in flight is lost, and counted; `drain` loses nothing.

    Exit codes: 0 nothing was dropped, 3 items were dropped.
    """
    ask(process(url, token_file, ca), "stop", as_json, _stopped, why=why)


@click.command()
@process_options
@why_option
def pause(url: str | None, token_file: Path | None, ca: Path | None, why: str) -> None:
    """Let nothing flow in a run until `resume`."""
    ask(process(url, token_file, ca), "pause", False, lambda _: ("paused", Exit.DRAINED), why=why)


@click.command()
@process_options
@why_option
def resume(url: str | None, token_file: Path | None, ca: Path | None, why: str) -> None:
    """Let a paused run go on."""
    ask(process(url, token_file, ca), "resume", False, lambda _: ("flowing again", Exit.DRAINED), why=why)


@click.command()
@process_options
@why_option
@verify_option
@json_option
def reload(
    url: str | None, token_file: Path | None, ca: Path | None, why: str, verify: float | None, as_json: bool
) -> None:  # fmt: skip
    """Let a run read its configuration again, and apply what has changed, or refuse it whole.

    `config diff --url` shows before what would change. Exit codes: 0 applied, 78 refused.
    """
    ask(process(url, token_file, ca), "reload", as_json, reloaded, why=why, verify=verify)


@click.command()
@process_options
@why_option
@json_option
def checkpoint(url: str | None, token_file: Path | None, ca: Path | None, why: str, as_json: bool) -> None:
    """Let a run keep its state now, in the store it was started with.

    Exit codes: 0 the checkpoint is written, 70 it is not.
    """
    ask(process(url, token_file, ca), "checkpoint", as_json, _checkpointed, why=why)


def ask(run: RemoteRun, verb: Verb, as_json: bool, told: Told, **said: Any) -> None:
    """Ask, wait, say what came of it, and end the process with its code."""
    report = awaited(run, run.ask(verb, **{name: value for name, value in said.items() if value not in ("", None)}))
    sentence, code = told(report)
    if as_json:
        put_json(report)
    else:
        click.echo(f"{run.name}: {in_options(sentence)}")
    sys.exit(code)


def awaited(run: RemoteRun, asked: Future[Any]) -> Any:
    """The report. On a terminal the phases of a drain are told meanwhile."""
    phase = ""
    while True:
        try:
            return asked.result(LOOK_SECONDS)
        except TimeoutError:
            if asked.done():
                raise
            status = run.status()
            if status.drain is not None and status.drain.phase != phase and sys.stderr.isatty():
                phase = status.drain.phase
                click.echo(f"{run.name}: {phase}", err=True)
        except KeyboardInterrupt:
            fail(f"{run.name} was asked, and goes on doing it; `status` shows how far it is", Exit.FAILED)


def reloaded(report: Reloaded) -> tuple[str, Exit]:
    """What came of a change of configuration."""
    changes, reasons, notes = (_below(lines) for lines in (report.changes, report.refused, report.notes))
    if report.rolled_back:
        said = f"rolled back after {report.verified:.1f} s, version {report.version} is in force with what was before"
        return f"{said}:{reasons}{notes}", Exit.BAD_CONFIG
    if not report.applied:
        return f"refused, version {report.version} stays in force:{reasons}{notes}", Exit.BAD_CONFIG
    return f"version {report.version} is in force{changes or '; nothing has changed'}{notes}", Exit.DRAINED


def _below(lines: Iterable[object]) -> str:
    return "".join(f"\n  {line}" for line in lines)


def _drained(report: Drained) -> tuple[str, Exit]:
    if report.complete and report.problem:
        said = f"drained in {report.seconds:.1f} s; nothing was dropped, but no checkpoint holds its end"
        return f"{said}: {report.problem}", Exit.FAILED
    if report.complete:
        return f"drained in {report.seconds:.1f} s; nothing was dropped", Exit.DRAINED
    holders = f"; held by {', '.join(report.held_by)}" if report.held_by else ""
    return f"ended by force after {report.seconds:.1f} s{_lost(report.dropped)}{holders}", Exit.DROPPED


def _stopped(report: Stopped) -> tuple[str, Exit]:
    code = Exit.DROPPED if any(report.dropped.values()) else Exit.DRAINED
    return f"stopped{_lost(report.dropped)}", code


def _checkpointed(report: Checkpointed) -> tuple[str, Exit]:
    if report.committed:
        return f"checkpoint {report.id} is written: all before epoch {report.epoch}", Exit.DRAINED
    return f"no checkpoint: {report.problem}{_lost(report.dropped)}", Exit.FAILED


def _lost(dropped: dict[str, int]) -> str:
    lost = ", ".join(f"{items:,} in {place}" for place, items in dropped.items() if items)
    return f"; dropped: {lost}" if lost else "; nothing was dropped"


__all__ = ["ask", "awaited", "checkpoint", "drain", "pause", "reload", "reloaded", "resume", "stop", "suspend"]
