"""What comes over the line, as the objects that a run in this process gives: reports, plans, errors."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import SecretBytes, SecretStr, TypeAdapter, ValidationError

from streamweave_lab.config.history import History, Version
from streamweave_lab.config.plan import Plan
from streamweave_lab.engine.reports import Checkpointed, Drained, Reloaded, Stopped
from streamweave_lab.engine.status import EventStatus, Status
from streamweave_lab.engine.step import Stepped
from streamweave_lab.engine.tap import Tapped
from streamweave_lab.errors import ConfigError, IllegalMoveError, RemoteError, StateError, UnreachableError
from streamweave_lab.remote.line import Problem

REPORTS: dict[str, type] = {
    "drain": Drained,
    "suspend": Checkpointed,
    "checkpoint": Checkpointed,
    "stop": Stopped,
    "reload": Reloaded,
    "configure": Reloaded,
    "rollback": Reloaded,
    "plan": Plan,
    "step": Stepped,
    "tap": Tapped,
}
"""What a verb answers; one that is not here answers nothing."""


def report(verb: str, result: Any) -> Any:
    """The report of a verb. Raises: RemoteError if it is not one."""
    kind = REPORTS.get(verb)
    if kind is None:
        return None
    try:
        return _adapter(kind).validate_python(result)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise RemoteError(
            f"the report of {verb} cannot be read: {where}: {first['msg']}; are the versions equal?"
        ) from None


def history(document: Any) -> History:
    """The versions that were answered. Raises: RemoteError if they are none."""
    try:
        versions = _adapter(tuple[Version, ...]).validate_python(document["versions"])
    except (ValidationError, KeyError, TypeError):
        raise RemoteError("the history cannot be read; are the versions equal?") from None
    found = History()
    found.versions = versions
    return found


def status(document: Any, url: str, before: Status | None) -> Status:
    """The Status that was answered; its events are the same objects as in the one `before`.

    Raises: UnreachableError if it is none.
    """
    try:
        read = Status.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UnreachableError(
            f"what answers at {url} is not a run that this version can read: {where}: {first['msg']}"
        ) from None
    if before is None:
        return read
    known = {key(event): event for event in before.events}
    return read.model_copy(update={"events": tuple(known.get(key(event), event) for event in read.events)})


def key(event: EventStatus) -> tuple[float, str, str]:
    """What tells one event from another."""
    return event.at, event.event, event.message


def error(problem: Problem, graph: str, verb: str) -> Exception:
    """The error that a run in this process would have raised."""
    said, more = str(problem), problem.more
    problems = tuple(map(str, more.get("problems", ())))
    match problem.kind:
        case "illegal-move":
            return IllegalMoveError(graph, verb, str(more.get("state", "in another state")))
        case "configuration":
            return ConfigError(str(more.get("source", f"the configuration of run {graph!r}")), problems or (said,))
        case "state":
            return StateError(said)
        case _ if problem.status == 422:
            return ValueError("; ".join([said, *problems]))
    return RemoteError(f"run {graph!r} could not {verb}: {said}")


def revealed(value: Any) -> Any:
    """A value to be sent, with the secrets in it: pydantic would send their masks."""
    match value:
        case SecretStr():
            return value.get_secret_value()
        case SecretBytes():
            return value.get_secret_value().decode()
        case dict():
            return {name: revealed(each) for name, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [revealed(each) for each in value]
        case _:
            return value


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


__all__ = ["error", "history", "key", "report", "revealed", "status"]
