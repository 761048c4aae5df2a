"""A process that runs a graph and serves it, for the tests: `served.py PORT TOKEN_FILE [SETTINGS [CERTIFICATE]]`.

It says its address on stdout once it can be asked, and ends when its run and its stdin have.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from itertools import count

import streamweave_lab as sw


class Limits(sw.Config):
    """One setting that is live, and one that is not."""

    limit: int = sw.live(10, ge=1, le=100)
    place: str = "here"


async def ticks() -> AsyncIterator[int]:
    for tick in count():
        yield tick
        await asyncio.sleep(0.005)


def graph() -> sw.Graph:
    """Three nodes; an item each 5 ms, with event time."""
    board = sw.Latest[int]("board", key=lambda n: n % 3)
    return sw.Graph("ticking", sw.Replay("ticks", ticks(), time=float) >> sw.Map("double", lambda n: 2 * n) >> board)


async def main(port: str, token_file: str, settings: str = "", certificate: str = "") -> None:
    run = graph().start(Limits.load(settings, environ={}) if settings else None)
    with run.serve(port=int(port), token_file=token_file, certfile=certificate or None) as server:
        print(server.url, flush=True)  # noqa: T201 - it is what the test waits for
        await run.done()
        await asyncio.to_thread(sys.stdin.read)  # whoever has asked for the end is answered


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
