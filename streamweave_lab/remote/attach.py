"""How a run of another process is found."""

from __future__ import annotations

import asyncio
import os

from streamweave_lab.errors import MissingExtraError, RemoteError, UnreachableError

try:
    import httpx  # noqa: F401 - to say what is missing
except ImportError as error:
    raise MissingExtraError("attach()", "remote") from error

from streamweave_lab.engine.status import Status
from streamweave_lab.remote import access, attached, background, reading
from streamweave_lab.remote.line import Line, LostError, Problem
from streamweave_lab.remote.run import RemoteRun


def attach(
    url: str,
    token: str | None = None,
    *,
    token_file: str | os.PathLike[str] | None = None,
    verify: access.Verify = True,
    timeout: float = 10.0,
) -> RemoteRun:
    """The run that another process serves at `url`, such as "http://127.0.0.1:8080". Waits for its first Status.

    The token is the one given, or that of `token_file`, STREAMWEAVE_TOKEN_FILE or STREAMWEAVE_TOKEN, in that order; it
    is never shown. `verify` is a file or folder of certificates to trust instead of the system's, or an SSLContext;
    False trusts anybody. Proxies of the environment are not used.

    Raises: UnreachableError if nothing answers there within `timeout` seconds, or no run; NotAllowedError without the
    right token; ValueError for an address that is none.
    """
    where, trusted, bearer = access.address(url), access.trusted(verify), access.bearer(token, token_file)
    del token  # some tracebacks show what stands in variables
    loop = background.loop()
    asked = asyncio.run_coroutine_threadsafe(_meet(where, bearer, trusted, timeout), loop)
    line, first = asked.result()
    run = RemoteRun(line, first, loop)
    attached.enter(run)
    return run


async def _meet(url: str, bearer: access.Bearer, trusted: access.Trusted, timeout: float) -> tuple[Line, Status]:
    line = Line(url, bearer, trusted)
    try:
        async with asyncio.timeout(timeout):
            return line, reading.status(await line.get("/status"), url, None)
    except TimeoutError:
        await line.close()
        raise UnreachableError(f"nothing answers at {url} within {timeout:g} s") from None
    except Problem as problem:
        await line.close()
        raise UnreachableError(
            f"what answers at {url} is not a run: /status gave HTTP status {problem.status}"
        ) from None
    except LostError as error:
        await line.close()
        tls = "; if it is served with TLS, the address begins with https"
        raise UnreachableError(f"{error}{tls if error.sent and url.startswith('http:') else ''}") from None
    except RemoteError:
        await line.close()
        raise


__all__ = ["attach"]
