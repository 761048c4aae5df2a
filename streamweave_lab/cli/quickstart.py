"""`streamweave-lab quickstart`: the notebook in JupyterLab, or its graph in the terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from streamweave_lab.cli.outcome import Exit, exit_code, sentence


@click.command()
@click.option("--headless", is_flag=True, help="Run the graph to its end in this terminal, as fast as it goes.")
@click.option(
    "--config",
    "settings",
    type=click.Path(path_type=Path),
    help="TOML or JSON file with the graph's settings (headless).",
)
@click.option(
    "--folder", type=click.Path(path_type=Path), default=Path(), help="Where the notebook is put; default: here."
)
@click.option("--fresh", is_flag=True, help="Overwrite your copy of the notebook with the one the package brings.")
@click.option("--no-browser", is_flag=True, help="Only print the address; open it yourself.")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port for JupyterLab; default: the first free one from 8888."
)
def quickstart(
    headless: bool, settings: Path | None, folder: Path, fresh: bool, no_browser: bool, port: int | None
) -> None:
    """Open JupyterLab on the quickstart notebook, with the graph running and its console live.

    The notebook is copied into the current folder. Its first cells run by themselves, up to the console; the
    others wait for you. Nothing is fetched from the network. As root (in a container) JupyterLab is told that
    this is meant (--allow-root).

    With --headless the same graph runs in the terminal. Ctrl-C or SIGTERM drains it, a second one stops it, and
    SIGHUP reloads --config. Exit codes: 0 finished or drained, 3 items were dropped, 70 failed, 78 bad settings.
    STREAMWEAVE_LOG=info[:PATH] writes events as JSON lines.
    """
    if settings is not None and not headless:
        raise click.UsageError("--config goes with --headless; in JupyterLab the notebook names its own file")
    sys.exit(_headless(settings) if headless else _in_lab(folder, fresh, not no_browser, port))


def _headless(settings: Path | None) -> int:
    from rich.console import Console

    from streamweave_lab.cli.flights_result import counts, table
    from streamweave_lab.cli.headless import run_headless
    from streamweave_lab.examples.flights import FlightsConfig, flights_graph
    from streamweave_lab.ops.logs.log import from_environment
    from streamweave_lab.ops.logs.steady import steady_stderr

    steady_stderr()
    log = from_environment(sys.stderr)
    run = run_headless(flights_graph(paced=False), FlightsConfig.load(settings), Console(stderr=True))
    if log is not None:
        log.close()
    status, out = run.status(), Console()
    if status.state != "failed":
        out.print(table(run))
        for line in counts(run):
            out.print(line, highlight=False)
    click.echo(sentence(status, run.dropped), err=True)
    return exit_code(status, run.dropped)


def _in_lab(folder: Path, fresh: bool, browser: bool, port: int | None) -> int:
    from streamweave_lab.cli import notebook
    from streamweave_lab.cli.lab import open_lab

    copy = notebook.place(notebook.find(), folder.resolve(), fresh=fresh)
    if copy.changed:
        click.echo(
            f"{copy.path} is here already, and its cells are not those of the package: it opens as it is, and "
            f"nothing runs by itself. --fresh replaces it.",
            err=True,
        )
    open_lab(copy.path, run=not copy.changed, browser=browser, port=port)
    return Exit.DRAINED


__all__ = ["quickstart"]
