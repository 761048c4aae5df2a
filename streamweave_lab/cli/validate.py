"""`streamweave-lab validate`: everything that is wrong before a graph is run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamweave_lab.cli.failing import code_of, in_options
from streamweave_lab.cli.options import SPEC, config_options, graph_argument, json_option
from streamweave_lab.cli.outcome import Exit
from streamweave_lab.cli.printing import put_json
from streamweave_lab.cli.run_options import check_options, resume_of, run_options
from streamweave_lab.errors import ConfigError, StateError, StreamweaveError

if TYPE_CHECKING:
    from streamweave_lab.ops.config.validation import Validation


@click.command(
    help=f"""Say everything that would keep a graph from running; nothing is started or changed.

Three layers: the configuration is correct, it fits the graph, and what is around it is there. {SPEC}
The options are those of `run`.

Exit codes: 0 nothing is wrong, 78 something is, 75 nothing but what time may mend, such as a port or a place in a store
that another run has now: so it is beside a run that goes on.
"""
)
@graph_argument
@config_options
@run_options
@json_option
def validate(spec: str, file: Path | None, config_class: str | None, as_json: bool, **options: Any) -> None:
    """See above."""
    check_options(options)
    name, found = _found(spec, file, config_class, options)
    outside = tuple(_around_run(spec, name, found, file, options))
    found = replace(found, environment=(*found.environment, *outside))
    if as_json:
        layers = ("correct", "topology", "environment", "notes", "unchecked")
        put_json({"ok": found.ok, **{layer: list(getattr(found, layer)) for layer in layers}})
    else:
        click.echo(str(found))
    sys.exit(Exit(found.exit_code))


def _found(
    spec: str, file: Path | None, config_class: str | None, options: dict[str, Any]
) -> tuple[str | None, Validation]:
    """The name of the graph, if it can be had, and what was found about it."""
    from streamweave_lab.cli.checking import examined
    from streamweave_lab.cli.loading import load
    from streamweave_lab.cli.stores import store_at
    from streamweave_lab.config.problems import Passing
    from streamweave_lab.ops.config.validation import Validation

    try:
        store = None if options["checkpoint"] is None else store_at(options["checkpoint"])
        graph, found = examined(
            load(spec, config_class), file, config_class, store, resume_of(options), options["serve"]
        )
        return None if graph is None else graph.name, found
    except ConfigError as error:
        return None, Validation(correct=error.problems, unchecked=("topology", "environment"))
    except StreamweaveError as error:
        correct = _unparsed(file)
        outside = isinstance(error, StateError) or isinstance(error.__cause__, OSError)
        layer = "environment" if outside else "topology"
        others = tuple(each for each in ("correct", "topology", "environment") if each != layer)
        said = in_options(str(error))
        told: dict[str, Any] = {layer: (Passing(said) if code_of(error) is Exit.TRY_AGAIN else said,)}
        return None, Validation(**{"correct": correct, **told}, unchecked=others)


def _unparsed(file: Path | None) -> tuple[str, ...]:
    """What is wrong with the configuration's file, as far as it can be said without its class."""
    from streamweave_lab.config.source import parsed

    try:
        if file is not None:
            parsed(file)
    except ConfigError as error:
        return error.problems
    return ()


def _around_run(
    spec: str, name: str | None, found: Validation, file: Path | None, options: dict[str, Any]
) -> Iterator[str]:
    """A sentence for everything that `run` would refuse of its options, beside store and port."""
    looks = (_token(name or spec, options), _certificate(options), _history(name, found, options), _log(found))
    for look in looks:
        try:
            yield from look
        except StreamweaveError as error:
            yield in_options(str(error))
    if options["watch_config"] and file is None:
        yield "--watch-config: there is no file to watch; give it as --config FILE"


def _token(name: str, options: dict[str, Any]) -> Iterator[str]:
    if options["serve"] is None:
        return
    from streamweave_lab.ops.config.surroundings import writable
    from streamweave_lab.ops.server import token_for

    (host, _port), file = options["serve"], options["token_file"]
    if file is not None and not file.exists():  # `run` makes it
        yield from (f"--token-file {file}: {problem}" for problem in writable(file))
    else:
        token_for(name, host, None, file)


def _certificate(options: dict[str, Any]) -> Iterator[str]:
    if options["tls_cert"] is not None:
        from streamweave_lab.ops.http.certificate import certificate_of

        certificate_of(options["tls_cert"], options["tls_key"])
    yield from ()


def _history(name: str | None, found: Validation, options: dict[str, Any]) -> Iterator[str]:
    path: Path | None = options["history"]
    if path is None:
        return
    from streamweave_lab.ops.config.store import Journal
    from streamweave_lab.ops.config.surroundings import writable

    yield from (f"--history {path}: {problem}" for problem in writable(path, made=True))
    if found.ok and found.config is None:
        yield "--history: the run would have no configuration to keep; give one as --config FILE"
    if path.is_file():
        Journal(path, name).check()


def _log(found: Validation) -> Iterator[str]:
    from streamweave_lab.ops.config.surroundings import writable
    from streamweave_lab.ops.logs.settings import VARIABLE, of_config, parsed

    said = os.environ.get(VARIABLE)  # where also `--log` is
    settings = parsed(said) if said else of_config(found.config)
    if settings is not None and settings.path is not None and settings.level != "off":
        yield from (f"log: {problem}" for problem in writable(settings.path))


__all__ = ["validate"]
