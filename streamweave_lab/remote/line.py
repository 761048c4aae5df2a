"""One line to one process: JSON there and back, and each thing that can go wrong as one sentence."""

from __future__ import annotations

import json
from typing import Any

import httpx
from pydantic_core import to_json

from streamweave_lab.errors import NotAllowedError, RemoteError, UnreachableError
from streamweave_lab.remote.access import Bearer, Trusted

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 5.0
"""How long an answer may take, beyond what it was asked to wait for."""
PLAN_SECONDS = 15.0
"""How long a plan may take: it is made on the run's own loop, which may be busy."""
WAIT_SECONDS = 20.0
"""How long a server is asked to wait for the end of an operation before it answers that it goes on."""


class LostError(UnreachableError):
    """The answer did not come; `sent` tells whether the question may have arrived."""

    def __init__(self, said: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(said)


class BusyError(RemoteError):
    """The server wants to be asked less often: again after `seconds`."""

    def __init__(self, said: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(said)


class Problem(Exception):  # noqa: N818 - it is read, and becomes an error
    """A problem document: the server has understood, and says no. `more` is all of it."""

    def __init__(self, status: int, more: dict[str, Any]) -> None:
        self.status, self.more = status, more
        self.kind = str(more.get("type", "")).rpartition(":")[2]
        super().__init__(str(more.get("detail") or more.get("title") or f"HTTP status {status}"))


class Line:
    """An HTTP client of one process. On the background loop only."""

    def __init__(self, url: str, bearer: Bearer, trusted: Trusted) -> None:
        self.url = url
        self._bearer = bearer
        # trust_env: a proxy or a .netrc of the environment has no business between an operator and a run's token.
        self._client = httpx.AsyncClient(
            base_url=url, auth=bearer, verify=trusted, trust_env=False, headers={"Accept": "application/json"}
        )

    async def get(self, path: str, wait: float = 0.0, seconds: float = ANSWER_SECONDS) -> Any:
        """Ask, for an answer within `seconds`. Raises: UnreachableError, NotAllowedError, BusyError, Problem."""
        return await self._ask("GET", path, wait, seconds)

    async def post(self, path: str, body: dict[str, Any], key: str, wait: float) -> Any:
        """Ask for something to be done, once, however often it is asked with this `key`. Raises: as `get`."""
        return await self._ask("POST", path, wait, ANSWER_SECONDS, content=to_json(body), headers={
            "Content-Type": "application/json", "Idempotency-Key": key,
        })  # fmt: skip

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.aclose()

    async def _ask(self, method: str, path: str, wait: float, seconds: float, **more: Any) -> Any:
        timeout = httpx.Timeout(seconds + wait, connect=CONNECT_SECONDS)
        params = {"wait": f"{wait:g}"} if wait else None
        try:
            answer = await self._client.request(method, path, params=params, timeout=timeout, **more)
        except httpx.ConnectTimeout:
            raise LostError(f"nothing answers at {self.url}: no connection in time", sent=False) from None
        except httpx.ConnectError as error:
            raise LostError(self._no_connection(error), sent=False) from None
        except httpx.TimeoutException:
            raise LostError(f"the process at {self.url} does not answer in time", sent=True) from None
        except httpx.TransportError:
            raise LostError(f"the connection to {self.url} was cut", sent=True) from None
        return self._read(answer)

    def _read(self, answer: httpx.Response) -> Any:
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise NotAllowedError(
                f"the run at {self.url} wants a token: give it as token=, or name its file in STREAMWEAVE_TOKEN_FILE"
                if self._bearer.missing
                else f"the run at {self.url} refuses the token: it is not the one that it is served with"
            )
        content = answer.headers.get("content-type", "")
        crowded = answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and b":problem:connections" in answer.content
        if crowded or answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            seconds = answer.headers.get("retry-after", "")
            said = f"{self.url} has too many connections" if crowded else f"{self.url} is asked too often"
            raise BusyError(said, float(seconds) if seconds.isdigit() else 1.0)
        if not content.startswith(("application/json", "application/problem+json")):
            raise UnreachableError(
                f"what answers at {self.url} is not a run: {answer.request.url.path} gave HTTP status "
                f"{answer.status_code}, {content or 'nothing'}"
            )
        try:
            read = json.loads(answer.content)
        except ValueError:
            raise UnreachableError(f"what answers at {self.url} is not a run: its answer is not JSON") from None
        if answer.is_success:
            return read
        raise Problem(answer.status_code, read if isinstance(read, dict) else {})

    def _no_connection(self, error: httpx.ConnectError) -> str:
        said = str(error)
        if "CERTIFICATE_VERIFY_FAILED" in said:
            why = said.split("verify failed: ")[-1].split(" (_ssl")[0]
            return f"the certificate of {self.url} is not trusted: {why}; name its authority's file with verify="
        if "SSL" in said:
            return f"{self.url} does not speak TLS; is it served as http?"
        if "Name or service" in said or "name resolution" in said or "nodename" in said:
            return f"{self.url} cannot be reached: there is no such host"
        return f"nothing answers at {self.url}: no process listens there"


__all__ = ["PLAN_SECONDS", "WAIT_SECONDS", "BusyError", "Line", "LostError", "Problem"]
