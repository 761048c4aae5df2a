"""What Mermaid text says of a StreamWeave graph beside the drawing: labels with ports, and comments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from streamweave_lab.graph.shape import EdgeShape, split
from streamweave_lab.graph.supervision import ESCALATE, Supervision

COMMENT = "%% streamweave:"
MODES = ("concurrent", "deterministic")
NUMBERS = ("max_restarts", "backoff", "quiet")
"""What of a supervision is a number, by its name there and here."""

_SPECIAL = re.compile(r"""[\[\](){}|"`#<&\s\x00-\x1f\x7f]""")
"""What means something to Mermaid in a label, or is trimmed from it."""


@dataclass(frozen=True)
class Binding:
    """A port that is fed from outside of the graph, or feeds what is outside, by the name it has there."""

    name: str
    port: str
    """Node and port, such as "parse.in"."""


@dataclass(frozen=True)
class MermaidNotes:
    """All that the comments of a Mermaid text say, except for the kinds of nodes, which are in the shape."""

    inputs: tuple[Binding, ...] = ()
    outputs: tuple[Binding, ...] = ()
    execution_mode: str = "concurrent"
    shard: tuple[int, int] | None = None
    """This shard, counted from 0, and how many there are."""
    supervision: Mapping[str, Supervision] = field(default_factory=dict)
    """By the name of the node."""
    units: tuple[str, ...] = ()
    """Subgraphs that are supervised as one."""
    capacities: Mapping[EdgeShape, int] = field(default_factory=dict)
    """Items, of edges that hold another number than edges do."""

    def lines(self) -> list[str]:
        """The comments that say it."""
        said = [f"input {b.name} -> {b.port}" for b in self.inputs]
        said += [f"output {b.name} <- {b.port}" for b in self.outputs]
        said += [f"execution_mode={self.execution_mode}"] if self.execution_mode != MODES[0] else []
        said += ["shard_config={}/{}".format(*self.shard)] if self.shard else []
        for node, each in self.supervision.items():
            policy = each.policy.title().replace("_", "")  # upstream's names
            group = f" supervision_group={each.group}" if each.group else ""
            said.append(f"node {node} supervision_policy={policy}{group}{_numbers(each)}")
        said += [f"subgraph_unit {unit}" for unit in self.units]
        said += [f"edge {_port(e.source)} -> {_port(e.target)} capacity={n}" for e, n in self.capacities.items()]
        return [f"{COMMENT} {line}" for line in said]


def _numbers(supervision: Supervision) -> str:
    """Those that are not what they are where nothing is said."""
    values = {name: getattr(supervision, name) for name in NUMBERS}
    return "".join(f" {name}={value!r}" for name, value in values.items() if value != getattr(ESCALATE, name))


def _port(port: str) -> str:
    node, name = split(port)
    return f"{node}.{quoted(name)}"


def escaped(port: str) -> str:
    """The name of a port within a label, where `->` stands between two of them."""
    return port.replace("\\", "\\\\").replace("->", "\\->")


def label(out: str, into: str) -> str:
    """The label of an edge from the port `out` to the port `into`."""
    return f"{quoted(escaped(out))}->{quoted(escaped(into))}"


def ports_of(text: str) -> tuple[str, str] | None:
    """The two ports that a label names; None if no `->` stands between two names."""
    text = plain(text)
    at = 0
    while at < len(text) and not text.startswith("->", at):
        at += 2 if text[at] == "\\" else 1
    if at >= len(text):
        return None
    out, into = (re.sub(r"\\(\\|->)", r"\1", part) for part in (text[:at], text[at + 2 :]))
    return out, into


def quoted(text: str) -> str:
    """Text in which Mermaid sees nothing of its own: what it would is written as an entity, such as `#124;`."""
    return _SPECIAL.sub(lambda found: f"#{ord(found[0])};", text)


def plain(text: str) -> str:
    """The text that `quoted` was given."""
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), text.replace("#quot;", '"'))


__all__ = [
    "COMMENT", "MODES", "NUMBERS", "Binding", "MermaidNotes", "escaped", "label", "plain",
    "ports_of", "quoted",
]  # fmt: skip
