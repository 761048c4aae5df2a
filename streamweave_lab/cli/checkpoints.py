"""`streamweave-lab checkpoints`: what a store holds, whether it is whole, and whether a graph would go on from it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamweave_lab.cli.lazy import LazyGroup
from streamweave_lab.cli.options import config_options, json_option
from streamweave_lab.cli.outcome import Exit
from streamweave_lab.cli.printing import put_facts, put_json, put_table, settings, size, when
from streamweave_lab.cli.stores import HELP, existing_store, graphs_in
from streamweave_lab.errors import StateError

if TYPE_CHECKING:
    from streamweave_lab.engine.shadow import Shadow
    from streamweave_lab.state.store import Checkpoint, Info, Store

FACTS = ("graph", "id", "epoch", "reason", "taken_at", "config", "config_sha256")

_store = click.argument("path", metavar="STORE")
_graph = click.option("--graph", "name", metavar="NAME", help="The graph's name; default: the only one in the store.")
_id = click.argument("number", metavar="[ID]", type=int, required=False)


@click.group(cls=LazyGroup, help=f"""List, show, verify and rehearse the checkpoints in a STORE. {HELP}""")
def checkpoints() -> None:
    """See above."""


@checkpoints.command("list")
@_store
@_graph
@json_option
def list_(path: str, name: str | None, as_json: bool) -> None:
    """List what is in a store, the newest first, each verified."""
    with _opened(path) as store:
        graphs = [name] if name else graphs_in(store, path)
        found = [(graph, info) for graph in graphs for info in store.list(graph)]
        if not found:
            raise StateError(_none_of(store, path, str(name)))
    if as_json:
        put_json([{"graph": graph, **asdict(info)} for graph, info in found])
        return
    heads = ("graph", "id", "taken", "reason", "epoch", "size", "state")
    put_table(heads, [_row(graph, info) for graph, info in found], right=("id", "epoch", "size"))


@checkpoints.command()
@_store
@_id
@_graph
@json_option
def show(path: str, number: int | None, name: str | None, as_json: bool) -> None:
    """Show one checkpoint, by default the newest whole one: when, why, positions, configuration, size by node."""
    with _opened(path) as store:
        found = _one(store, path, name, number)
    if as_json:
        put_json({name: getattr(found, name) for name in FACTS} | {"nodes": _nodes(found)})
        return
    put_facts({"graph": found.graph, "id": found.id, "epoch": found.epoch, "reason": found.reason,
               "taken": when(found.taken_at), "size": size(found.bytes)})  # fmt: skip
    rows = [
        (node, size(len(state.data)), state.version, _or_dash(found.positions.get(node)))
        for node, state in found.nodes.items()
    ]
    put_table(("node", "state", "version", "position"), rows, right=("state", "version", "position"))
    for field, value in settings(found.config or {}):
        click.echo(f"{field} = {value}")


@checkpoints.command()
@_store
@_id
@_graph
@json_option
def verify(path: str, number: int | None, name: str | None, as_json: bool) -> None:
    """Read one checkpoint, or all, and compare every checksum.

    Exit codes: 0 whole, 70 something is damaged.
    """
    with _opened(path) as store:
        found = _problems(store, path, name, number)
    if as_json:
        put_json([{"graph": graph, "id": id_, "problems": problems} for graph, id_, problems in found])
    else:
        for graph, id_, problems in found:
            click.echo(f"{graph} {id_}: {'; '.join(problems) or 'whole'}")
    sys.exit(Exit.FAILED if any(problems for *_, problems in found) else Exit.DRAINED)


@checkpoints.command()
@_store
@click.argument("spec", metavar="GRAPH")
@click.option("--id", "number", type=int, metavar="ID", help="Which checkpoint; default: the newest whole one.")
@click.option(
    "--items", type=click.IntRange(min=0), default=0, metavar="N",
    help="Then let the next N items of each source through a shadow run, in which counters stand in for sinks.",
)  # fmt: skip
@click.option("--allow-changed", is_flag=True, help="As in `run`: the graph may have other nodes than the checkpoint.")
@config_options
@json_option
def rehearse(
    path: str, spec: str, number: int | None, items: int, allow_changed: bool, file: Path | None,
    config_class: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Try out whether GRAPH, perhaps a newer version of it, would go on from a checkpoint.

    The state of every node is restored into a copy, kept again and compared; nothing outside is changed. Exit codes:
    0 it would, 70 it would not.
    """
    from streamweave_lab.cli.loading import load
    from streamweave_lab.engine.rehearse import rehearse as tried

    target = load(spec, config_class)
    known = target.config_class(config_class) if target.takes_config else None
    config = known.load(file) if known else None
    graph = target.graph(config)
    with _opened(path) as store:
        found = _one(store, path, graph.name, number)
    report = tried(graph, found, items=items, config=config, allow_changed=allow_changed)
    if as_json:
        put_json({"id": found.id, **asdict(report)})
    else:
        put_table(("node", "outcome"), list(report.outcomes.items()))
        if report.shadow is not None:
            _put_shadow(report.shadow)
        for problem in report.problems:
            click.echo(problem)
        would = "would go on" if report.ready else "would not go on as it is"
        click.echo(f"{graph.name} {would} from checkpoint {found.id} of {when(found.taken_at)}")
    sys.exit(Exit.DRAINED if report.ready else Exit.FAILED)


def _put_shadow(shadow: Shadow) -> None:
    """What the next items would do."""
    click.echo("\nshadow run, with a counter in the place of every sink")
    rows: list[tuple[Any, ...]] = [
        (node, "came in", items, "") for node, items in shadow.came_in.items() if node not in shadow.not_run
    ]
    rows += [
        (
            node,
            "would come out",
            items,
            ", ".join(shadow.first[node]) + (", …" if items > len(shadow.first[node]) else ""),
        )
        for node, items in shadow.would_come_out.items()
    ]
    rows += [(node, "refused", items, "") for node, items in shadow.refused.items()]
    rows += [(node, "late", items, "") for node, items in shadow.late.items()]
    rows += [(node, "not run", "", why) for node, why in shadow.not_run.items()]
    put_table(("node", "what", "items", ""), rows, right=("items",))


@contextmanager
def _opened(path: str) -> Iterator[Store]:
    with closing(existing_store(path)) as store:
        yield store


def _one(store: Store, path: str, name: str | None, number: int | None) -> Checkpoint:
    graph = name or _only(store, path)
    if number is not None:
        return store.read(graph, number)
    found = store.latest(graph)
    if found is None:
        raise StateError(
            f"{path} has no checkpoint of graph {graph!r}; it has those of {_names(graphs_in(store, path))}"
        )
    return found


def _only(store: Store, path: str) -> str:
    graphs = graphs_in(store, path)
    if len(graphs) > 1:
        raise click.UsageError(f"{path} holds checkpoints of several graphs; say --graph with one of {_names(graphs)}")
    return graphs[0]


def _problems(store: Store, path: str, name: str | None, number: int | None) -> list[tuple[str, int, tuple[str, ...]]]:
    if number is not None:
        graph = name or _only(store, path)
        return [(graph, number, store.verify(graph, number))]
    graphs = [name] if name else graphs_in(store, path)
    return [(graph, info.id, info.problems) for graph in graphs for info in store.list(graph)]


def _none_of(store: Store, path: str, graph: str) -> str:
    return f"{path} has no checkpoint of graph {graph!r}; it has those of {_names(graphs_in(store, path))}"


def _nodes(found: Checkpoint) -> dict[str, Any]:
    return {
        node: {"bytes": len(state.data), "version": state.version, "encoding": state.encoding,
               "position": found.positions.get(node)}
        for node, state in found.nodes.items()
    }  # fmt: skip


def _names(graphs: tuple[str, ...]) -> str:
    return ", ".join(map(repr, graphs))


def _row(graph: str, info: Info) -> tuple[Any, ...]:
    state = "whole" if not info.problems else "; ".join(info.problems)
    return graph, info.id, when(info.taken_at), info.reason or "-", info.epoch, size(info.bytes), state


def _or_dash(position: Any) -> Any:
    return "-" if position is None else position


__all__ = ["checkpoints"]
