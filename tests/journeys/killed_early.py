"""The process that kills itself at one of its first items: `killed_early FOLDER ITEM`; ITEM -1 lets it live."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import streamweave_lab as sw
from streamweave_lab.connectors import JSONLinesFile, SQLiteTable
from streamweave_lab.state.sqlite_store import SqliteStore

ITEMS = 2000


def early_graph(folder: Path, die_at: int) -> sw.Graph:
    """What was there before is refused by two of its sinks, and kept by the third."""

    def row(number: int) -> dict[str, int]:
        if number == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"n": number}

    rows = sw.Map("rows", row)
    return sw.Graph(
        "early",
        sw.Replay("numbers", range(ITEMS)) >> rows >> JSONLinesFile("new", folder / "new.jsonl", mode="new"),
        rows >> JSONLinesFile("append", folder / "append.jsonl", mode="append"),
        rows >> SQLiteTable("table", folder / "rows.db", "rows", mode="new", commit="batch"),
    )


async def main(folder: Path, die_at: int) -> None:
    """No checkpoint is asked for: only that before the first item and the one at the end are taken."""
    store = SqliteStore(folder / "state.db")
    await early_graph(folder, die_at).start(store=store, resume=True).done()
    store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
