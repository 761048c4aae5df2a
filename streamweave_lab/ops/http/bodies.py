"""What clients send and are sent, as models: what is checked and what is described are the same."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from streamweave_lab.config.history import Outcome
from streamweave_lab.engine.protocol import Verb

R = TypeVar("R")

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def _whole(value: Any) -> Any:
    """In JSON 3.0 is an integer too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class Body(BaseModel):
    """Of every request that acts. An empty body is one without any member."""

    model_config = ConfigDict(extra="forbid", strict=True)
    example: ClassVar[dict[str, Any]] = {}

    why: str = Field("", max_length=500, description="Kept with the events, and with configuration versions.")

    def arguments(self, verify: float = 0.0) -> Arguments:
        """What the verb is called with; a change that does not say it is watched for `verify` seconds."""
        return (), self.model_dump(exclude={"why"})


class Nothing(Body):
    """What needs no more to be said."""


class Within(Body):
    """What may take a time."""

    example = {"timeout": 30}

    timeout: Seconds = Field(30.0, description="Seconds after which it is ended by force.")


class Verified(Body):
    """A change that may be watched."""

    example = {"why": "the limit was too tight", "verify": 5}

    verify: float | None = Field(
        None, ge=0, le=600, allow_inf_nan=False,
        description="Seconds for which the run is watched afterwards; if it does worse, the change is rolled back. "
        "By default as the process was started with, `run --verify`; 0: not at all.",
    )  # fmt: skip

    def arguments(self, verify: float = 0.0) -> Arguments:
        """What the verb is called with."""
        return (), self.model_dump(exclude={"why"}) | {"verify": verify if self.verify is None else self.verify}


class Changes(Verified):
    """Fields of the configuration, and their new values."""

    example = {"changes": {"speed": 60}, "why": "the limit was too tight"}

    changes: dict[str, Any] = Field(
        min_length=1, max_length=1000, description='By dotted name: `{"speed": 60, "sink.path": "b"}`.'
    )

    def arguments(self, verify: float = 0.0) -> Arguments:
        """By place, so that a field may have any name."""
        return (dict(self.changes), verify if self.verify is None else self.verify), {}


class Steps(Body):
    """How far a paused run goes on."""

    example = {"items": 1}

    items: Whole | None = Field(None, ge=1, le=1_000_000, description="Items to let in; not together with `until`.")
    until: float | None = Field(None, allow_inf_nan=False, description="Event time in seconds, to be reached.")
    timeout: Seconds = Field(30.0, description="Seconds for items in flight.")


class Looks(Body):
    """Which items to look at."""

    example = {"pattern": "parse.*", "n": 5}

    pattern: str = Field(min_length=1, max_length=200, description='Of port names, as of files: "parse.*".')
    n: Whole = Field(10, ge=1, le=1000, description="Items at each port.")
    seconds: float | None = Field(None, ge=0, le=600, allow_inf_nan=False, description="How long at most.")
    every: Whole = Field(1, ge=1, le=1_000_000, description="Look at one in so many.")


class Back(Verified):
    """To which configuration."""

    example = {"version": 1, "why": "errors rose"}

    version: Whole | None = Field(
        None, ge=1, le=2**53, description="As GET /config/history numbers them; else the one before that in force."
    )


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
    notes: list[str] = Field(description="A sentence for each value that a change at run time hides.")


class VersionDocument(BaseModel):
    """One configuration that the run was started with, or was asked to take."""

    id: int = Field(description="Its place in the history; what was refused has one too.")
    version: int | None = Field(description="The number under which it was in force; None if it never was.")
    outcome: Outcome
    at: float = Field(description="Wall time in seconds.")
    who: str
    why: str
    request_id: str | None
    changes: list[ChangeDocument]
    schema_version: int | None
    fingerprint: str | None
    values: dict[str, Any]
    sources: dict[str, str] = Field(description="Where each value came from.")
    epoch: int | None
    restores: int | None = Field(description="The version whose values it brought back.")
    notes: list[str]


class HistoryDocument(BaseModel):
    """The configuration versions of the run, newest first, the last 100; secrets are masked."""

    versions: list[VersionDocument]


class TopologyDocument(BaseModel):
    """The drawing of the graph."""

    graph: str
    mermaid: str
    svg: str
