"""How commands answer, for people and for programs."""

from __future__ import annotations

import io
import json
import os
import pty
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from rich.console import Console

import streamweave_lab as sw
from streamweave_lab.cli.printing import put_facts, put_json, put_table, size, when
from streamweave_lab.cli.status import _drawn


def on_a_terminal(write: Callable[[], None]) -> str:
    """What `write` shows on a terminal."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as screen, redirect_stdout(screen):
        write()
        screen.flush()
        shown = os.read(ours, 65536).decode()
    os.close(ours)
    return shown


def test_a_table_is_plain_columns_where_nobody_looks_and_framed_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    rows = [("parse", 1_234_567), ("[bold]board[/]", 7)]
    put_table(("node", "items"), rows, right=("items",))
    assert capsys.readouterr().out == "node            items\nparse           1,234,567\n[bold]board[/]  7\n"
    framed = on_a_terminal(lambda: put_table(("node", "items"), rows, right=("items",)))
    assert "│ [bold]board[/] │         7 │" in framed


def test_facts_are_one_a_line_and_what_is_unknown_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    put_facts({"graph": "sums", "id": 12, "shard": None, "whole": True})
    assert capsys.readouterr().out == "graph  sums\nid     12\nwhole  yes\n"


def test_json_takes_whatever_a_report_holds(capsys: pytest.CaptureFixture[str]) -> None:
    put_json({"at": float("inf"), "path": Path("/a"), "names": ("ä", "b"), "change": sw.Supervision(policy="restart")})
    found = json.loads(capsys.readouterr().out)
    assert (found["at"], found["path"], found["names"]) == (None, "/a", ["ä", "b"])
    assert found["change"]["policy"] == "restart"


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 B"), (999, "999 B"), (1_500, "1.5 kB"), (2_000_000, "2.0 MB"), (3e9, "3.0 GB")]
)
def test_sizes_have_a_unit(number: int, said: str) -> None:
    assert size(int(number)) == said


def test_an_instant_is_in_utc_and_one_that_is_not_known_is_a_dash() -> None:
    assert (when(0.0), when(None), when(86_400.0)) == ("-", "-", "1970-01-02 00:00:00Z")


def test_a_status_for_people_says_how_it_is_how_far_and_what_each_node_did() -> None:
    run = sw.Graph("numbers", sw.Replay("source", range(1_500)) >> sw.Count("count")).run_to_end()
    to = Console(file=io.StringIO(), width=100)
    to.print(_drawn(run.status()))
    assert isinstance(to.file, io.StringIO)
    lines = to.file.getvalue().splitlines()
    assert lines[0].startswith("numbers: stopped, not ready: ")
    assert lines[1].startswith("1,500 of 1,500 items")
    assert [cell.strip() for cell in lines[-2].strip("│").split("│")][:4] == ["count", "Count", "ended", "1,500"]
