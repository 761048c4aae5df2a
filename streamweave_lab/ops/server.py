"""Probes and metrics over HTTP, from a thread of their own: they answer while the run's event loop does not."""

from __future__ import annotations

import asyncio
import html
import ipaddress
import socket
import threading
import weakref
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.engine.status import Status
from streamweave_lab.errors import MissingExtraError
from streamweave_lab.ops import health

try:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, JSONResponse, Response
    from starlette.routing import Route

    from streamweave_lab.ops import metrics
except ImportError as error:
    raise MissingExtraError("run.serve()", "ops") from error

if TYPE_CHECKING:
    from types import TracebackType

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
}


class Served(Protocol):
    """What the server asks of a run; all of it may be asked from any thread."""

    name: str

    def status(self) -> Status:
        """The run at this moment."""

    def heartbeat(self) -> float:
        """When the run's loop last answered, in seconds of the system's monotonic clock."""


class Server:
    """The HTTP server of one run: `url`, `close()`; a context manager. It ends with the process at the latest."""

    def __init__(self, run: Served, listening: socket.socket, host: str) -> None:
        self.run = run
        self.port: int = listening.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        self._listening = listening
        self._uvicorn = uvicorn.Server(_settings(application(run, host)))
        self._thread = threading.Thread(target=self._serve, name=f"serve {run.name}", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<Server of run {self.run.name!r} at {self.url}{'' if self._thread.is_alive() else ', closed'}>"

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self, timeout: float = 5.0) -> None:
        """Stop answering and free the port, within `timeout` seconds. The run goes on. Twice does no harm."""
        self._uvicorn.should_exit = True
        self._thread.join(timeout)

    def _serve(self) -> None:
        # A loop of its own whatever the kernel's policy is, and no signal handlers outside the main thread.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner, self._listening:
            runner.run(self._uvicorn.serve(sockets=[self._listening]))


_servers: weakref.WeakSet[Server] = weakref.WeakSet()


def serve(run: Served, host: str = "127.0.0.1", port: int = 0) -> Server:
    """Answer GET /live, /ready and /metrics about `run` on a loopback address; port 0 takes a free one.

    A server that an earlier run of the same name has on this port is closed first, so a cell can be run twice.

    Raises: ValueError for an address that other machines can reach; OSError if the port is taken.
    """
    family = _loopback(run.name, host)
    for earlier in [server for server in _servers if server.port == port and server.run.name == run.name]:
        earlier.close()
    listening = socket.create_server((host, port), family=family)
    server = Server(run, listening, host)
    _servers.add(server)
    return server


def application(run: Served, host: str) -> Starlette:
    """The ASGI application. It never waits for the run: all it asks can be answered at once from any thread."""
    own = metrics.registry(run.status)

    async def live(_: Request) -> Response:
        return _answer("live", health.live(run.status(), _silent(run)))

    async def ready(_: Request) -> Response:
        return _answer("ready", health.ready(run.status()))

    async def scrape(request: Request) -> Response:
        body, content_type = metrics.exposition(own, request.headers.get("accept", ""))
        return Response(body, headers=HEADERS | {"Content-Type": content_type})

    async def index(_: Request) -> Response:
        return HTMLResponse(_index(run.name), headers=HEADERS)

    pages = {"/": index, "/live": live, "/ready": ready, "/metrics": scrape}
    # A page on the web whose name is made to point at 127.0.0.1 sends its own name as Host (DNS rebinding).
    names = ["localhost", "127.0.0.1", "[::1]", f"[{host}]" if ":" in host else host]
    return Starlette(
        routes=[Route(path, page, methods=["GET"]) for path, page in pages.items()],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=names, www_redirect=False)],
    )


def _silent(run: Served) -> float:
    return max(0.0, SYSTEM_CLOCK.now() - run.heartbeat())


def _answer(question: str, answer: health.Health) -> Response:
    since = (
        None if answer.since is None else datetime.fromtimestamp(answer.since, UTC).isoformat(timespec="milliseconds")
    )
    body: dict[str, Any] = {
        "status": question if answer.ok else f"not {question}",
        "reasons": list(answer.reasons),
        "since": since and since.replace("+00:00", "Z"),
    }
    return JSONResponse(body, 200 if answer.ok else 503, headers=HEADERS)


def _index(name: str) -> str:
    links = "".join(f'<li><a href="{path}">{path}</a>: {what}' for path, what in (
        ("/live", "would a restart help? 200 or 503"),
        ("/ready", "does the run take part in the work? 200 or 503, with reasons"),
        ("/metrics", "all counters, for Prometheus"),
    ))  # fmt: skip
    title = html.escape(f"Run {name}")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><ul>{links}</ul>'
    )


def _loopback(name: str, host: str) -> socket.AddressFamily:
    if host == "localhost":
        return socket.AF_INET
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise ValueError(
            f"run {name!r} cannot be served on {host!r}: whoever reaches that address could watch it, and this version "
            f"knows no token; serve on 127.0.0.1 and reach it through a tunnel, such as ssh -L"
        )
    return socket.AF_INET6 if address.version == 6 else socket.AF_INET


def _settings(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )


__all__ = ["Server", "application", "serve"]
