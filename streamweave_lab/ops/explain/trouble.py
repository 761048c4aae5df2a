"""Which nodes are in trouble that may pass by itself: read off a Status."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streamweave_lab.engine.status import NodeStatus, Status
from streamweave_lab.engine.status_text import waits_for
from streamweave_lab.ops.explain.explanation import Explanation

HANGS_SECONDS = 30.0
"""An item that is awaited longer than this is said to hang."""


def trouble(status: Status) -> Iterator[Explanation]:
    """A sentence for each node that rests after a failure, or awaits an item that does not come back."""
    for node in status.nodes:
        if (found := trouble_of(node)) is not None:
            cause, said, facts = found
            yield Explanation("trouble", f"{node.name} {said}", {"cause": cause, "node": node.name} | facts)


def checkpoint(status: Status) -> Iterator[Explanation]:
    """A sentence where the last checkpoint was not committed, and one where a barrier does not come through."""
    kept, awaited = status.checkpoint, waits_for(status)
    if kept is not None and kept.problem is not None:
        since = "none is kept so far" if kept.last_id is None else f"checkpoint {kept.last_id} is the newest"
        facts = {"cause": "failed checkpoint", "failed": kept.failed, "last_id": kept.last_id, "last_at": kept.last_at}
        yield Explanation("checkpoint", f"the last one failed, {since}: {kept.problem}", facts)
    if awaited is not None and status.awaited is not None:
        yield Explanation("checkpoint", awaited, {"cause": "awaited barrier"} | status.awaited.model_dump(mode="json"))


def trouble_of(node: NodeStatus) -> tuple[str, str, dict[str, Any]] | None:
    """The cause, what is to be said after the node's name, and facts; None of a node that is well."""
    if node.state in ("ended", "failed"):
        return None
    if node.resting_seconds is not None:
        facts = {"seconds": node.resting_seconds, "restarts": node.restarts}
        return "resting node", "has failed, and rests before it begins again", facts
    if node.oldest_seconds is not None and node.oldest_seconds >= HANGS_SECONDS:
        more = f", of {node.held:,} in flight" if node.held > 1 else ""
        said = f"has been waiting for more than {HANGS_SECONDS:g} s for an item that does not come back{more}"
        return "hanging item", said, {"seconds": node.oldest_seconds, "held": node.held}
    return None
