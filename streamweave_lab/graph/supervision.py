"""What happens when a node fails: drawn with the graph, carried out by the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from streamweave_lab.errors import GraphError

Policy = Literal["skip", "restart", "restart_group", "stop", "escalate"]


@dataclass(frozen=True, kw_only=True)
class Supervision:
    """What happens when a node refuses an item and its `error` port is not drawn, or `on_batch`, `poll` raises.

    What is raised while a mark passes (`advanced`, `finished`, `configure`, `snapshot`) always fails the run.

    - "escalate": the run fails, naming node and item.
    - "skip": the item is dropped and counted. What is raised for no single item still fails the run.
    - "restart": the item is dropped and counted, the node is closed and opened again, and goes on from what it kept
      at the last checkpoint, or empty; what came since is forgotten, and what it held is counted as dropped. A sink
      goes on from where it is: what it has written stays. A node of one's own may decide that by `restart_from`.
    - "restart_group": all nodes with the same `group` are restarted together.
    - "stop": the node takes nothing more in, what still comes to it is dropped and counted, and the run is drained.

    Before a restart the node rests `backoff` seconds, twice as long each time, give or take a quarter at random.
    A drain or a suspend that begins meanwhile ends its rest, so that what waits for it is finished.
    When more than `max_restarts` came without `quiet` seconds of peace between two, the run fails.

    Raises: GraphError for a policy that does not exist, numbers below 0, or a group where there is none to restart.
    """

    policy: Policy = "escalate"
    max_restarts: int = 3
    backoff: float = 1.0
    quiet: float = 60.0
    group: str | None = None

    def __post_init__(self) -> None:
        if self.policy not in get_args(Policy):
            raise GraphError(f"{self.policy!r} is no supervision; use one of {', '.join(get_args(Policy))}")
        if min(self.max_restarts, self.backoff, self.quiet) < 0:
            raise GraphError(f"{self}: max_restarts, backoff and quiet must be 0 or more")
        if (self.policy == "restart_group") != (self.group is not None):
            raise GraphError(f"{self}: group= goes with restart_group, and restart_group needs it")


ESCALATE = Supervision()


def supervisions(graph: str, nodes: Iterable[str], given: Mapping[str, Supervision | Policy]) -> dict[str, Supervision]:
    """The supervision of each node that has one. Raises: GraphError for a name that no node of the graph has."""
    there = set(nodes)
    if unknown := [name for name in given if name not in there]:
        raise GraphError(f"graph {graph!r}: supervise= names {', '.join(unknown)}, and there is no such node")
    return {name: each if isinstance(each, Supervision) else Supervision(policy=each) for name, each in given.items()}
