"""Every exception a user may catch. Each is built where its facts are, and keeps them as attributes."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any


class StreamweaveError(Exception):
    """The base of all errors of this package."""


class GraphError(StreamweaveError):
    """A drawing that cannot run: an open port, a name used twice, a cycle, item types that do not fit."""


class ConfigError(StreamweaveError):
    """A configuration that was refused; `problems` has one sentence for each thing that is wrong."""

    def __init__(self, source: str, problems: tuple[str, ...]) -> None:
        self.source = source
        self.problems = problems
        said, name = "; ".join(problems), f"file {PurePath(source).name or source} "
        super().__init__(f"{source} {said.removeprefix(name)}" if said.startswith(name) else f"{source}: {said}")


class IllegalMoveError(StreamweaveError):
    """A verb that the run's present state does not allow, such as resuming a run that has stopped."""

    def __init__(self, graph: str, verb: str, state: str) -> None:
        self.graph, self.verb, self.state = graph, verb, state
        remedy = _REMEDIES.get(f"{state}, {verb}") or _REMEDIES.get(state, "")
        super().__init__(f"run {graph!r} is {state}: it cannot {verb} now{remedy and '; ' + remedy}")


_REMEDIES = {
    "starting": "wait until it has started",
    "running, step": "pause it first",
    "running, resume": "it flows already",
    "paused, pause": "nothing flows already",
    "paused": "resume it first",
    "draining": "it is about to end; await done() to see how",
    "suspending": "it is about to end; await done() to see how",
    "stopped": "start the graph again",
    "failed": "start the graph again",
}
"""What to do about a verb that a state does not allow."""


class NotRunningError(StreamweaveError):
    """Asked of a drawn node what only a node in a run can answer."""

    def __init__(self, node: str, what: str) -> None:
        self.node, self.what = node, what
        super().__init__(f"{node!r} is a drawing and has no {what}; ask the node in a run: run[{node!r}].{what}")


class RunFailedError(StreamweaveError):
    """The run ended because a node failed; `node`, `item` and the cause tell which, on what, and why.

    `node` is "" where none is to blame, as for state that could not be kept; `item` is None where it was not about one
    item; `why` says why supervision did not let it go on, if it did before.
    The message tells of item and error what the graph's `redact` lets be seen; the attributes are what they are.
    """

    def __init__(
        self, graph: str, node: str, item: object, error: BaseException, *, has_error_port: bool = True,
        item_shown: str | None = None, error_shown: str | None = None, why: str = "",
    ) -> None:  # fmt: skip
        self.graph, self.node, self.item, self.error, self.why = graph, node, item, error, why
        on = "" if item is None else f" on item {_short(item) if item_shown is None else item_shown}"
        can_go_on = on and has_error_port and not isinstance(error, NotAwaitedError | NotImplementedError)
        hint = f"; draw {node}.error to a sink to keep such items and go on" if can_go_on else ""
        where = node and f" in node {node!r}"
        reasons = "; ".join(filter(None, (error_shown or repr(error), why)))
        super().__init__(f"run {graph!r} failed{where}{on}: {reasons}{hint}")


class NotAwaitedError(StreamweaveError, TypeError):
    """A function that is no coroutine function returned a coroutine to a node that does not await it."""

    def __init__(self, kind: str, coroutine: str) -> None:
        self.kind, self.coroutine = kind, coroutine
        remedy = (
            f"give {kind} an async function: {coroutine} itself, or one made with async def"
            if kind == "ForEach"
            else "await it in a MapAsync, which takes an async function"
        )
        super().__init__(f"the function returned the coroutine {coroutine!r}, which {kind} does not await; {remedy}")

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.kind, self.coroutine)  # so that it can come from a worker process


class NoEventTimeError(StreamweaveError):
    """An item without event time came to a node that goes by event time."""

    def __init__(self, node: str) -> None:
        self.node = node
        super().__init__(
            f"{node!r} goes by event time, and this item has none; "
            f"give the source it comes from a time=, a function of an item to seconds"
        )


class HoldFullError(StreamweaveError):
    """A node holds as many items as it may, and another came; `hold` is that number."""

    def __init__(self, node: str, hold: int, what: str) -> None:
        self.node, self.hold = node, hold
        super().__init__(
            f"{node!r} holds {hold} {what}, and may hold no more; see which input lags behind, or give it a larger hold"
        )


class UnmatchedError(StreamweaveError, LookupError):
    """An item for whose key a table has no row, or none that is recent enough."""

    def __init__(self, node: str, key: object) -> None:
        self.node, self.key = node, key
        super().__init__(
            f"{node!r} has no row for the key {_short(key)}; give it otherwise=, a function of such an item"
        )


class StateError(StreamweaveError):
    """State that cannot be kept, read or gone on from; the message says which, where, and what to do."""


class StoreHeldError(StateError):
    """A graph's place in a store is another run's: only one at a time may keep its state there."""


class WorkerLostError(StreamweaveError):
    """The worker process that worked on an item died, and the one that tried the item again died too."""

    def __init__(self, node: str, how: str) -> None:
        self.node, self.how = node, how
        super().__init__(f"{node!r}: the worker process with this item {how}, and so did the one that tried it again")


class DrillRefusedError(StreamweaveError):
    """A drill that cannot be: its graph is not marked as one that may be drilled, or the node is not fit for it."""


class DrilledError(StreamweaveError):
    """What a drill lets a node raise; nothing is wrong with the node itself."""

    def __init__(self, drill: str, node: str) -> None:
        self.drill, self.node = drill, node
        super().__init__(f"the drill {drill!r} on {node!r}")


class UsedUpError(StreamweaveError):
    """A source whose items can be had only once was asked for them a second time."""

    def __init__(self, node: str, items: object) -> None:
        self.node = node
        super().__init__(
            f"{node!r} replays a {type(items).__name__}, which an earlier run has used up; "
            f"draw it from something that can be gone through again, such as a list"
        )


class MissingExtraError(StreamweaveError, ImportError):
    """A feature whose packages are not installed; the message says what to install."""

    def __init__(self, feature: str, extra: str) -> None:
        self.feature, self.extra = feature, extra
        super().__init__(f'{feature} needs the extra "{extra}": pip install "streamweave_lab[{extra}]"')


class RemoteError(StreamweaveError):
    """A run of another process could not be asked, or has not done what it was asked for; the message says which."""


class UnreachableError(RemoteError, ConnectionError):
    """The process of a run does not answer, or what answers there is no run."""


class NotAllowedError(RemoteError, PermissionError):
    """A run of another process was asked without a token, or with a wrong one."""


class NotHereError(StreamweaveError, KeyError):
    """Asked of a run of another process what only the objects in that process can answer."""

    def __init__(self, run: str, node: str) -> None:
        self.run, self.node = run, node
        super().__init__(
            f"the node {node!r} lives in the process of run {run!r}: look at what passes it with "
            f"await run.tap({node + '.*'!r}), and at its counts with run.status().node({node!r})"
        )

    __str__ = Exception.__str__  # a KeyError shows its message in quotes


def _short(item: Any, limit: int = 80) -> str:
    text = repr(item)
    return text if len(text) <= limit else text[: limit - 1] + "…"
