"""A run with a configuration on a loop of its own, its server, and a client that has the token."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import httpx
import pytest

from streamweave_lab.config.model import Config, live
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Count, Map, Replay
from streamweave_lab.ops.http.limits import Limits
from streamweave_lab.ops.server import Server, serve

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that need none: to load the authorities anew for each takes longer than what is tested."""
TOKEN = "a-token-of-a-test-0123456789"


class Speed(Config):
    """What the run of these tests is configured with."""

    limit: int = live(10, ge=1)
    city: str = "Chișinău"


async def ticks() -> AsyncIterator[int]:
    for tick in count():
        yield tick
        await asyncio.sleep(0.005)


@contextmanager
def running(name: str, config: Config) -> Iterator[LocalRun]:
    """A run that does not end of its own accord."""
    graph = Graph(name, Replay("ticks", ticks()) >> Map("parse", lambda n: n) >> Count("counted"))
    started = graph.start(host="thread", replace="stop", config=config)
    yield started
    if not started.lifecycle.over:
        started.ask("stop").result(60)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[LocalRun]:
    """Endless, and configured by a file."""
    (tmp_path / "speed.toml").write_text("schema_version = 1\nlimit = 10\n")
    with running("endless", Speed.load(tmp_path / "speed.toml", environ={})) as started:
        yield started


@pytest.fixture(scope="module")
def steady() -> Iterator[Server]:
    """A server of a run that its tests leave as it is."""
    unlimited = Limits(rate=1e6, burst=1_000_000, wrong_tokens=1e6)
    with running("steady", Speed()) as run, serve(run, token=TOKEN, limits=unlimited) as served:
        yield served


def knowing_the_token(server: Server) -> httpx.Client:
    return httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60, verify=NO_TLS)


@pytest.fixture
def asking(steady: Server) -> Iterator[httpx.Client]:
    """Asks the steady server, with the token."""
    with knowing_the_token(steady) as client:
        yield client
        assert steady.run.status().state == "running", "whatever was sent, the run goes on"


@pytest.fixture
def limits() -> Limits:
    """What the server bears; a test that needs other limits overrides it."""
    return Limits()


@pytest.fixture
def server(run: LocalRun, limits: Limits) -> Iterator[Server]:
    with serve(run, token=TOKEN, limits=limits) as served:
        yield served


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """Has the token."""
    with knowing_the_token(server) as asking:
        yield asking


@pytest.fixture
def dial(server: Server) -> Iterator[Callable[[], socket.socket]]:
    """Open a bare connection, for what no decent client would send."""
    opened: list[socket.socket] = []

    def connect() -> socket.socket:
        opened.append(socket.create_connection(("127.0.0.1", server.port), timeout=60))
        return opened[-1]

    yield connect
    for each in opened:
        each.close()
