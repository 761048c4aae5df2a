"""`streamweave-lab validate`: everything that is wrong before a graph is run."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from streamweave_lab.cli.options import SPEC, address_option, config_options, graph_argument, json_option
from streamweave_lab.cli.outcome import Exit
from streamweave_lab.cli.printing import put_json
from streamweave_lab.cli.stores import HELP
from streamweave_lab.errors import ConfigError, StateError, StreamweaveError


@click.command(
    help=f"""Say everything that would keep a graph from running; nothing is started or changed.

Three layers: the configuration is correct, it fits the graph, and what is around it is there. {SPEC}

Exit codes: 0 nothing is wrong, 78 something is.
"""
)
@graph_argument
@config_options
@click.option("--checkpoint", metavar="PATH", help=f"Where its state would be kept. {HELP}")
@address_option("Where it would be served.")
@json_option
def validate(
    spec: str, file: Path | None, config_class: str | None, checkpoint: str | None, serve: tuple[str, int] | None,
    as_json: bool,
) -> None:  # fmt: skip
    """See above."""
    from streamweave_lab.cli.checking import examined
    from streamweave_lab.cli.loading import load
    from streamweave_lab.cli.stores import store_at
    from streamweave_lab.ops.config.validation import Validation

    try:
        store = None if checkpoint is None else store_at(checkpoint)
        _, found = examined(load(spec, config_class), file, config_class, store, serve)
    except ConfigError as error:
        found = Validation(correct=error.problems)
    except StreamweaveError as error:
        outside = isinstance(error, StateError) or isinstance(error.__cause__, OSError)
        found = Validation(environment=(str(error),)) if outside else Validation(topology=(str(error),))
    if as_json:
        layers = {layer: list(getattr(found, layer)) for layer in ("correct", "topology", "environment", "notes")}
        put_json({"ok": found.ok, **layers})
    else:
        click.echo(str(found))
    sys.exit(Exit.DRAINED if found.ok else Exit.BAD_CONFIG)


__all__ = ["validate"]
