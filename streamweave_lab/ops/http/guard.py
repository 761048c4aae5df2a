"""What every request has to pass, whatever it asks for: the Host, its rate, its token, the size of its body."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.ops.http.limits import Allowance, Limits
from streamweave_lab.ops.http.problems import Problem, answered

if TYPE_CHECKING:
    from streamweave_lab.ops.http.api import Api

ANY = "*"
PROBES = frozenset({"/live", "/ready", "/startup"})
"""Never refused for coming too often: to refuse them would have the process restarted."""

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
}

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(?::\d{1,5})?")


class Guard:
    """The middleware that stands before all endpoints."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str], limits: Limits, *, exposed: bool) -> None:
        self._app, self._hosts, self._head = app, hosts, limits.head
        self._any_host = PROBES if exposed else frozenset[str]()
        self._rate = Allowance(limits.rate, limits.burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        name = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = name

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                sent["X-Request-ID"] = name
                for header, value in HEADERS.items():
                    sent.setdefault(header, value)
            await send(message)

        refusal = self._refusal(scope, headers)
        return await (self._app if refusal is None else answered(refusal))(scope, receive, marked)

    def _refusal(self, scope: Scope, headers: Headers) -> Problem | None:
        """Why this request is not let through."""
        # Beside h11's own limit, which is for what has not arrived whole.
        if sum(len(name) + len(value) for name, value in scope["headers"]) > self._head:
            return Problem(431, "too-large", f"the headers are larger than {self._head} bytes")
        hosts = headers.getlist("host")
        fits = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        checked = self._hosts != {ANY} and scope["path"] not in self._any_host
        if checked and (fits is None or fits[1].lower() not in self._hosts):
            # A page on the web whose name is made to point at 127.0.0.1 sends its own name as Host (DNS rebinding).
            allowed = ", ".join(sorted(self._hosts))
            return Problem(400, "host", f"the Host header names none of {allowed}; ask by one of these names")
        if scope["path"] in PROBES:
            return None
        wait = self._rate.spend(_address(scope), SYSTEM_CLOCK.now())
        return None if not wait else _too_often("requests", wait)


def has_token(api: Api, request: Request) -> bool:
    """Whether the request carries the token."""
    given = request.headers.getlist("authorization")
    scheme, _, text = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    return scheme.lower() == "bearer" and api.token.fits(text.strip())


def demand_token(api: Api, request: Request) -> None:
    """Raises: Problem 401 without the token, 429 for whoever tries one after the other."""
    if has_token(api, request):
        return
    if "authorization" in request.headers:
        wait = api.wrong.spend(_address(request.scope), SYSTEM_CLOCK.now())
        if wait:
            raise _too_often("wrong tokens", wait)
        what = "this is not the token of this server; it is in server.token, or in the file it was started with"
    else:
        what = "this needs the token of this server: send the header Authorization: Bearer TOKEN"
    raise Problem(401, "token", what, headers={"WWW-Authenticate": 'Bearer realm="streamweave"'})


def request_id(request: Request) -> str:
    """The id of this request, as it came or as it was given."""
    return str(request.state.request_id)


async def read_body(request: Request, limit: int) -> bytes:
    """The body. Raises: Problem 413 as soon as it is seen to be larger than `limit` bytes."""
    large = Problem(413, "too-large", f"the body is larger than {limit} bytes, which is more than any request needs")
    if int(request.headers.get("content-length") or 0) > limit:  # h11 has seen to it that it is a number
        raise large
    text = bytearray()
    async for part in request.stream():
        text += part
        if len(text) > limit:
            raise large
    return bytes(text)


def _address(scope: Scope) -> str:
    return str(scope["client"][0]) if scope.get("client") else ""


def _too_often(what: str, wait: float) -> Problem:
    seconds = max(1, int(wait + 0.999))
    sentence = f"too many {what} from this address; ask again after {seconds} s"
    return Problem(429, "too-many", sentence, headers={"Retry-After": str(seconds)})
