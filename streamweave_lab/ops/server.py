"""The HTTP server of a run, in a thread of its own: it answers while the run's event loop does not."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
import threading
import weakref
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from streamweave_lab.errors import ConfigError, MissingExtraError

try:
    import uvicorn

    from streamweave_lab.ops.http.api import Api, Served
    from streamweave_lab.ops.http.app import application
    from streamweave_lab.ops.http.certificate import Certificate, File, certificate_of
    from streamweave_lab.ops.http.guard import ANY
    from streamweave_lab.ops.http.limits import Limits
    from streamweave_lab.ops.http.tokens import Token, find_token
    from streamweave_lab.ops.http.wire import protocol
except ImportError as error:
    raise MissingExtraError("run.serve()", "ops") from error

if TYPE_CHECKING:
    from types import TracebackType

_EXPOSED = (
    "other machines can reach this address, and there is no token; give token_file= (or set STREAMWEAVE_TOKEN_FILE), "
    "or serve on 127.0.0.1 and reach it through a tunnel, such as ssh -L"
)
_REMEDIES = {
    errno.EADDRINUSE: "end what listens there, or give port=0 to take a free one",
    errno.EACCES: "ports below 1024 are for the administrator; take a higher one",
}
_LARGEST_PORT = 65535
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


class _Loop(asyncio.SelectorEventLoop):
    """Of a server: who does not finish a TLS handshake is cut off as who does not finish a request."""

    async def create_server(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("ssl") is not None:
            kwargs.setdefault("ssl_handshake_timeout", Limits.read_seconds)
        return await super().create_server(*args, **kwargs)

    async def cut_off(self) -> None:
        """Close the connections of who has not finished a handshake, or does not answer the farewell of TLS."""
        transports: dict[int, asyncio.Transport] = getattr(self, "_transports", {})  # asyncio's own, and nowhere else
        for transport in list(transports.values()):
            transport.abort()
        await asyncio.sleep(0)


class Server:
    """The HTTP server of one run: `url`, `token`, `close()`; a context manager. It ends with the process."""

    def __init__(
        self, run: Served, listening: socket.socket, host: str, token: Token, *, hosts: frozenset[str],
        certificate: Certificate | None = None, limits: Limits | None = None, verify: float = 0.0,
    ) -> None:  # fmt: skip
        self.run = run
        self.port: int = listening.getsockname()[1]
        self.url = _url(host, self.port, tls=certificate is not None)
        self._token, self._listening, self._certificate = token, listening, certificate
        limits = limits or Limits()
        files = certificate.files if certificate is not None else (None, None)
        self._api = Api(run, token, limits, verify)
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                application(self._api, hosts, exposed=not _is_loopback(host)),
                http=protocol(limits),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=1,
                h11_max_incomplete_event_size=limits.head,
                ssl_certfile=files[0],
                ssl_keyfile=files[1],
            )
        )
        self._thread = threading.Thread(target=self._serve, name=f"serve {run.name}", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<Server of run {self.run.name!r} at {self.url}{'' if self._thread.is_alive() else ', closed'}>"

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def token(self) -> str:
        """What a client sends as `Authorization: Bearer …`. A secret: it opens all that this run can be asked."""
        return self._token.text

    def close(self, timeout: float = 5.0) -> None:
        """Stop answering and free the port, within `timeout` seconds. The run goes on. Twice does no harm."""
        self._api.close()
        self._uvicorn.should_exit = True
        self._thread.join(timeout)

    def _serve(self) -> None:
        # A loop of its own whatever the kernel's policy is, and no signal handlers outside the main thread.
        with asyncio.Runner(loop_factory=_Loop) as runner, self._listening:
            self._api.loop = runner.get_loop()
            runner.run(self._answer())

    async def _answer(self) -> None:
        config, certificate = self._uvicorn.config, self._certificate
        config.load()
        renewing = None
        if certificate is not None and config.ssl is not None:
            certificate.used_by(config.ssl)
            renewing = asyncio.create_task(certificate.renewing(self._tell))
        await self._uvicorn.serve(sockets=[self._listening])
        if renewing is not None:
            renewing.cancel()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, _Loop)  # noqa: S101 - it was made for this
        await loop.cut_off()

    def _tell(self, event: str, message: str, level: str) -> None:
        """Among the events of the run, on its own loop, where there is one."""
        told, loop = getattr(self.run, "told", None), getattr(self.run, "loop", None)
        if told is not None and loop is not None:
            with suppress(RuntimeError):  # it has ended meanwhile
                loop.call_soon_threadsafe(partial(told, event, message, level=level))


_servers: weakref.WeakSet[Server] = weakref.WeakSet()


def serve(
    run: Served, host: str = "127.0.0.1", port: int = 0, *, token: str | None = None, token_file: File | None = None,
    certfile: File | None = None, keyfile: File | None = None, hosts: tuple[str, ...] = (),
    limits: Limits | None = None, verify: float = 0.0,
) -> Server:  # fmt: skip
    """Answer the HTTP API of `run`, which GET /openapi.json describes; port 0 takes a free one.

    Probes and metrics are open to all; everything else needs the token: `token`, or what is in `token_file`, or in
    the file that STREAMWEAVE_TOKEN_FILE names, or STREAMWEAVE_TOKEN. On a loopback address a random one is made if
    there is none; any other address is refused without one. With `certfile` (and `keyfile`, unless the key is in
    the same file), both PEM, it speaks TLS. New connections use files that were renewed within seconds; of what cannot
    be used the event `tls.refused` tells, and the certificate before serves on. On loopback only the names of this
    machine are accepted as Host; elsewhere `hosts`, or any name if none are given.

    A change of the configuration that does not say so is watched for `verify` seconds, as by `run.reload`.

    A server that an earlier run of the same name has on this port is closed first, so a cell can be run twice.

    Raises: ConfigError for a token or a certificate that cannot be used, or an address that needs a token and has
    none; OSError if the port is taken or the address is not of this machine.
    """
    if not 0 <= port <= _LARGEST_PORT:  # the resolver would take its lower 16 bits
        raise ConfigError(f"run {run.name!r}", (f"port {port} is none; give 0 to {_LARGEST_PORT}, 0 for a free one",))
    loopback = _is_loopback(host)
    found = token_for(run.name, host, token, token_file)
    certificate = certificate_of(certfile, keyfile)
    for earlier in [server for server in _servers if server.port == port and server.run.name == run.name]:
        earlier.close()
    named = frozenset({*map(_bracketed, hosts), *LOOPBACK, _bracketed(host)}) if hosts or loopback else frozenset({ANY})
    listening = _listen(host, port)
    server = Server(
        run, listening, host, found, hosts=named, certificate=certificate, limits=limits, verify=verify
    )  # fmt: skip
    _servers.add(server)
    return server


def token_for(name: str, host: str, token: str | None, token_file: File | None) -> Token:
    """The token that opens run `name` at `host`. Raises: ConfigError if it cannot be used, or there is none."""
    exposed = not _is_loopback(host)
    found = find_token(token, token_file, os.environ, exposed=exposed)
    if found.made and exposed:
        raise ConfigError(f"run {name!r} on {host!r}", (_EXPOSED,))
    return found


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # "localhost" may be both; the one that all clients try is the older.
        family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        return socket.create_server(address[:2], family=family, backlog=512)
    except OSError as error:
        # Not its strerror: with create_server that holds the address as well.
        why = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        remedy = _REMEDIES.get(error.errno or 0, "see that the address is one of this machine")
        raise OSError(error.errno, f"cannot listen on {host} port {port}: {why}; {remedy}") from error


def _url(host: str, port: int, *, tls: bool) -> str:
    """An address that a client on this machine can use."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it is what we are told
    return f"{'https' if tls else 'http'}://{_bracketed(reachable)}:{port}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host.lower()


__all__ = ["Server", "serve", "token_for"]
