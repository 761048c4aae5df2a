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
    assert found["environment"] == [
        (
            f"port {port} of 127.0.0.1 cannot be listened at: Address already in use; "
            "end what listens there, or take a free one"
        )
    ]
    missing = invoke("validate", "plantcode:missing")
    assert missing.exit_code == 78
    assert missing.stdout.startswith(
        "correct: not checked\ntopology: not checked\nenvironment: 1 wrong\n  plantcode:missing: "
    )
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


def test_validate_finds_what_run_would_refuse_of_its_options(folder: Path) -> None:
    def wrong(*options: str, **environ: str) -> list[str]:
        answer = invoke("validate", "plantcode:graph", "--config", "good.toml", "--json", *options, **environ)
        found: list[str] = json.loads(answer.stdout)["environment"]
        assert (answer.exit_code, bool(found)) == (78, True)
        return found

    (folder / "notes.txt").write_text("nothing\n")
    (open_,) = wrong("--serve", "0.0.0.0:0")
    assert "other machines can reach this address, and there is no token; give --token-file FILE" in open_
    assert "token file nowhere: it cannot be read" in wrong("--serve", "0", STREAMWEAVE_TOKEN_FILE="nowhere")[0]
    assert wrong("--serve", "0", "--token-file", "no/token")[0].startswith("--token-file no/token: there is no folder")
    assert "TLS none and none: No such file" in wrong("--serve", "0", "--tls-cert", "none", "--tls-key", "none")[0]
    assert wrong("--history", "notes.txt")[0].startswith("notes.txt is no journal of a configuration")
    assert "'loud' is not a level" in wrong(STREAMWEAVE_LOG="loud")[0]
    unwatched = invoke("validate", "plantcode:plain", "--watch-config")
    assert "--watch-config: there is no file to watch; give it as --config FILE" in unwatched.stdout
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith("no")) == ["notes.txt"]


def test_validate_and_run_agree_on_a_journal(folder: Path) -> None:
    def refused(graph: str, command: str) -> bool:
        options = ("--config", "good.toml", "--history", "history.jsonl")
        return invoke(command, f"plantcode:{graph}", *options).exit_code == 78

    (folder / "history.jsonl").write_text("0123456789abcdef")  # what a power cut has left of the first line
    assert not refused("graph", "validate")
    assert invoke("config", "history", "history.jsonl").stderr.endswith("as --history drops that line\n")
    assert not refused("graph", "run")
    for command in ("validate", "run"):
        assert not refused("graph", command)
        assert refused("made", command), "it is the journal of another graph"
    (folder / "history.jsonl").write_text("hello")
    assert refused("graph", "validate")
    assert refused("graph", "run")


def test_validate_says_of_what_it_could_not_look_into_that_it_is_not_checked(folder: Path) -> None:
    (folder / "broken.toml").write_text("limit = = 5\n")
    assert invoke("validate", "plantcode:grph", "--config", "good.toml").stdout.startswith(
        "correct: not checked\ntopology: 1 wrong\n"
    )
    both = invoke("validate", "plantcode:grph", "--config", "broken.toml").stdout
    assert both.startswith("correct: 1 wrong\n  file broken.toml cannot be understood: ")
    assert "\ntopology: 1 wrong\n  " in both
    assert both.endswith("\nenvironment: not checked\n")


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
    assert unwritable.exit_code == 78
    assert unwritable.stderr == "streamweave-lab: no-folder/g.svg: No such file or directory\n"


@pytest.mark.parametrize("graph", ["graph", "plain", "made"])
def test_a_drawing_with_a_configuration_that_cannot_be_read_is_refused_with_78(graph: str) -> None:
    answer = invoke("draw", f"plantcode:{graph}", "--config", "nope.toml")
    assert (answer.exit_code, answer.stdout) == (78, "")
    assert "nope.toml cannot be read: No such file or directory" in answer.stderr


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
