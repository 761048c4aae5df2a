"""What acts: each POST is an operation, which can be looked up until it is over and for a while after."""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from math import isfinite

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json
from starlette.requests import Request
from starlette.responses import Response

from streamweave_lab.engine.protocol import Verb
from streamweave_lab.ops.http.api import Answer, Api, answer
from streamweave_lab.ops.http.bodies import Body
from streamweave_lab.ops.http.guard import read_body, request_id
from streamweave_lab.ops.http.operations import Operation
from streamweave_lab.ops.http.problems import Problem

LONGEST_WAIT = 30.0
AT_ONCE = 0.25
"""Seconds in which a run refuses what it cannot do, so that the answer to the request already says so."""

_KEY = re.compile(r"[!-~]{1,255}")


def act(verb: Verb, body: type[Body]) -> Answer:
    """The endpoint that asks for `verb`."""

    async def asked(api: Api, request: Request) -> Response:
        wait, key = _wait(request), _key(request)
        said = _parsed(body, await read_body(request, api.limits.body))
        operation = api.operations.begin((verb, said.arguments(api.verify), said.why, request_id(request)), key)
        over = await operation.wait(max(AT_ONCE, wait))
        if operation.problem is not None:
            raise _of_operation(operation)
        return _answer(api, operation, 200 if over and wait else 202)

    return asked


async def operation(api: Api, request: Request) -> Response:
    """GET /operations/{id}."""
    api.operations.look_after()
    found, wait = api.operations.find(request.path_params["id"]), _wait(request)
    await found.wait(wait)
    return _answer(api, found, 200)


async def operations(api: Api, _: Request) -> Response:
    """GET /operations."""
    api.operations.look_after()
    status = api.run.status()
    # Without what taps have seen: it may be long, and the list is made at once, between two probes.
    shown = [each.document(status) | ({"result": None} if each.verb == "tap" else {}) for each in api.operations]
    return answer({"operations": shown})


def _answer(api: Api, operation: Operation, status: int) -> Response:
    where = {"Location": f"/operations/{operation.id}"}
    return answer(operation.document(api.run.status()), status, where)


def _of_operation(operation: Operation) -> Problem:
    """The problem once more, for each request that it is the answer to."""
    problem = operation.problem
    assert problem is not None  # noqa: S101 - it is why this is called
    where = {"Location": f"/operations/{operation.id}"}
    more = problem.more | {"operation": operation.id}
    return Problem(problem.status, problem.kind, problem.detail, problems=problem.problems, headers=where, **more)


def _parsed(body: type[Body], text: bytes) -> Body:
    try:
        document = from_json(text, allow_inf_nan=False) if text.strip() else {}
    except ValueError as error:
        what = f"the body is not JSON: {error}; send an object, such as {json.dumps(body.example)}"
        raise Problem(400, "malformed", what) from error
    if not isinstance(document, dict):
        what = f"the body is a JSON {_kind(document)}; send an object, such as {json.dumps(body.example)}"
        raise Problem(422, "invalid", what)
    try:
        return body.model_validate(document)
    except ValidationError as error:
        problems = tuple(_sentence(body, each) for each in error.errors(include_url=False))
        what = f"the body does not fit; send such as {json.dumps(body.example)}"
        raise Problem(422, "invalid", what, problems=problems) from error


def _sentence(body: type[Body], error: ErrorDetails) -> str:
    where = ".".join(map(str, error["loc"])) or "body"
    match error["type"]:
        case "missing":
            return f"{where}: is missing"
        case "extra_forbidden":
            near = get_close_matches(where, body.model_fields, n=1)
            return f"{where}: is not known; " + (
                f"did you mean {near[0]}?" if near else f"there is {', '.join(body.model_fields)}"
            )
    return f"{where}: {error['msg']}"


def _kind(document: object) -> str:
    return {list: "array", str: "string", bool: "boolean", type(None): "null"}.get(type(document), "number")


def _wait(request: Request) -> float:
    text = request.query_params.get("wait", "0")
    try:
        seconds = float(text) if len(text) < 32 else -1.0
    except ValueError:
        seconds = -1.0
    if not (isfinite(seconds) and 0 <= seconds <= LONGEST_WAIT):
        what = f"wait is a number of seconds from 0 to {LONGEST_WAIT:g}, not {text[:40]!r}; ask again to wait longer"
        raise Problem(422, "invalid", what)
    return seconds


def _key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and _KEY.fullmatch(key) is None:
        raise Problem(422, "invalid", "Idempotency-Key is 1 to 255 visible ASCII characters, such as a UUID")
    return key
