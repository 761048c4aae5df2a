"""The token of a server: where it comes from, and whether what a client sends is it."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from streamweave_lab.errors import ConfigError

SHORTEST = 16
"""Characters of a token that guards an address other machines can reach."""
_MAKE = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"


class Token:
    """A secret that is compared, never shown. One from a file is read again when the file changes."""

    def __init__(self, text: str, path: Path | None = None, *, made: bool = False) -> None:
        self.text, self.made = text, made
        self._path = path
        self._seen = _stamp(path)

    def __repr__(self) -> str:
        return "Token(**********)"

    def fits(self, given: str) -> bool:
        """Whether `given` is the token; takes the same time whatever is given."""
        self._look_again()
        # Of the digests, for a comparison of the texts themselves would tell how long the token is.
        return hmac.compare_digest(_digest(self.text), _digest(given))

    def _look_again(self) -> None:
        """A mounted secret is exchanged while the process runs; while it cannot be read the old one holds."""
        if self._path is None or (stamp := _stamp(self._path)) in (self._seen, None):
            return
        try:
            self.text = _read(self._path)
        except ConfigError:
            return
        self._seen = stamp


def find_token(
    token: str | None, token_file: str | os.PathLike[str] | None, environ: Mapping[str, str], *, exposed: bool
) -> Token:
    """The token from the argument, a file, or the environment; on loopback (not `exposed`) else a random one.

    Raises: ConfigError where two are given, a file cannot be read, or what is in it cannot be a token.
    """
    if token is not None and token_file is not None:
        raise ConfigError("token", ("token and token_file are both given; give one of them",))
    if token is None and token_file is None:
        token, token_file = environ.get("STREAMWEAVE_TOKEN"), environ.get("STREAMWEAVE_TOKEN_FILE")
        if token is not None and token_file is not None:
            both = "STREAMWEAVE_TOKEN and STREAMWEAVE_TOKEN_FILE are both set; unset one of them"
            raise ConfigError("environment", (both,))
    if token_file is not None:
        path = Path(token_file)
        return Token(_checked(_read(path), f"token file {path}", exposed), path)
    if token is not None:
        return Token(_checked(token, "token", exposed))
    return Token(secrets.token_urlsafe(32), made=True)


def _read(path: Path) -> str:
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        remedy = "see that the file exists and that the user of this process may read it"
        raise ConfigError(f"token file {path}", (f"it cannot be read: {why}; {remedy}",)) from error
    return _checked(text, f"token file {path}", False)


def _checked(text: str, source: str, exposed: bool) -> str:
    if not text:
        raise ConfigError(source, (f"it is empty; {_MAKE}",))
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise ConfigError(source, ("a token is of visible ASCII characters, without spaces, on one line; " + _MAKE,))
    if exposed and len(text) < SHORTEST:
        raise ConfigError(source, (f"it is too short to keep anybody out: {SHORTEST} characters at least; {_MAKE}",))
    return text


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    try:
        return None if path is None else (s := path.stat()) and (s.st_mtime_ns, s.st_ino, s.st_size)
    except OSError:
        return None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


__all__ = ["Token", "find_token"]
