"""What to do about a failure. Decisions without I/O; the core carries them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from random import Random

from streamweave_lab.graph.supervision import ESCALATE, Policy, Supervision


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do: with "restart" the `nodes` rest `seconds` and begin again."""

    policy: Policy
    nodes: tuple[str, ...] = ()
    seconds: float = 0.0
    why: str = ""


class Supervisor:
    """Remembers the failures of nodes, as their supervision counts them."""

    def __init__(self, supervisions: Mapping[str, Supervision], dice: Random) -> None:
        self._of = supervisions
        self._dice = dice
        self._failures: dict[str, tuple[int, float]] = {}
        """By node or group: how many without a quiet time between, and when the last one was."""

    def policy(self, node: str) -> Policy:
        """What was drawn for `node`."""
        return self._of.get(node, ESCALATE).policy

    def decide(self, node: str, now: float) -> Decision:
        """A node has failed at `now` (seconds)."""
        supervision = self._of.get(node, ESCALATE)
        if supervision.policy not in ("restart", "restart_group"):
            return Decision(supervision.policy, (node,))
        who = node if supervision.group is None else f"group {supervision.group}"
        count, last = self._failures.get(who, (0, -inf))
        count = 1 if now - last > supervision.quiet else count + 1
        self._failures[who] = count, now
        if count > supervision.max_restarts:
            return Decision("escalate", (node,), why=_used_up(who, supervision))
        wait = supervision.backoff * 2 ** (count - 1) * self._dice.uniform(0.75, 1.25)
        return Decision("restart", self._together(node, supervision), wait, f"restart {count} of {who}")

    def _together(self, node: str, supervision: Supervision) -> tuple[str, ...]:
        if supervision.group is None:
            return (node,)
        return tuple(name for name, each in self._of.items() if each.group == supervision.group)


def _used_up(who: str, supervision: Supervision) -> str:
    times = "once" if supervision.max_restarts == 1 else f"{supervision.max_restarts} times"
    return f"{who} was restarted {times} before, and may be no more without {supervision.quiet:g} s of peace between"
