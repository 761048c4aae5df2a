"""Where a run is served, and what opens it: the address, the token, and whom to trust. No secret is ever shown."""

from __future__ import annotations

import os
import ssl
from collections.abc import Generator, Mapping
from pathlib import Path

import httpx
from pydantic import SecretStr

from streamweave_lab.errors import NotAllowedError

TOKEN, TOKEN_FILE = "STREAMWEAVE_TOKEN", "STREAMWEAVE_TOKEN_FILE"

Trusted = bool | ssl.SSLContext
Verify = bool | str | os.PathLike[str] | ssl.SSLContext


class Bearer(httpx.Auth):
    """Sends a token. One from a file is read again when it is refused, for a file can be given a new one."""

    def __init__(self, token: SecretStr | None, file: Path | None = None) -> None:
        self._token, self._file = token, file

    @property
    def missing(self) -> bool:
        """There is no token at all."""
        return self._token is None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """As httpx wants it."""
        sent = self._open(request)
        answer = yield request
        if answer.status_code == httpx.codes.UNAUTHORIZED and self._file is not None:
            try:
                again = _from_file(self._file)
            except NotAllowedError:
                return  # the answer stands
            if again != sent:  # not: != self._token, which another thread may have read again meanwhile
                self._token = again
                self._open(request)
                yield request

    def _open(self, request: httpx.Request) -> SecretStr | None:
        token = self._token
        if token is not None:
            request.headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        return token


def bearer(
    token: str | None, token_file: str | os.PathLike[str] | None, environ: Mapping[str, str] = os.environ
) -> Bearer:
    """The token that was given, or that of `token_file`, STREAMWEAVE_TOKEN_FILE or STREAMWEAVE_TOKEN, in that order.

    Raises: NotAllowedError for a file that cannot be read, and for what cannot be a token.
    """
    if token is not None:
        return Bearer(_checked(token, "the token that was given"))
    file = token_file or environ.get(TOKEN_FILE)
    if file:
        return Bearer(_from_file(Path(file)), Path(file))
    if environ.get(TOKEN):
        return Bearer(_checked(environ[TOKEN], TOKEN))
    return Bearer(None)


def address(url: str) -> str:
    """`url` without what may stand at its end. Raises: ValueError, which never repeats what could be a secret."""
    try:
        parsed = httpx.URL(url.strip())
    except (httpx.InvalidURL, TypeError):
        raise ValueError("the address of a run is such as http://127.0.0.1:8080") from None
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise ValueError(
            "the address of a run has no user, no password and no query, such as http://127.0.0.1:8080; "
            "give the token as token="
        )
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(f"{url!r} is no address of a run; one is such as http://127.0.0.1:8080")
    return str(parsed).rstrip("/")


def trusted(verify: Verify) -> Trusted:
    """What httpx takes: a file or folder of certificates becomes a context. Raises: ValueError if it cannot be read."""
    if isinstance(verify, bool | ssl.SSLContext):
        return verify
    path = Path(verify)
    try:
        return ssl.create_default_context(capath=path) if path.is_dir() else ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        raise ValueError(f"verify={str(path)!r} cannot be used: it holds no certificate in PEM form") from None
    except OSError as error:
        raise ValueError(f"verify={str(path)!r} cannot be used: {error.strerror}") from None


def _from_file(file: Path) -> SecretStr:
    try:
        return _checked(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not text"
        raise NotAllowedError(f"the token cannot be read from {file}: {said}") from None


def _checked(text: str, where: str) -> SecretStr:
    text = text.strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise NotAllowedError(f"{where} holds no token: one is a single word of ASCII characters")
    return SecretStr(text)


__all__ = ["Bearer", "Trusted", "Verify", "address", "bearer", "trusted"]
