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


def test_a_missing_schema_version_is_told_with_all_that_is_wrong_beside_it(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "few.toml").write_text('pce = 1\npace = "x"\n')
    answer = ask("run", "few.py:graph", "--config", "few.toml")
    assert (answer.exit_code, answer.stderr.splitlines()) == (
        78,
        [
            "streamweave-lab: few.toml: 3 problems",
            "  - schema_version: is required, in few.toml; write schema_version = 1 at its top",
            "  - pce: is no setting, in few.toml; did you mean pace?",
            "  - pace = 'x': must be a number, in few.toml",
        ],
    )


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (".", ". cannot be read: it is a folder; name a TOML or JSON file in it, such as few.toml"),
        ("fwe.toml", "fwe.toml cannot be read: No such file or directory; did you mean few.toml?"),
        ("no/few.toml", "no/few.toml cannot be read: No such file or directory"),
    ],
)
def test_a_configuration_that_is_no_file_is_named_with_the_nearest_that_is(
    ask: Ask, tmp_path: Path, named: str, said: str
) -> None:
    (tmp_path / "few.toml").write_text("schema_version = 1\n")
    (tmp_path / "few.txt").write_text("schema_version = 1\n")
    answer = ask("run", "few.py:graph", "--config", named)
    assert (answer.exit_code, answer.stderr) == (78, f"streamweave-lab: {said}\n")


def test_a_log_that_cannot_be_is_the_fault_of_who_asked_for_it(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    bogus, nowhere = ask("run", "few.py:graph", "--log", "bogus"), ask("run", "few.py:graph", "--log", "info:no/log")
    assert (bogus.exit_code, nowhere.exit_code) == (2, 78)
    assert bogus.stderr.endswith(
        "Error: --log 'bogus': 'bogus' is not a level; use one of off, debug, info, warning, error\n"
    )
    assert nowhere.stderr == (
        "streamweave-lab: --log: no/log: No such file or directory; name a file that can be written\n"
    )
    monkeypatch.setenv("STREAMWEAVE_LOG", "bogus")
    assert ask("run", "few.py:graph").stderr.startswith("streamweave-lab: environment STREAMWEAVE_LOG: 'bogus'")


def test_validate_notes_that_the_option_hides_the_log_section_of_the_file(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "few.toml").write_text('schema_version = 1\nlog.level = "debug"\n')
    answer = ask("validate", "few.py:graph", "--config", "few.toml", "--log", "info")
    assert (answer.exit_code, answer.stdout.splitlines()[-1]) == (
        0,
        (
            "note: log: has no effect, for STREAMWEAVE_LOG or --log goes before it; "
            "leave that away, and start the run again"
        ),
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["draw", "few.graph"], 78, "few is a module and not a package; did you mean few:graph?"),
        (["draw", "few:graph:x"], 78, "'few:graph:x' names no graph; write module:graph, file.py:graph"),
        (["draw", "folder:graph"], 78, "folder has no 'graph'"),
        (["draw", "folder/:graph"], 78, "folder/ is a folder, not a file"),
        (["draw", "zeros.py:graph"], 78, "zeros.py:graph: SyntaxError: source code "),
        (["draw", "few.py:graph", "-o", "folder"], 78, "folder: Is a directory"),
        (["draw", "few.py:graph", "-o", "few.png"], 2, "-o few.png: no drawing ends in .png; use .svg, .mmd or .txt"),
        (["run", "few.py:graph", "--checkpoint", "foo://x"], 78, "no store can be at foo://x: Protocol not known: foo"),
        (["run", "few.py:graph", "--history", "folder"], 78, "folder cannot be written: Is a directory"),
        (["run", "few.py:graph", "--watch-config"], 78, "there is no file to watch; start it with --config FILE"),
        (
            ["run", "few.py:graph", "--config", "zeros.toml"],
            78,
            "zeros.toml cannot be understood: it is not UTF-8 text",
        ),
    ],
)
def test_what_is_named_and_cannot_be_is_told_with_its_remedy_and_a_code(
    ask: Ask, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "zeros.py").write_bytes(b"\0")
    (tmp_path / "zeros.toml").write_bytes(b"\xff")
    answer = ask(*arguments)
    assert (answer.exit_code, said in answer.stderr) == (code, True), answer.stderr


def test_code_that_does_not_reach_its_database_may_be_tried_again_and_validate_agrees(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "far.py").write_text("raise ConnectionRefusedError(111, 'Connection refused')\n")
    begun, validated = ask("run", "far.py:graph"), ask("validate", "far.py:graph")
    assert (begun.exit_code, validated.exit_code) == (75, 75)
    assert "environment: 1 may pass\n" in validated.stdout
