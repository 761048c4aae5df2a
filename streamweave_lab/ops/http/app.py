"""The ASGI application, made from the table."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import cache, partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from streamweave_lab.ops.http.api import Api, Endpoint
from streamweave_lab.ops.http.guard import Guard, demand_token
from streamweave_lab.ops.http.openapi import describe
from streamweave_lab.ops.http.plain import encoded
from streamweave_lab.ops.http.problems import Problem, answered, problem_of
from streamweave_lab.ops.http.table import TABLE

LOG = logging.getLogger("streamweave_lab.http")
_DESCRIBED = cache(partial(describe, "", TABLE))
for _logger in (LOG, logging.getLogger("uvicorn")):
    # Else what is logged would be printed into whatever cell runs, where nobody has set up logging.
    _logger.addHandler(logging.NullHandler())


def application(api: Api, hosts: frozenset[str], *, exposed: bool) -> Starlette:
    """What answers for `api.run`; `hosts` are the names it may be asked by ("*": any).

    Where it is `exposed` to other machines, probes are answered by any name: they come to an address.

    It never waits for the run, save where a client asks it to: all else can be answered at once from any thread.
    """
    info = _DESCRIBED()["info"] | {"title": f"Run {api.run.name}"}
    api.description = encoded(_DESCRIBED() | {"info": info})
    app = Starlette(
        routes=[Route(each.path, _answering(api, each), methods=[each.method]) for each in TABLE],
        middleware=[Middleware(Guard, hosts=hosts, limits=api.limits, exposed=exposed)],
        exception_handlers={Problem: _problem, HTTPException: _no_route},
    )
    app.router.redirect_slashes = False
    return app


def _answering(api: Api, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        if not endpoint.open:
            demand_token(api, request)
        try:
            return await endpoint.answer(api, request)
        except Problem:
            raise
        except ClientDisconnect:
            return Response(status_code=400)  # which nobody reads
        except Exception as error:
            LOG.exception("%s %s", endpoint.method, endpoint.path)
            raise problem_of(error, endpoint.path) from error

    return answer


async def _problem(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)  # noqa: S101 - it is what this is registered for
    return answered(problem)


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is what this is registered for
    allowed = (error.headers or {}).get("Allow", "")
    what = (
        f"this is asked with {allowed}, not {request.method}"
        if error.status_code == 405
        else "there is nothing here; GET /openapi.json describes what there is"
    )
    kind = "method" if error.status_code == 405 else "not-found"
    return answered(Problem(error.status_code, kind, what, headers=error.headers))
