"""Where a run is to be served, and the token that opens it."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamweave_lab.errors import ConfigError

if TYPE_CHECKING:
    from streamweave_lab.engine.run import LocalRun
    from streamweave_lab.ops.server import Server

LARGEST_PORT = 65535
SHORT = 16
"""Characters: a token with fewer is warned of."""


@dataclass(frozen=True)
class Serving:
    """What `--serve` and its companions say."""

    host: str
    port: int
    token_file: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    token_made: bool = False
    """The token is new: nobody knows it yet."""

    def begin(self, run: LocalRun, verify: float = 0.0) -> Server:
        """Serve `run`, whose changes are watched for `verify` seconds unless it is said.

        Raises: OSError that names the port, if it is taken; ConfigError; ValueError.
        """
        files = {"token_file": self.token_file, "certfile": self.cert, "keyfile": self.key}
        given: dict[str, Any] = {name: file for name, file in files.items() if file is not None}
        try:
            return run.serve(self.host, self.port, verify=verify, **given)
        except ValueError as error:
            raise ConfigError("--serve", (str(error),)) from None

    def tell(self, run: LocalRun, server: Server) -> None:
        """Note among the events of `run` where it is served, what opens it, and how safe that is; never the token."""
        run.told("server.started", self._served(server))
        for weakness in self._weaknesses(server):
            run.told("server.weak_token", f"warning: {weakness}", level="warning")

    def _served(self, server: Server) -> str:
        closed = self.token_file is None and not {"STREAMWEAVE_TOKEN", "STREAMWEAVE_TOKEN_FILE"} & set(os.environ)
        what = "probes and metrics only; --token-file FILE lets others look and act" if closed else "with a token"
        made = f"; a new one was made, and is in {self.token_file}" if self.token_made else ""
        return f"served at {server.url} ({what}{made})"

    def _weaknesses(self, server: Server) -> Iterator[str]:
        if len(server.token) < SHORT:
            yield f"the token has fewer than {SHORT} characters, and may be guessed; delete its file for a new one"
        named = self.token_file or os.environ.get("STREAMWEAVE_TOKEN_FILE")
        with suppress(OSError):
            if named is not None and Path(named).stat().st_mode & stat.S_IROTH:
                yield f"all users of this machine can read {named}; chmod 600 {named}"


def address(text: str) -> tuple[str, int]:
    """The host and port of "8080", "0.0.0.0:8080" or "[::1]:8080"; 127.0.0.1 where only the port is said.

    Raises: ValueError.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (port.isascii() and port.isdigit() and int(port) <= LARGEST_PORT):
        raise ValueError(f"{text!r} is no address; write PORT or HOST:PORT, such as 8080 or 0.0.0.0:8080")
    return host or "127.0.0.1", int(port)


def made_if_missing(token_file: Path) -> bool:
    """Put a new token into a file that only this user can read, unless it is there. Returns: it was made.

    Raises: ConfigError if it cannot be made; OSError if the disk is full.
    """
    try:
        made = os.open(token_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    except OSError as error:
        raise ConfigError(f"--token-file {token_file}", (f"it cannot be made: {error.strerror}",)) from None
    try:
        with os.fdopen(made, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
    except OSError as error:
        token_file.unlink()  # else the next process would find it, with no token in it
        what = f"the token cannot be written to {token_file}: {error.strerror}; make room there, and start again"
        raise OSError(error.errno, what) from error
    return True


__all__ = ["Serving", "address", "made_if_missing"]
