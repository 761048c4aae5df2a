"""Law 10 from the very first item: no regular checkpoint was taken when the process is killed."""

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.journeys.killed_early import ITEMS

ROOT = Path(__file__).parents[2]


def live(folder: Path, die_at: int) -> int:
    command = [sys.executable, "-m", "tests.journeys.killed_early", str(folder), str(die_at)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_process_killed_before_its_first_regular_checkpoint_neither_doubles_nor_loses_rows(tmp_path: Path) -> None:
    (tmp_path / "append.jsonl").write_text('"what was there"\n')
    assert live(tmp_path, die_at=0) == -signal.SIGKILL
    assert live(tmp_path, die_at=ITEMS - 100) == -signal.SIGKILL
    left = (tmp_path / "append.jsonl").read_text().count("\n") - 1
    assert left > 0, "it died before it had written anything that could be doubled"
    assert live(tmp_path, die_at=-1) == 0
    rows = [{"n": number} for number in range(ITEMS)]
    assert lines(tmp_path / "new.jsonl") == rows
    assert lines(tmp_path / "append.jsonl") == ["what was there", *rows]
    with closing(sqlite3.connect(tmp_path / "rows.db")) as db:
        assert [n for (n,) in db.execute("SELECT n FROM rows ORDER BY rowid")] == list(range(ITEMS))
