"""Where the numbers of each family stand in a Status: label values and number of each series."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import get_args

from streamweave_lab.engine.status import EdgeStatus, NodeStatus, RunState, Status

Row = tuple[tuple[str, ...], float | None]
Rows = Iterable[Row]

RELOADS = ("applied", "rejected", "rolled_back")


def of_nodes(field: str) -> Callable[[Status], Rows]:
    """A number that each NodeStatus has as `field`."""
    return lambda status: (((status.graph, node.name), getattr(node, field)) for node in status.nodes)


def of_edges(field: str) -> Callable[[Status], Rows]:
    """A number that each EdgeStatus has as `field`, under the input port to which the edge leads."""
    return lambda status: (((status.graph, *_target(edge)), getattr(edge, field)) for edge in status.edges)


def of_checkpoint(field: str) -> Callable[[Status], Rows]:
    """A number that the CheckpointStatus has as `field`, where the run keeps checkpoints."""
    return lambda status: [((status.graph,), getattr(status.checkpoint, field, None))]


def received(status: Status) -> Rows:
    """Items by input port."""
    return (((status.graph, n.name, port), count) for n in status.nodes for port, count in n.items_in.items())


def sent(status: Status) -> Rows:
    """Items by output port."""
    return (((status.graph, n.name, port), count) for n in status.nodes for port, count in n.items_out.items())


def times(status: Status) -> Rows:
    """Seconds by what a node did."""
    return (((status.graph, n.name, state), seconds) for n in status.nodes for state, seconds in _spent(n))


def newest(status: Status) -> Rows:
    """The newest event time that has been seen at a node or on the way to it: what its frontier is to come to."""
    seen: dict[str, float] = {}
    senders: dict[str, list[str]] = {}
    for edge in status.edges:
        senders.setdefault(_target(edge)[0], []).append(edge.source.rpartition(".")[0])
    for node in status.nodes:  # senders first
        times = [seen[sender] for sender in senders.get(node.name, ()) if sender in seen]
        if node.newest is not None:
            times.append(node.newest)
        if times:
            seen[node.name] = max(times)
    return (((status.graph, name), time) for name, time in seen.items())


def lags(status: Status) -> Rows:
    """Seconds by which a node's frontier is behind that."""
    frontiers = {node.name: node.frontier for node in status.nodes}
    for labels, time in newest(status):
        frontier = frontiers[labels[1]]
        if time is not None and frontier is not None:
            yield labels, max(0.0, time - frontier)


def committed(status: Status) -> Rows:
    """The position of each source in the newest checkpoint that this run has written or goes on from."""
    positions = {} if status.checkpoint is None else status.checkpoint.positions
    return (((status.graph, source, "0"), position) for source, position in positions.items())


def ready(status: Status) -> Rows:
    """1 or 0."""
    return [((status.graph,), int(status.ready))]


def states(status: Status) -> Rows:
    """1 for the state there is, 0 for every other."""
    return (((status.graph, state), int(state == status.state)) for state in get_args(RunState))


def started(status: Status) -> Rows:
    """Wall time."""
    return [((status.graph,), status.started_at)]


def loop(status: Status) -> Rows:
    """The lag of the last heartbeat, or how long the next one has now been missed."""
    return [((), max(status.loop.lag_seconds, status.loop.stalled_seconds))]


def config_info(status: Status) -> Rows:
    """The configuration in force."""
    if (config := status.config) is not None:
        yield (status.graph, str(config.version), str(config.schema_version), config.sha256), 1


def reloads(status: Status) -> Iterator[Row]:
    """Changes of configuration, by result."""
    if (config := status.config) is not None:
        yield from (((status.graph, result), config.reloads.get(result, 0)) for result in RELOADS)


def last_reload(status: Status) -> Iterator[Row]:
    """1 or 0; nothing before the first change."""
    if (config := status.config) is not None and config.last_reload_successful is not None:
        yield (status.graph,), int(config.last_reload_successful)


def last_reload_at(status: Status) -> Iterator[Row]:
    """Wall time."""
    if (config := status.config) is not None:
        yield (status.graph,), config.last_reload_at


def drain_seconds(status: Status) -> Rows:
    """Nothing before a drain."""
    return [((status.graph,), status.drain.seconds if status.drain else None)]


def drain_dropped(status: Status) -> Rows:
    """0 before a drain."""
    return [((status.graph,), sum(status.drain.dropped.values()) if status.drain else 0)]


def checkpoints(status: Status) -> Iterator[Row]:
    """Checkpoints by result, where the run keeps any."""
    if (kept := status.checkpoint) is not None:
        yield (status.graph, "committed"), kept.committed
        yield (status.graph, "failed"), kept.failed


def _spent(node: NodeStatus) -> tuple[tuple[str, float], ...]:
    return ("busy", node.busy_seconds), ("idle", node.idle_seconds), ("blocked", node.blocked_seconds)


def _target(edge: EdgeStatus) -> tuple[str, str]:
    node, _, port = edge.target.rpartition(".")
    return node, port
