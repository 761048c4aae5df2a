"""How a run ended, in words: come to its end, drained, suspended, stopped by hand, out of time, or failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from streamweave_lab.engine.status import EventStatus, Status

ENDED = frozenset({"stopped", "failed"})

Tone = Literal["ok", "ended", "paused", "short", "failed"]


@dataclass(frozen=True)
class Ending:
    """How a run ended."""

    word: str
    tone: Tone
    sentence: str
    """What else is to be known: what was lost, and the way out. Empty where nothing is."""
    cut: bool
    """Its nodes did not come to their own end."""
    finished: tuple[str, ...]
    """Of a run that was cut off: the sources that had come to their end before."""


def ending(status: Status) -> Ending | None:
    """How the run of this document ended; None while it goes on."""
    if status.state not in ENDED:
        return None
    happened = {event.event: event for event in reversed(status.events)}
    lost = dropped(status)
    word, tone, more = _said(status, happened, lost)
    loud = f"{counted(lost, 'item')} dropped" if lost else ""
    cut = tone in ("short", "failed", "ended")
    finished = tuple(e.node for e in status.events if e.event == "source.ended" and e.node) if cut else ()
    return Ending(
        word, "short" if lost and tone == "ended" else tone, ", ".join(filter(None, (loud, more))), cut, finished
    )


def dropped(status: Status) -> int:
    """Items that left the graph by no port: on edges, and in nodes."""
    return sum(node.dropped for node in status.nodes) + sum(edge.dropped for edge in status.edges)


def counted(n: int, what: str) -> str:
    """As "1 item", "2,000 items"."""
    return f"{n:,} {what}" + ("" if n == 1 else "s")


def _said(status: Status, happened: dict[str, EventStatus], lost: int) -> tuple[str, Tone, str]:
    kept = status.checkpoint
    if status.state == "failed":
        return "Failed", "failed", _failure(status, happened.get("node.failed"))
    if "run.drain_timed_out" in happened:
        return "Drain ran out of time", "short", _held_by(happened["run.drain_timed_out"].message)
    if "run.drained" in happened or (status.drain and status.drain.complete):
        return "Drained", "ok", ""
    if "run.suspending" in happened:
        if kept is None or kept.last_id is None or kept.problem or lost:
            return "Not suspended", "short", (kept and kept.problem) or "it was stopped before its checkpoint was whole"
        return f"Suspended: checkpoint {kept.last_id}", "paused", "start the graph again with resume=True to go on"
    stopped = happened.get("run.stopped")
    if stopped is not None and stopped.message.startswith("all sources"):
        return "Came to its end", "ok", ""
    by = f"asked for by {stopped.by}" if stopped is not None and stopped.by else ""
    return ("Drain cut short by Stop" if status.drain else "Stopped by hand"), "ended", by


def _held_by(message: str) -> str:
    """What the account of a drain says beside the number of items."""
    took, _, held = message.partition(": ")
    return ", ".join(filter(None, (held.partition(", ")[2], took)))


def _failure(status: Status, failed: EventStatus | None) -> str:
    if failed is None or failed.node is None:
        return "; ".join(status.reasons)
    on = f" on item {failed.item}" if failed.item is not None else ""
    error = failed.message.removeprefix(f"{failed.node}: ")
    sentence = f"{failed.node} failed{on}: {error}"
    node = next((node for node in status.nodes if node.name == failed.node), None)
    if on and node is not None and "error" in node.items_out:
        sentence += f". Draw {failed.node}.error to a sink to keep such items and go on"
    return sentence
