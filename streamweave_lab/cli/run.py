"""`streamweave-lab run`: a graph in this terminal, or as a service."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamweave_lab.cli.options import (
    SPEC,
    address_option,
    config_options,
    graph_argument,
    on_term_option,
    verify_option,
)
from streamweave_lab.cli.stores import HELP, KEEP

if TYPE_CHECKING:
    from streamweave_lab.ops.logs.log import Log
    from streamweave_lab.state.store import Store

CHECKPOINT_SECONDS = 30.0

EPILOG = """Exit codes: 0 finished, drained or suspended, 3 items were dropped, 70 failed, 75 could not start but may be
tried again, 78 bad configuration."""


@click.command(epilog=EPILOG, help=f"""Run a graph until its sources end, or a signal ends it.

{SPEC} Of a notebook those statements are carried out that the graph is made of; no run is started there.

Everything is validated first. Ctrl-C or SIGTERM drains the run: what is in flight is finished, and windows are closed.
With --on-term suspend SIGTERM keeps windows open, and a run with the same --checkpoint goes on with them. A second
signal stops it at once, and SIGHUP reads the configuration again.
""")  # fmt: skip
@graph_argument
@config_options
@click.option("--checkpoint", metavar="PATH", help=f"Keep state here, and go on from the newest checkpoint. {HELP}")
@click.option(
    "--checkpoint-every",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Seconds between two checkpoints; default: 30.",
)
@click.option(
    "--keep", type=click.IntRange(min=1), metavar="N", help=f"How many checkpoints stay, the newest; default: {KEEP}."
)
@click.option(
    "--resume", type=click.IntRange(min=1), metavar="ID", help="Go on from this checkpoint rather than the newest."
)
@click.option(
    "--fresh", is_flag=True,
    help="Begin anew, whatever checkpoints there are; they stay until newer ones push them out of --keep.",
)  # fmt: skip
@click.option("--allow-changed", is_flag=True, help="Go on also where the graph has other nodes than the checkpoint.")
@address_option("Answer probes, metrics and controls over HTTP here; 0: any port.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The token that lets others look and act; made (readable only by you) if it is missing.",
)
@click.option("--tls-cert", type=click.Path(path_type=Path), metavar="FILE", help="Serve with this certificate (PEM).")
@click.option("--tls-key", type=click.Path(path_type=Path), metavar="FILE", help="The certificate's key (PEM).")
@click.option(
    "--export", "collector",
    metavar="URL",
    help="Push the metrics to this OpenTelemetry collector, by OTLP over HTTP; env: as the OTEL_* variables say.",
)  # fmt: skip
@click.option("--watch-config", is_flag=True, help="Reload whenever the file, or that of a secret, has changed.")
@verify_option
@click.option(
    "--history",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keep a journal of configuration versions here, for `config history` and `config rollback`.",
)
@click.option(
    "--log",
    metavar="LEVEL[,PROFILE][:PATH]",
    help="Events as JSON lines, to stderr or a file, such as info,ecs:run.jsonl; or STREAMWEAVE_LOG, or the "
    "configuration's LogSettings.",
)
@click.option(
    "--drain-timeout", type=click.FloatRange(min=0), default=30.0, show_default=True, metavar="SECONDS",
    help="How long a drain, or a suspend, may take that a signal asks for.",
)  # fmt: skip
@on_term_option
def run(spec: str, file: Path | None, config_class: str | None, log: str | None, **options: Any) -> None:
    # What `--help` shows is above; click would reflow this.
    """Run a graph."""
    _check(options)
    from streamweave_lab.cli.checking import checked
    from streamweave_lab.cli.headless import Headless
    from streamweave_lab.cli.loading import load
    from streamweave_lab.cli.outcome import exit_code, sentence
    from streamweave_lab.ops.logs.log import as_configured
    from streamweave_lab.ops.logs.steady import steady_stderr

    steady_stderr()  # a service goes on where nobody can be told how
    target = load(spec, config_class)
    with ExitStack() as undo:
        store = _store(options)
        if store is not None:
            undo.callback(store.close)
        graph, config = checked(target, file, config_class, store)
        events = as_configured(config, sys.stderr, {"STREAMWEAVE_LOG": log} if log else os.environ)
        if events is not None:
            undo.callback(events.close)
        headless = Headless(
            graph, config, store, _every(options), _resume(options),
            options["allow_changed"], _serving(options), options["drain_timeout"], options["history"],
            options["watch_config"], options["verify"] or 0.0, options["on_term"], options["collector"],
        )  # fmt: skip
        console = _console(events)
        ended = asyncio.run(headless.carry_out(console))
    if not console.quiet:
        click.echo(sentence(ended.status(), ended.dropped), err=True)
    sys.exit(exit_code(ended.status(), ended.dropped))


def _check(options: dict[str, Any]) -> None:
    """Raises: UsageError for options that say nothing without another."""
    keeping = ("checkpoint_every", "keep", "fresh", "resume", "allow_changed")
    needs = {"checkpoint": keeping, "serve": ("token_file", "tls_cert")}
    for base, others in needs.items():
        for other in others:
            if options[other] and not options[base]:
                raise click.UsageError(f"--{other.replace('_', '-')} goes with --{base}")
    if options["on_term"] == "suspend" and not options["checkpoint"]:
        raise click.UsageError("--on-term suspend goes with --checkpoint, where it keeps the state")
    if options["fresh"] and options["resume"]:
        raise click.UsageError("--fresh begins anew, and --resume goes on; give one of them")
    if bool(options["tls_cert"]) != bool(options["tls_key"]):
        raise click.UsageError("--tls-cert and --tls-key go together")
    if options["collector"] not in (None, "env"):
        from streamweave_lab.ops.metrics.telemetry import target

        try:
            target(options["collector"])
        except ValueError as error:
            raise click.UsageError(f"--export: {error}") from error


def _store(options: dict[str, Any]) -> Store | None:
    from streamweave_lab.cli.stores import store_at

    return None if options["checkpoint"] is None else store_at(options["checkpoint"], options["keep"] or KEEP)


def _resume(options: dict[str, Any]) -> bool | int:
    """What to go on from: the checkpoint that is named, else the newest, if there is one."""
    chosen: int | None = options["resume"]
    return chosen or (options["checkpoint"] is not None and not options["fresh"])


def _every(options: dict[str, Any]) -> float | None:
    return (options["checkpoint_every"] or CHECKPOINT_SECONDS) if options["checkpoint"] else None


def _serving(options: dict[str, Any]) -> Any:
    if options["serve"] is None:
        return None
    from streamweave_lab.cli.serving import Serving, made_if_missing

    (host, port), token_file = options["serve"], options["token_file"]
    if token_file is not None and made_if_missing(token_file):
        click.echo(f"a new token is in {token_file}", err=True)
    return Serving(host, port, token_file, options["tls_cert"], options["tls_key"])


def _console(log: Log | None) -> Any:
    """Stderr; nothing where the log goes there, one JSON object a line."""
    from rich.console import Console

    return Console(stderr=True, quiet=log is not None and log.sink is sys.stderr and log.level != "off")


__all__ = ["run"]
