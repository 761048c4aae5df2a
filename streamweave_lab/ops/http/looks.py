"""What may be looked at with the token. Nothing here changes anything."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from streamweave_lab.engine.actor import acting
from streamweave_lab.ops.http.api import Api, answer
from streamweave_lab.ops.http.guard import request_id
from streamweave_lab.ops.http.plain import encoded
from streamweave_lab.ops.http.problems import Problem, problem_of

PATIENCE = 10.0
"""Seconds within which the run's loop must answer what only it can tell."""


async def status(api: Api, _: Request) -> Response:
    """GET /status."""
    now = api.run.status()
    try:
        text = now.model_dump_json().encode()
    except ValueError:  # such as text that is no text in any encoding, in an event
        text = encoded(now)
    return Response(text, media_type="application/json")


async def events(api: Api, request: Request) -> Response:
    """GET /events."""
    if api.feed.readers >= api.limits.streams:
        what = f"{api.limits.streams} readers have the events already; end one of them"
        raise Problem(429, "too-many-streams", what, headers={"Retry-After": "5"})
    asked = request.headers.get("last-event-id")
    if asked is not None and not (asked.isascii() and asked.isdigit() and len(asked) <= 18):
        what = f"Last-Event-ID is the number of an event, not {asked[:40]!r}; 0 begins with the oldest that is kept"
        raise Problem(422, "refused", what)
    if request.method == "HEAD":
        return Response(media_type="text/event-stream")
    after = api.feed.newest if asked is None else int(asked)
    return StreamingResponse(
        api.feed.stream(after), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


async def plan(api: Api, request: Request) -> Response:
    """GET /plan."""
    with acting("http", request_id=request_id(request)):
        try:
            future = api.run.ask("plan")
            return answer(await asyncio.wait_for(asyncio.wrap_future(future), PATIENCE))
        except TimeoutError:
            what = f"the run's event loop has not answered for {PATIENCE:g} s; GET /ready?verbose tells what holds it"
            raise Problem(409, "silent", what) from None
        except Exception as error:
            raise problem_of(error, "plan") from error


async def config(api: Api, _: Request) -> Response:
    """GET /config."""
    in_force = api.run.status().config
    if in_force is None:
        raise Problem(404, "not-found", "the run was started without a configuration; pass config= to start")
    return answer(in_force)


async def history(api: Api, _: Request) -> Response:
    """GET /config/history."""
    history = getattr(api.run, "history", ())
    return answer({"versions": [version.public() for version in history]})


async def topology(api: Api, _: Request) -> Response:
    """GET /topology."""
    graph = getattr(api.run, "graph", None)
    if graph is None:
        raise Problem(404, "not-found", "this run has no drawing in this process")
    return answer({"graph": graph.name, "mermaid": graph.mermaid(), "svg": graph.svg()})
