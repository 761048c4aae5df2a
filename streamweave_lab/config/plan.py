"""What a change of configuration would change, and what of it a run cannot take while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from streamweave_lab.config.fields import MASK, Leaf, hidden, is_live, short
from streamweave_lab.config.model import Config, hidden_in
from streamweave_lab.errors import ConfigError


@dataclass(frozen=True)
class Change:
    """One field whose value differs; a secret's values are masked."""

    field: str
    """The dotted name, as "speed" or "sink.path"."""
    old: Any
    new: Any
    live: bool
    """It can change while the run goes on."""

    def __str__(self) -> str:
        return f"{self.field}: {self.old!r} → {self.new!r}" + ("" if self.live else " (not while the run goes on)")


@dataclass(frozen=True)
class Plan:
    """The difference between two configurations, and why it may not be applied to a run."""

    changes: tuple[Change, ...] = ()
    refused: tuple[str, ...] = ()
    """A sentence for each change that a run cannot take while it goes on; if there is any, nothing is applied."""
    notes: tuple[str, ...] = ()
    """A sentence for each value that is not heeded: a change at run time, or a variable of the process, goes before."""

    def __str__(self) -> str:
        return "\n".join([*(map(str, self.changes) if self.changes else ["no change"]), *self.notes])


def plan(old: BaseModel, new: BaseModel) -> Plan:
    """What would change if `new` replaced `old` in a run."""
    if set(type(old).model_fields) != set(type(new).model_fields):
        have, want = type(new).__name__, type(old).__name__
        return Plan(refused=(f"a {have} cannot replace the {want} this run was started with: give it a {want}",))
    changes = tuple(_differences(old, new, "", False))
    notes = hidden_in(new) if isinstance(new, Config) else ()
    return Plan(changes, tuple(_refusal(change) for change in changes if not change.live), notes)


def planned_from(make: Callable[[Config], Config], present: Config) -> tuple[Config, Plan]:
    """The configuration that `make` has from `present`, and how they differ; where it is refused, `present` itself."""
    try:
        new = make(present)
    except ConfigError as error:
        return present, Plan(refused=error.problems)
    if not isinstance(new, type(present)):
        other = f"{type(new).__name__} is not the class of the configuration that the run was started with"
        return present, Plan(refused=(f"{other}; start it again",))
    planned = plan(present, new)
    return (present if planned.refused else new), planned


def differing(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """How two configurations as `public()` shows them differ, a sentence for each field; perhaps of two classes."""
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from differing(before, after, f"{prefix}{name}.")
        elif name not in new:
            yield f"{prefix}{name}: gone, it was {short(before)}"
        elif name not in old:
            yield f"{prefix}{name}: new, {short(after)}"
        elif before != after:
            yield f"{prefix}{name}: {short(before)} → {short(after)}"


def _differences(old: BaseModel, new: BaseModel, prefix: str, live: bool) -> Iterator[Change]:
    for name, info in type(new).model_fields.items():
        before, after = getattr(old, name), getattr(new, name)
        alive = live or is_live(info)
        if isinstance(before, BaseModel) and isinstance(after, BaseModel):
            yield from _differences(before, after, f"{prefix}{name}.", alive)
        elif before != after:
            yield _change(Leaf(prefix + name, info, alive), before, after)


def _change(leaf: Leaf, before: Any, after: Any) -> Change:
    if leaf.secret:
        before, after = (None if value is None else MASK for value in (before, after))
    return Change(leaf.name, hidden(before), hidden(after), leaf.live)


def _refusal(change: Change) -> str:
    return (
        f"{change.field} = {change.new!r}: cannot change while the run goes on, it stays {change.old!r}; "
        f"drain the run and start it again to change it"
    )


__all__ = ["Change", "Plan", "differing", "plan", "planned_from"]
