"""Sections that a variable of the process goes before, as STREAMWEAVE_LOG before that of the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import BaseModel

from streamweave_lab.config.fields import leaves, section


def without_effect(model: type[BaseModel], given: Iterable[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """A sentence for each section of which something was `given`, by dotted name, and that is not heeded."""
    given = tuple(given)
    return tuple(
        f"{name}: has no effect, for {' or '.join(before)} goes before it; leave that away, and start the run again"
        for name, before in _overruled(model, environ).items()
        if any(each.startswith(f"{name}.") for each in given)
    )


def live_fields(model: type[BaseModel], environ: Mapping[str, str]) -> tuple[str, ...]:
    """The dotted names of the fields that can be changed while a run goes on, with an effect."""
    overruled = _overruled(model, environ)
    return tuple(leaf.name for leaf in leaves(model) if leaf.live and leaf.name.partition(".")[0] not in overruled)


def _overruled(model: type[BaseModel], environ: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """By the name of a section what goes before it: a variable that is set, and how else that may be said."""
    before = {name: getattr(section(info), "goes_before", ()) for name, info in model.model_fields.items()}
    return {name: known for name, known in before.items() if known and known[0] in environ}


__all__ = ["live_fields", "without_effect"]
