"""Options that several commands have, with the same words everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from streamweave_lab.remote.run import RemoteRun

F = TypeVar("F", bound=Callable[..., Any])

SPEC = "GRAPH is module:name, file.py:name or notebook.ipynb:name, where name is a Graph or a function returning one."


def graph_argument(command: F) -> F:
    """The argument GRAPH, as `spec`."""
    return click.argument("spec", metavar="GRAPH")(command)


def config_options(command: F) -> F:
    """--config and --config-class."""
    command = click.option(
        "--config-class", metavar="NAME", help="The Config class; default: the one that the graph's nodes ask for."
    )(command)
    return click.option(
        "--config", "file", type=click.Path(path_type=Path), metavar="FILE", help="TOML or JSON file with the settings."
    )(command)


def address_option(words: str) -> Callable[[F], F]:
    """--serve, as a host and a port."""
    return click.option("--serve", callback=_address, metavar="[HOST:]PORT", help=words)


def on_term_option(command: F) -> F:
    """--on-term."""
    return click.option(
        "--on-term", type=click.Choice(["drain", "suspend"]), default="drain", show_default=True,
        help="What SIGTERM does: close windows and finish, or keep them open in a checkpoint, to go on with.",
    )(command)  # fmt: skip


def json_option(command: F) -> F:
    """--json, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON, for scripts.")(command)


def verify_option(command: F) -> F:
    """--verify."""
    return click.option(
        "--verify", type=click.FloatRange(min=0), default=None, metavar="SECONDS",
        help="Watch the run so long after a change of its configuration, and roll back if it does worse. "
        "What `run` says holds for all changes that do not say it.",
    )(command)  # fmt: skip


def why_option(command: F) -> F:
    """--why."""
    return click.option(
        "--why", default="", metavar="TEXT", help="Kept with the run's events, and with versions of its configuration."
    )(command)


def process_options(command: F) -> F:
    """--url, --token-file and --ca: which process is meant, and what opens it."""
    for option in (
        click.option("--ca", type=click.Path(path_type=Path), metavar="FILE", help="Certificates to trust, in PEM."),
        click.option(
            "--token-file", type=click.Path(path_type=Path), metavar="FILE",
            help="The token the run is served with; or STREAMWEAVE_TOKEN_FILE, or STREAMWEAVE_TOKEN.",
        ),
        click.option(
            "--url", envvar="STREAMWEAVE_URL", metavar="URL",
            help="Where the run is served, such as http://127.0.0.1:8080; or STREAMWEAVE_URL.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def process(url: str | None, token_file: Path | None, ca: Path | None) -> RemoteRun:
    """The run that these options name.

    Raises: UsageError where none is named, or not as an address; UnreachableError; NotAllowedError.
    """
    from streamweave_lab.remote.attach import attach

    with _as_usage():
        return attach(_place(url), token_file=token_file, verify=ca or True)


async def asked(url: str | None, token_file: Path | None, ca: Path | None, path: str) -> Any:
    """What the process that these options name answers at `path`. Raises: as `process`."""
    import streamweave_lab.remote.attach  # noqa: F401 - the first to be asked for, for it says which extra is missing
    from streamweave_lab.errors import RemoteError
    from streamweave_lab.remote import access
    from streamweave_lab.remote.line import Line, Problem

    with _as_usage():
        line = Line(access.address(_place(url)), access.bearer(None, token_file), access.trusted(ca or True))
    try:
        return await line.get(path)
    except Problem as problem:
        raise RemoteError(f"{line.url}{path}: {problem}") from None
    finally:
        await line.close()


def _place(url: str | None) -> str:
    if not url:
        raise click.UsageError("say which run: --url http://127.0.0.1:8080, or STREAMWEAVE_URL in the environment")
    return url if "://" in url else f"http://{url}"


@contextmanager
def _as_usage() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise click.UsageError(str(error).replace("verify=", "--ca ").replace("token=", "--token-file")) from None


def _address(_: click.Context, param: click.Parameter, value: str | None) -> tuple[str, int] | None:
    from streamweave_lab.cli.serving import address

    try:
        return None if value is None else address(value)
    except ValueError as error:
        raise click.BadParameter(str(error), param=param) from None


__all__ = [
    "SPEC",
    "address_option",
    "asked",
    "config_options",
    "graph_argument",
    "json_option",
    "on_term_option",
    "process",
    "process_options",
    "verify_option",
    "why_option",
]
