"""`streamweave-lab draw`: a graph as text, Mermaid or SVG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamweave_lab.cli.options import SPEC, config_options, graph_argument

if TYPE_CHECKING:
    from streamweave_lab.graph.graph import Graph

FORMS = ("text", "mermaid", "svg")
SUFFIXES = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".txt": "text"}


@click.command(help=f"""Draw a graph to stdout, or to a file. {SPEC}""")
@graph_argument
@config_options
@click.option("--as", "form", type=click.Choice(FORMS), help="Default: what the file's name ends in says, else text.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write here; .svg, .mmd or .txt.")
def draw(spec: str, file: Path | None, config_class: str | None, form: str | None, output: Path | None) -> None:
    """See above."""
    from streamweave_lab.cli.loading import load
    from streamweave_lab.config.source import parsed

    if form is None and output is not None and output.suffix and output.suffix not in SUFFIXES:
        raise click.UsageError(f"-o {output}: no drawing ends in {output.suffix}; use .svg, .mmd or .txt, or say --as")
    target = load(spec, config_class)
    known = target.config_class(config_class) if target.takes_config else None
    if known is None and file is not None:
        parsed(file)  # a graph that is there takes nothing from it, but who names it believes that it can be read
    graph = target.graph(known.load(file) if known else None)
    drawn = _drawn(graph, form or SUFFIXES.get(output.suffix if output else "", "text"))
    if output is None:
        click.echo(drawn)
    else:
        output.write_text(drawn.rstrip("\n") + "\n", encoding="utf-8")


def _drawn(graph: Graph, form: str) -> str:
    return {"text": graph.__str__, "mermaid": graph.mermaid, "svg": graph.svg}[form]()


__all__ = ["draw"]
