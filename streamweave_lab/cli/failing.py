"""What goes wrong in a command: a sentence on stderr with the remedy, and a code that says whose turn it is."""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

from streamweave_lab.cli.outcome import Exit
from streamweave_lab.cli.spec import LoadError
from streamweave_lab.errors import (
    ConfigError,
    GraphError,
    MissingExtraError,
    NotAllowedError,
    RunFailedError,
    StateError,
    StoreHeldError,
    StreamweaveError,
)

IN_OPTIONS = {
    r"start without resume=": "start with --fresh",
    r"token_file=": "--token-file FILE",
    r"as token=": "with --token-file FILE",
    r"allow_changed=True": "--allow-changed",
    r"pass store= to start": "start it with --checkpoint PATH",
    r"pass config= to start": "start it with --config FILE",
    r"load it with \w+\.load\(path\) to reload it": "start it with --config FILE to reload it",
    r"start it with a configuration from Config\.load\(path\)": "start it with --config FILE",
    r"with verify=": "with --ca FILE",
    r"give port=0 to take a free one": "take a free one with --serve 0",
}
"""What a message says to who writes Python, and what to who writes a command."""


_LASTING = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
"""What no time mends: somebody has to move, make or allow something first."""


@contextmanager
def failing() -> Iterator[None]:
    """Within this, an error of ours or of the system ends the process with its sentence and its code."""
    try:
        yield
    except ConfigError as error:
        fail(listed(error.source, error.problems), code_of(error))
    except BrokenPipeError:
        raise  # the reader of our output has gone away: click ends in silence
    except (StreamweaveError, OSError) as error:
        fail(said(error), code_of(error))


def fail(message: str, code: Exit) -> NoReturn:
    """Say why, and end the process."""
    click.echo(f"streamweave-lab: {in_options(message)}", err=True)
    sys.exit(code)


def in_options(message: str) -> str:
    """A message in the words of the command line."""
    for python, option in IN_OPTIONS.items():
        message = re.sub(python, option, message)
    return message


def listed(source: str, problems: tuple[str, ...]) -> str:
    """All problems: one beside its source, several below it."""
    if len(problems) == 1:
        return str(ConfigError(source, problems))
    return "\n".join([f"{source}: {len(problems)} problems", *(f"  - {problem}" for problem in problems)])


def said(error: Exception) -> str:
    """What the error says; of the system's own errors without their number."""
    if isinstance(error, OSError) and not isinstance(error, StreamweaveError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def code_of(error: Exception) -> Exit:
    """Bad configuration where somebody must change something first; try again where time may help."""
    if isinstance(error, StateError | LoadError):
        may_pass = isinstance(error.__cause__, OSError | sqlite3.OperationalError)
        lasts = isinstance(error.__cause__, _LASTING) and not isinstance(error, StoreHeldError)
        return Exit.TRY_AGAIN if may_pass and not lasts else Exit.BAD_CONFIG
    if isinstance(error, ConfigError):
        from streamweave_lab.config.problems import passing

        return Exit.TRY_AGAIN if passing(error.problems) else Exit.BAD_CONFIG
    if isinstance(error, GraphError | NotAllowedError):
        return Exit.BAD_CONFIG
    cause = error.error if isinstance(error, RunFailedError) else error  # it failed before it had begun
    if isinstance(cause, _LASTING):
        return Exit.BAD_CONFIG
    return Exit.TRY_AGAIN if isinstance(cause, MissingExtraError | OSError) else Exit.FAILED


__all__ = ["code_of", "fail", "failing", "in_options", "listed", "said"]
