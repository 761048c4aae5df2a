"""What `run` is told of its surroundings beside the configuration; `validate` looks at the same."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from streamweave_lab.cli.options import F, address_option, on_term_option, verify_option
from streamweave_lab.cli.stores import HELP, KEEP
from streamweave_lab.errors import ConfigError

_OPTIONS = (
    click.option("--checkpoint", metavar="PATH", help=f"Keep state here, and go on from the newest checkpoint. {HELP}"),
    click.option(
        "--checkpoint-every",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="Seconds between two checkpoints; default: 30.",
    ),
    click.option(
        "--keep",
        type=click.IntRange(min=1),
        metavar="N",
        help=f"How many checkpoints stay, the newest; default: {KEEP}.",
    ),
    click.option(
        "--resume", type=click.IntRange(min=1), metavar="ID", help="Go on from this checkpoint rather than the newest."
    ),
    click.option(
        "--fresh",
        is_flag=True,
        help="Begin anew, whatever checkpoints there are; they stay until newer ones push them out of --keep.",
    ),
    click.option(
        "--allow-changed", is_flag=True, help="Go on also where the graph has other nodes than the checkpoint."
    ),
    address_option("Answer probes, metrics and controls over HTTP here; 0: any port."),
    click.option(
        "--token-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The token that lets others look and act; made (readable only by you) if it is missing.",
    ),
    click.option(
        "--tls-cert", type=click.Path(path_type=Path), metavar="FILE", help="Serve with this certificate (PEM)."
    ),
    click.option("--tls-key", type=click.Path(path_type=Path), metavar="FILE", help="The certificate's key (PEM)."),
    click.option(
        "--export",
        "collector",
        metavar="URL",
        help="Push the metrics to this OpenTelemetry collector, by OTLP over HTTP; env: as the OTEL_* variables say.",
    ),
    click.option("--watch-config", is_flag=True, help="Reload whenever the file, or that of a secret, has changed."),
    verify_option,
    click.option(
        "--history",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Keep a journal of configuration versions here, for `config history` and `config rollback`.",
    ),
    click.option(
        "--log",
        metavar="LEVEL[,PROFILE][:PATH]",
        help="Events as JSON lines, to stderr or a file, such as info,ecs:run.jsonl; or STREAMWEAVE_LOG, or the "
        "configuration's LogSettings, which at a terminal needs a path.",
    ),
    click.option(
        "--drain-timeout",
        type=click.FloatRange(min=0),
        default=30.0,
        show_default=True,
        metavar="SECONDS",
        help="How long a drain, or a suspend, may take that a signal asks for.",
    ),
    on_term_option,
    click.option(
        "--to-end",
        is_flag=True,
        help="Exit with 75, not 0, where something else than the end of its sources ends the run: for a job that is "
        "done only then.",
    ),
)


def run_options(command: F) -> F:
    """All of them, in this order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def check_options(options: dict[str, Any]) -> None:
    """Raises: UsageError for options that say nothing, or nothing without another."""
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
    if options["log"] is not None:
        _set_log(options["log"])
    if options["collector"] not in (None, "env"):
        from streamweave_lab.ops.metrics.telemetry import target

        try:
            target(options["collector"])
        except ValueError as error:
            raise click.UsageError(f"--export: {error}") from error


def _set_log(log: str) -> None:
    """As the environment has it, where also a reload finds that it goes before the configuration."""
    from streamweave_lab.ops.logs.settings import VARIABLE, parsed

    try:
        parsed(log)
    except ConfigError as error:
        raise click.UsageError(f"--log {error.problems[0]}") from None
    os.environ[VARIABLE] = log


def resume_of(options: dict[str, Any]) -> bool | int:
    """What to go on from: the checkpoint that is named, else the newest, if there is one."""
    chosen: int | None = options["resume"]
    return chosen or (options["checkpoint"] is not None and not options["fresh"])


__all__ = ["check_options", "resume_of", "run_options"]
