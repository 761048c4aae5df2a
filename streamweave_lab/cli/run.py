"""`streamweave-lab run`: a graph in this terminal, or as a service."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamweave_lab.cli.options import SPEC, config_options, graph_argument
from streamweave_lab.cli.run_options import check_options, resume_of, run_options
from streamweave_lab.cli.stores import KEEP

if TYPE_CHECKING:
    from streamweave_lab.ops.logs.log import Log
    from streamweave_lab.state.store import Store

CHECKPOINT_SECONDS = 30.0

EPILOG = """Exit codes: 0 finished, drained or suspended, 3 items were dropped, 70 failed, 75 could not start but may be
tried again (and, with --to-end, drained, suspended or stopped), 78 bad configuration."""


@click.command(epilog=EPILOG, help=f"""Run a graph until its sources end, or a signal ends it.

{SPEC} Of a notebook those statements are carried out that the graph is made of; no run is started there.

Everything is validated first. Ctrl-C or SIGTERM drains the run: what is in flight is finished, and windows are closed.
With --on-term suspend SIGTERM keeps windows open, and a run with the same --checkpoint goes on with them. A second
signal stops it at once (a SIGTERM: half a second after the first, or later), and SIGHUP reads the configuration again.
""")  # fmt: skip
@graph_argument
@config_options
@run_options
def run(spec: str, file: Path | None, config_class: str | None, **options: Any) -> None:
    # What `--help` shows is above; click would reflow this.
    """Run a graph."""
    check_options(options)
    from streamweave_lab.cli.checking import checked
    from streamweave_lab.cli.headless import Headless
    from streamweave_lab.cli.loading import load
    from streamweave_lab.cli.outcome import exit_code, sentence
    from streamweave_lab.ops.logs.log import as_configured
    from streamweave_lab.ops.logs.settings import VARIABLE
    from streamweave_lab.ops.logs.steady import steady_stderr

    steady_stderr()  # a service goes on where nobody can be told how
    target = load(spec, config_class)
    with ExitStack() as undo:
        store = _store(options)
        if store is not None:
            undo.callback(store.close)
        graph, config = checked(target, file, config_class, store, resume_of(options))
        # A configuration says how a service logs; who looks on at a terminal has to ask for JSON.
        looked_at = sys.stderr.isatty() and VARIABLE not in os.environ
        said = "--log" if options["log"] else f"environment {VARIABLE}"
        events = as_configured(config, None if looked_at else sys.stderr, source=said)
        if events is not None:
            undo.callback(events.close)
        headless = Headless(
            graph, config, store, _every(options), resume_of(options),
            options["allow_changed"], _serving(options), options["drain_timeout"], options["history"],
            options["watch_config"], options["verify"] or 0.0, options["on_term"], options["collector"],
        )  # fmt: skip
        console = _console(events)
        ended = asyncio.run(headless.carry_out(console))
    if not console.quiet:
        click.echo(sentence(ended.status(), ended.dropped), err=True)
    sys.exit(exit_code(ended.status(), ended.dropped, to_end=options["to_end"]))


def _store(options: dict[str, Any]) -> Store | None:
    from streamweave_lab.cli.stores import store_at

    return None if options["checkpoint"] is None else store_at(options["checkpoint"], options["keep"] or KEEP)


def _every(options: dict[str, Any]) -> float | None:
    return (options["checkpoint_every"] or CHECKPOINT_SECONDS) if options["checkpoint"] else None


def _serving(options: dict[str, Any]) -> Any:
    if options["serve"] is None:
        return None
    from streamweave_lab.cli.serving import Serving, made_if_missing

    (host, port), token_file = options["serve"], options["token_file"]
    made = token_file is not None and made_if_missing(token_file)
    return Serving(host, port, token_file, options["tls_cert"], options["tls_key"], made)


def _console(log: Log | None) -> Any:
    """Stderr; nothing where the log goes there, one JSON object a line."""
    from rich.console import Console

    return Console(stderr=True, quiet=log is not None and log.sink is sys.stderr and log.level != "off")


__all__ = ["run"]
