"""`validate`, `draw`, `config show` and `config diff`: what can be said of a graph without running it."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streamweave_lab.cli.main import main
from streamweave_lab.graph.graph import Graph

CODE = """
from pydantic import SecretStr
import streamweave_lab as sw

class Settings(sw.Config):
    limit: float = sw.live(5.0, gt=0)
    place: str = "attic"
    key: SecretStr = SecretStr("")

def below(n, config: Settings):
    return n < config.limit

graph = sw.Graph("plant", sw.Replay("n", range(9)) >> sw.Filter("below", below, config=Settings) >> sw.Count("count"))
plain = sw.Graph("plain", sw.Replay("n", range(9)) >> sw.Count("count"))

def missing():
    return sw.Graph("missing", sw.connectors.Lines("lines", "not-there.txt") >> sw.Count("count"))

def made(config: Settings):
    return sw.Graph(f"limit-{config.limit:g}", sw.Replay("n", range(9)) >> sw.Count("count"))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "plantcode.py").write_text(CODE)
    (tmp_path / "good.toml").write_text('schema_version = 1\nlimit = 7\nkey = "hush"\n')
    (tmp_path / "bad.toml").write_text("schema_version = 1\nlimit = -1\nplce = 3\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("plantcode", None)


def invoke(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(main, arguments, env=environ)


def test_validate_says_that_nothing_is_wrong() -> None:
    answer = invoke("validate", "plantcode:graph", "--config", "good.toml", "--checkpoint", "state.db", "--serve", "0")
    assert (answer.exit_code, answer.stdout) == (0, "correct: ok\ntopology: ok\nenvironment: ok\n")
    assert not Path("state.db").exists()


def test_validate_lists_everything_that_is_wrong_and_ends_with_78(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        answer = invoke("validate", "plantcode:graph", "--config", "bad.toml", "--serve", port, "--json")
    found = json.loads(answer.stdout)
    assert answer.exit_code == 78
    assert found["ok"] is False
    assert found["correct"] == [
        "plce: is no setting, in bad.toml; did you mean place?",
        "limit = -1: must be greater than 0, in bad.toml",
    ]
    assert found["environment"] == [f"port {port} of 127.0.0.1 cannot be listened at: Address already in use"]
    missing = invoke("validate", "plantcode:missing")
    assert missing.exit_code == 78
    assert missing.stdout.startswith("correct: ok\ntopology: ok\nenvironment: 1 wrong\n  plantcode:missing: ")
    assert f"there is no file {folder / 'not-there.txt'}" in missing.stdout


def test_validate_tells_of_a_graph_that_cannot_be_had_and_a_store_that_is_none(folder: Path) -> None:
    answer = invoke("validate", "plantcode:grph")
    assert answer.exit_code == 78
    assert "plantcode has no 'grph'; did you mean 'graph'?" in answer.stdout
    (folder / "text.db").write_text("no database, but a text " * 10)
    answer = invoke("validate", "plantcode:graph", "--checkpoint", "text.db")
    assert answer.exit_code == 78
    assert "text.db is damaged, or no SQLite file" in answer.stdout
    answer = invoke("validate", "plantcode:made", "--config", "bad.toml")
    assert answer.exit_code == 78
    assert "limit = -1: must be greater than 0" in answer.stdout


def test_a_graph_is_drawn_as_text_mermaid_and_svg_to_stdout_or_a_file(folder: Path) -> None:
    assert invoke("draw", "plantcode:plain").stdout == (
        "Graph plain: 2 nodes, 1 edge\n  n.out -> count.in   Replay -> Count\n"
    )
    mermaid = invoke("draw", "plantcode:plain", "--as", "mermaid").stdout
    again = Graph.from_mermaid(mermaid, _registry())
    assert list(again.nodes) == ["n", "count"]
    assert invoke("draw", "plantcode:plain", "--as", "svg").stdout.startswith("<svg ")
    for name, beginning in (("g.svg", "<svg "), ("g.mmd", mermaid[:20]), ("g.txt", "Graph plain")):
        answer = invoke("draw", "plantcode:plain", "-o", name)
        assert (answer.exit_code, answer.stdout) == (0, "")
        assert (folder / name).read_text().startswith(beginning)
    assert "Graph limit-7" in invoke("draw", "plantcode:made", "--config", "good.toml").stdout
    unwritable = invoke("draw", "plantcode:plain", "-o", "no-folder/g.svg")
    assert unwritable.exit_code == 75
    assert unwritable.stderr == "streamweave-lab: no-folder/g.svg: No such file or directory\n"


def test_settings_are_shown_with_their_source_and_secrets_are_not() -> None:
    answer = invoke("config", "show", "plantcode:graph", "--config", "good.toml", STREAMWEAVE_PLACE="cellar")
    assert [line.split() for line in answer.stdout.splitlines()] == [
        ["setting", "value", "from"],
        ["limit", "7.0", "file", "good.toml", "live"],
        ["place", '"cellar"', "environment", "STREAMWEAVE_PLACE"],
        ["key", '"**********"', "file", "good.toml"],
    ]
    shown = invoke("config", "show", "plantcode:graph", "--config", "good.toml", "--json")
    assert json.loads(shown.stdout)["values"] == {"limit": 7.0, "place": "attic", "key": "**********"}
    assert "hush" not in answer.stdout + shown.stdout


def test_a_diff_says_what_a_run_cannot_take() -> None:
    Path("new.toml").write_text('schema_version = 1\nlimit = 8\nplace = "roof"\nkey = "hush"\n')
    answer = invoke("config", "diff", "plantcode:graph", "--config", "new.toml", "--against", "good.toml")
    assert answer.exit_code == 78
    assert answer.stdout == "limit: 7.0 → 8.0\nplace: 'attic' → 'roof' (not while the run goes on)\n"
    assert invoke("config", "diff", "plantcode:graph").stdout == "no change\n"


def test_a_graph_without_a_configuration_and_bad_settings_are_told_with_78() -> None:
    answer = invoke("config", "show", "plantcode:graph", "--config", "bad.toml")
    assert answer.exit_code == 78
    assert answer.stderr == (
        "streamweave-lab: bad.toml: 2 problems\n"
        "  - plce: is no setting, in bad.toml; did you mean place?\n"
        "  - limit = -1: must be greater than 0, in bad.toml\n"
    )


def _registry() -> dict[str, object]:
    import streamweave_lab as sw

    return {"n": sw.Replay("n", []), "count": sw.Count("count")}
