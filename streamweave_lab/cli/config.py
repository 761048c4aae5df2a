"""`streamweave-lab config`: what a configuration says, what would change, what has been, and back."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamweave_lab.cli.lazy import LazyGroup
from streamweave_lab.cli.options import (
    asked,
    config_options,
    json_option,
    process,
    process_options,
    verify_option,
    why_option,
)
from streamweave_lab.cli.outcome import Exit
from streamweave_lab.cli.printing import put_json, put_table, settings, when
from streamweave_lab.errors import ConfigError

if TYPE_CHECKING:
    from streamweave_lab.config.model import Config
    from streamweave_lab.config.plan import Plan

_spec = click.argument("spec", metavar="[GRAPH]", required=False)


@click.group(cls=LazyGroup)
def config() -> None:
    """Show, compare and roll back configurations.

    `show` and `diff` take a GRAPH (module:name, file.py:name or notebook.ipynb:name) and a file, or the --url of a run.
    """


@config.command()
@_spec
@config_options
@process_options
@json_option
def show(
    spec: str | None, file: Path | None, config_class: str | None, url: str | None, token_file: Path | None,
    ca: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Show every setting with its value, and where that comes from; what may change while a run goes on is marked.

    With GRAPH: what a run of it would get from --config and the environment. Else: what the run at --url has.
    """
    notes = list[str]()
    if spec is None:
        document = asyncio.run(asked(url, token_file, ca, "/config"))
        values, sources, live = settings(document["values"]), document["sources"], set(document.get("live", ()))
    else:
        from streamweave_lab.config.model import hidden_in, live_in
        from streamweave_lab.config.source import unreadable

        read = _read(spec, file, config_class)
        values, sources = settings(read.public()), read.provenance()
        notes = [*unreadable(type(read)), *hidden_in(read)]
        live = set(live_in(read))
        document = {"schema_version": read.schema_version, "sha256": read.fingerprint(), "values": read.public(),
                    "sources": sources, "live": sorted(live)}  # fmt: skip
    if as_json:
        put_json(document)
        return
    rows = [(name, value, _source(name, sources), "live" if name in live else "") for name, value in values]
    put_table(("setting", "value", "from", ""), rows)
    for note in notes:
        click.echo(f"note: {note}")


@config.command()
@_spec
@config_options
@click.option("--against", type=click.Path(path_type=Path), metavar="FILE", help="Another file; default: the defaults.")
@process_options
@json_option
def diff(
    spec: str | None, file: Path | None, config_class: str | None, against: Path | None, url: str | None,
    token_file: Path | None, ca: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Show what would change, and what of it a run cannot take while it goes on.

    With GRAPH: if the settings of --config took the place of those of --against. Else: if the run at --url reloaded.

    Exit codes: 0 it can be applied, 78 it would be refused.
    """
    if spec is None:
        run = process(url, token_file, ca)
        plan: Plan = run.ask("plan").result()
    else:
        from streamweave_lab.config.plan import plan as planned

        new = _read(spec, file, config_class)
        plan = planned(type(new).load(against) if against else type(new).load(environ={}), new)
    if as_json:
        put_json({"changes": plan.changes, "refused": plan.refused, "notes": plan.notes})
    else:
        click.echo(str(plan))
    sys.exit(Exit.BAD_CONFIG if plan.refused else Exit.DRAINED)


@config.command()
@click.argument("journal", metavar="[FILE]", type=click.Path(path_type=Path), required=False)
@process_options
@json_option
def history(journal: Path | None, url: str | None, token_file: Path | None, ca: Path | None, as_json: bool) -> None:
    """Show the configuration versions of a run, newest first: who asked for each, when, why, and what became of it.

    With FILE: those in the journal that `run --history FILE` keeps, whether the run goes on or not.
    """
    if journal is not None:
        versions = _in_journal(journal)
    else:
        versions = asyncio.run(asked(url, token_file, ca, "/config/history"))["versions"]
    if as_json:
        put_json(versions)
        return
    rows = [
        (each["version"] or "-", when(each["at"]), each["outcome"].replace("_", " "), each["who"], _what(each))
        for each in versions
    ]
    put_table(("version", "when", "outcome", "who", "what"), rows, right=("version",))


@config.command()
@click.argument("version", type=click.IntRange(min=1), required=False)
@process_options
@why_option
@verify_option
@json_option
def rollback(
    version: int | None, url: str | None, token_file: Path | None, ca: Path | None, why: str, verify: float | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Bring back the values of an earlier VERSION, or of the one before that in force now, under a new number.

    Twice without VERSION goes two steps back. Exit codes: 0 applied, 78 refused.
    """
    from streamweave_lab.cli.verbs import ask, reloaded

    ask(process(url, token_file, ca), "rollback", as_json, reloaded, version=version, why=why, verify=verify)


def _read(spec: str, file: Path | None, config_class: str | None) -> Config:
    from streamweave_lab.cli.loading import load

    target = load(spec, config_class)
    known = target.config_class(config_class, file=file or Path())
    if known is None:
        raise ConfigError(spec, ("it takes no configuration, as far as its nodes say; if it does, say --config-class",))
    return known.load(file)


def _in_journal(path: Path) -> list[dict[str, Any]]:
    from streamweave_lab.ops.config.store import Journal

    if not path.exists():
        raise ConfigError(str(path), ("there is no such journal; name the file that --history was given",))
    return [version.public() for version in Journal(path, None).versions()]


def _source(name: str, sources: dict[str, str]) -> str:
    while name and name not in sources:
        name = name.rpartition(".")[0]
    return sources.get(name, "default")


def _what(version: dict[str, Any]) -> str:
    changes = [f"{each['field']}: {each['old']!r} → {each['new']!r}" for each in version["changes"]]
    back = [f"as version {version['restores']}"] if version.get("restores") else []
    why = [f"({version['why']})"] if version["why"] else []
    return "; ".join([*back, *changes, *version["notes"], *why])


__all__ = ["config"]
