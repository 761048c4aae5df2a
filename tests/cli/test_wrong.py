"""What `run`, `validate` and their neighbours say of wrong files, names and values, before anything is started."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streamweave_lab.cli.main import main

CODE = """
import streamweave_lab as sw

class Settings(sw.Config):
    pace: float = sw.live(0.002, ge=0)
    log: sw.LogSettings = sw.LogSettings()

def same(n, config: Settings):
    return {"n": n}

numbers = sw.Replay("numbers", [1, 2]) >> sw.Map("same", same, config=Settings)
graph = sw.Graph("few", numbers >> sw.connectors.JSONLinesFile("rows", "rows.jsonl"))
"""

Ask = Callable[..., Result]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Carry out `streamweave-lab <arguments>` in a folder with a graph `few.py:graph`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setenv("STREAMWEAVE_LOG", "off")
    monkeypatch.delenv("STREAMWEAVE_LOG")  # and again when `--log` has set it
    (tmp_path / "few.py").write_text(CODE)
    return lambda *arguments: CliRunner().invoke(main, arguments)


def test_a_file_in_the_way_of_a_sink_ends_run_and_validate_with_78_and_the_remedy(ask: Ask, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("{}\n")
    said = (
        f'rows: {rows} holds 3 bytes already; mode="append" writes after them, mode="replace" in their place; '
        "or move it away\n"
    )
    begun, validated = ask("run", "few.py:graph"), ask("validate", "few.py:graph")
    assert (begun.exit_code, begun.stderr) == (78, f"streamweave-lab: few.py:graph: {said}")
    assert (validated.exit_code, validated.stdout.endswith(f"environment: 1 wrong\n  {said}")) == (78, True)
    assert rows.read_text() == "{}\n"


def test_a_store_that_another_run_has_is_75_for_run_and_validate(ask: Ask, tmp_path: Path) -> None:
    from streamweave_lab.state.sqlite_store import SqliteStore

    with SqliteStore(tmp_path / "state.db").hold("few"):
        answers = [ask(verb, "few.py:graph", "--checkpoint", "state.db") for verb in ("run", "validate")]
    assert [answer.exit_code for answer in answers] == [75, 75]
    assert ["a run of 'few' keeps its state there already" in answer.output for answer in answers] == [True, True]
