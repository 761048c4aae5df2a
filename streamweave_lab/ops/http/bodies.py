"""What clients send and are sent, as models: what is checked and what is described are the same."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from streamweave_lab.engine.protocol import Verb

R = TypeVar("R")

Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class Body(BaseModel):
    """Of every request that acts. An empty body is one without any member."""

    model_config = ConfigDict(extra="forbid", strict=True)

    why: str = Field("", max_length=500, description="Kept with the events, and with configuration versions.")

    def arguments(self) -> dict[str, Any]:
        """What the verb is called with."""
        return self.model_dump(exclude={"why"})


class Nothing(Body):
    """What needs no more to be said."""


class Within(Body):
    """What may take a time."""

    timeout: Seconds = Field(30.0, description="Seconds after which it is ended by force.")


class Changes(Body):
    """Fields of the configuration, and their new values."""

    changes: dict[str, Any] = Field(
        min_length=1, max_length=1000, description='By dotted name: `{"speed": 60, "sink.path": "b"}`.'
    )

    def arguments(self) -> dict[str, Any]:
        """The changes themselves."""
        return dict(self.changes)


class Steps(Body):
    """How far a paused run goes on."""

    items: int | None = Field(None, ge=1, le=1_000_000, description="Items to let in; not together with `until`.")
    until: float | None = Field(None, allow_inf_nan=False, description="Event time in seconds, to be reached.")
    timeout: Seconds = Field(30.0, description="Seconds for items in flight.")


class Looks(Body):
    """Which items to look at."""

    pattern: str = Field(min_length=1, max_length=200, description='Of port names, as of files: "parse.*".')
    n: int = Field(10, ge=1, le=1000, description="Items at each port.")
    seconds: float | None = Field(None, ge=0, le=600, allow_inf_nan=False, description="How long at most.")
    every: int = Field(1, ge=1, le=1_000_000, description="Look at one in so many.")


class Back(Body):
    """To which configuration."""

    version: int = Field(ge=1, le=2**53, description="As GET /config/history numbers them.")


class ProblemDocument(BaseModel):
    """What went wrong (RFC 9457). `type` names it for programs, `detail` says what to do."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    problems: list[str] | None = Field(None, description="A sentence each, where several things are wrong.")


class CheckDocument(BaseModel):
    """One of the things a probe looks at."""

    name: str
    ok: bool
    detail: str


class HealthDocument(BaseModel):
    """The answer to a probe."""

    status: str = Field(description='As "ready", "not ready".')
    reasons: list[str] = Field(description="Why not, a sentence each.")
    since: str | None = Field(description="RFC 3339: since when it has been so, where that is known.")
    graph: str | None = Field(None, description="With `?verbose`.")
    state: str | None = Field(None, description="Of the run; with `?verbose`.")
    checks: list[CheckDocument] | None = Field(None, description="All that was looked at; with `?verbose`.")


class ProgressDocument(BaseModel):
    """How far an operation has come."""

    seconds: float = Field(description="Since it was asked for.")
    state: str = Field(description="Of the run.")
    phase: str | None = Field(description="Of a drain: sources, in flight, windows, sinks, close.")
    queued: int = Field(description="Items that wait in channels.")
    held: int = Field(description="Items that nodes keep back.")


class OperationDocument(BaseModel, Generic[R]):
    """Something that was asked of the run."""

    id: str
    verb: Verb
    state: Literal["running", "done", "failed"]
    asked_at: float = Field(description="Wall time in seconds.")
    ended_at: float | None
    progress: ProgressDocument | None = Field(description="While it is running.")
    result: R | None = Field(description="The report, once it is done.")
    problem: ProblemDocument | None = Field(description="Why it failed.")


class OperationsDocument(BaseModel):
    """The operations that are remembered, newest first."""

    operations: list[OperationDocument[Any]]


class ChangeDocument(BaseModel):
    """One field that would change."""

    field: str
    old: Any
    new: Any
    live: bool = Field(description="It can change while the run goes on.")


class PlanDocument(BaseModel):
    """What a reload would change."""

    changes: list[ChangeDocument]
    refused: list[str] = Field(description="A sentence for each change that would be refused; then none is applied.")


class HistoryDocument(BaseModel):
    """The configuration versions of the run, newest first."""

    versions: list[dict[str, Any]]


class TopologyDocument(BaseModel):
    """The drawing of the graph."""

    graph: str
    mermaid: str
    svg: str
