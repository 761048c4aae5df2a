"""What goes wrong, as answers: application/problem+json (RFC 9457)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import CancelledError
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from streamweave_lab.errors import ConfigError, IllegalMoveError, RunFailedError, StateError, StreamweaveError
from streamweave_lab.ops.http.plain import encoded

URN = "urn:streamweave:problem:"
"""What `type` begins with; what follows names the problem for programs, such as "illegal-move"."""


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """An answer that is not what was asked for: its status, its kind, and a sentence that says what to do."""

    def __init__(
        self, status: int, kind: str, detail: str, *, problems: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None, **more: Any,
    ) -> None:  # fmt: skip
        super().__init__(detail)
        self.status, self.kind, self.detail, self.problems = status, kind, detail, problems
        self.headers = dict(headers or {})
        self.more = more

    def document(self) -> dict[str, Any]:
        """The members of the answer."""
        document = {
            "type": URN + self.kind,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        return document | ({"problems": list(self.problems)} if self.problems else {}) | self.more


def problem_of(error: BaseException, verb: str) -> Problem:
    """What a verb raised, as an answer."""
    match error:
        case Problem():
            return error
        case IllegalMoveError():
            return Problem(409, "illegal-move", str(error), graph=error.graph, verb=error.verb, state=error.state)
        case ConfigError():
            return Problem(422, "configuration", str(error), problems=error.problems, source=error.source)
        case RunFailedError():
            return Problem(409, "run-failed", str(error), node=error.node)
        case StateError() | StreamweaveError():
            return Problem(409, "state", str(error))
        case LookupError() | ValueError() | TypeError():
            return Problem(422, "refused", _words(error))
        case CancelledError() | asyncio.CancelledError():
            return Problem(409, "ended", f"{verb} was given up: the run, or its event loop, ended before it was over")
    return Problem(500, "internal", f"{verb} raised {type(error).__name__}: {error}; the log of the process has more")


def answered(problem: Problem) -> Response:
    """The answer itself."""
    return Response(encoded(problem.document()), problem.status, problem.headers, "application/problem+json")


def _words(error: BaseException) -> str:
    """A KeyError's own text is the repr of its message."""
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error) or type(error).__name__


__all__ = ["Problem", "answered", "problem_of"]
