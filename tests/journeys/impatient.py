"""The gated graph in a process as a service: `impatient STORE`; its probes take it for dead after a second.

As `streamweave-lab run` does it, but for that second: there it is a minute.
"""

from __future__ import annotations

import asyncio
import os
import sys

from streamweave_lab.ops.http.limits import Limits
from streamweave_lab.ops.logs.log import as_configured
from streamweave_lab.ops.systemd.notify import notifying
from streamweave_lab.state.sqlite_store import SqliteStore
from tests.journeys.gated_graph import Settings, gated

SILENT = 1.0


async def main(store: str) -> None:
    run = gated().start(Settings(), store=SqliteStore(store), checkpoint_every=0.1, resume=True)
    with run.serve(token_file="token", limits=Limits(silent=SILENT)) as server, notifying(run):
        sys.stderr.write(f"served at {server.url} \n")
        sys.stderr.flush()
        await run.done()
        await asyncio.sleep(0.3)


if __name__ == "__main__":
    as_configured(None, sys.stderr, os.environ)
    asyncio.run(main(sys.argv[sys.argv.index("--checkpoint") + 1]))
