"""The certificate of a server and its key, which new connections use as soon as they have been renewed."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamweave_lab.errors import ConfigError

File = str | os.PathLike[str]
Tell = Callable[[str, str, str], None]
"""Takes an event, its message and its level."""

LOOK_SECONDS = 1.0
"""Between two looks at the files; two that find the same, and it is as it is to stay."""


class Certificate:
    """The files `certfile` and `keyfile`, both PEM, and what was read from them. Raises: ConfigError, as `loaded`."""

    def __init__(self, certfile: File, keyfile: File | None) -> None:
        self.files = (certfile, keyfile)
        """Of the certificate, and of its key unless it is in the same."""
        self._read = self._last = self._state()
        self._context = loaded(certfile, keyfile)

    def used_by(self, listening: ssl.SSLContext) -> None:
        """Let who connects to `listening` meet what was last read, and not what `listening` has itself.

        To load it there would leave the certificate of another kind of key, such as RSA after EC, beside it.
        """

        def chosen(connection: Any, _name: str | None, _listening: ssl.SSLContext) -> None:
            connection.context = self._context

        listening.sni_callback = chosen

    async def renewing(self, tell: Tell) -> None:
        """Look at the files until this is cancelled, and read them when they have changed, or say why it cannot be."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look(tell)

    def look(self, tell: Tell) -> None:
        """Read the files if they are others than were read last, and no longer being written."""
        state = self._state()
        settled, self._last = state == self._last, state
        if state == self._read or not settled:
            return
        self._read = state
        try:
            self._context = loaded(*self.files)
        except ConfigError as error:
            tell("tls.refused", f"{error}; connections go on with the certificate before", "warning")
        else:
            tell("tls.renewed", f"new connections use the certificate that is now in {_names(*self.files)}", "info")

    def _state(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(_state(file) for file in self.files if file is not None)


def loaded(certfile: File, keyfile: File | None) -> ssl.SSLContext:
    """What a server needs to speak TLS. Raises: ConfigError where the files cannot be used for that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certfile, keyfile, password=_no_password)
    except OSError as error:  # which SSLError is
        why = error.strerror if type(error) is not ssl.SSLError and error.strerror else str(error)
        remedy = "both are PEM files that this process may read, the key without a password, and they belong together"
        raise ConfigError(f"TLS {_names(certfile, keyfile)}", (f"{why}; see that {remedy}",)) from error
    return context


def certificate_of(certfile: File | None, keyfile: File | None) -> Certificate | None:
    """None where there is to be no TLS. Raises: ConfigError where the files cannot be used."""
    if certfile is None and keyfile is not None:
        raise ConfigError("TLS", (f"keyfile {os.fspath(keyfile)} is given without certfile; give both",))
    return None if certfile is None else Certificate(certfile, keyfile)


def _names(*files: File | None) -> str:
    return " and ".join(os.fspath(each) for each in files if each is not None)


def _no_password() -> str:
    """OpenSSL would ask for it at the terminal."""
    raise ConfigError("TLS", ("the key is encrypted with a password; write it out without one",))


def _state(file: File) -> tuple[int, int, int] | None:
    try:
        found = Path(file).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


__all__ = ["LOOK_SECONDS", "Certificate", "certificate_of", "loaded"]
