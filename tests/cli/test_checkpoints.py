"""`streamweave-lab checkpoints` on real stores, whole and damaged."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import streamweave_lab as sw
from streamweave_lab.cli.main import main
from streamweave_lab.state.store import Store

CODE = """
import streamweave_lab as sw

def add(total, n):
    return total + n

graph = sw.Graph("sums", sw.Replay("numbers", range(10)) >> sw.Reduce("sum", add, initial=0) >> sw.Latest("last"))
changed = sw.Graph("sums", sw.Replay("numbers", range(10)) >> sw.Reduce("total", add, initial=0) >> sw.Latest("last"))
"""


def graph(name: str) -> sw.Graph:
    total = sw.Reduce("sum", lambda total, n: total + n, initial=0)
    return sw.Graph(name, sw.Replay("numbers", range(10)) >> total >> sw.Latest("last"))


def store_with(store: Store, *graphs: str) -> None:
    for name in graphs:
        graph(name).run_to_end(store=store)
    store.close()


@pytest.fixture(params=["state.db", "state"])
def path(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with the checkpoints of one graph: a SQLite file, a folder."""
    monkeypatch.chdir(tmp_path)
    kind = sw.SqliteStore if request.param.endswith(".db") else sw.FolderStore
    store_with(kind(tmp_path / request.param), "sums")
    return tmp_path / str(request.param)


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["checkpoints", *map(str, arguments)])


def damage(path: Path) -> None:
    """Change one byte of the state of `sum`, in all checkpoints."""
    if path.is_dir():
        for file in path.glob("*/sum*.bin"):
            file.write_bytes(b"\0" + file.read_bytes()[1:])
        return
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE streamweave_states SET data = CAST(x'00' || substr(data, 2) AS BLOB) WHERE node = 'sum'")


def test_a_list_says_when_why_how_large_and_whether_it_is_whole(path: Path) -> None:
    answer = invoke("list", path)
    heads, newest, *_ = answer.stdout.splitlines()
    assert heads.split() == ["graph", "id", "taken", "reason", "epoch", "size", "state"]
    assert newest.split()[0] == "sums"
    assert "end" in newest.split()
    assert newest.endswith("whole")
    listed = json.loads(invoke("list", path, "--json").stdout)
    assert listed[0]["graph"] == "sums"
    assert listed[0]["problems"] == []


def test_one_is_shown_with_its_nodes_and_positions(path: Path) -> None:
    answer = invoke("show", path)
    assert answer.exit_code == 0
    assert "graph   sums\n" in answer.stdout
    assert "reason  end\n" in answer.stdout
    (numbers,) = [line.split() for line in answer.stdout.splitlines() if line.startswith("numbers ")]
    assert numbers[-1] == "10"
    shown = json.loads(invoke("show", path, "--json").stdout)
    assert shown["nodes"]["numbers"]["position"] == 10
    assert sorted(shown["nodes"]) == ["last", "numbers", "sum"]


def test_the_configuration_of_one_is_shown_as_a_file_would_have_it(tmp_path: Path) -> None:
    class Where(sw.Config):
        path: str = "out"
        header: bool = True

    class Settings(sw.Config):
        limit: float = sw.live(5.0)
        sink: Where = Where()
        tags: tuple[str, ...] = ("a", "ü")

    graph("sums").run_to_end(Settings(), store=sw.SqliteStore(tmp_path / "state.db"))
    shown = invoke("show", tmp_path / "state.db").stdout
    assert shown.splitlines()[-4:] == [
        "limit = 5.0", 'sink.path = "out"', "sink.header = true", 'tags = ["a", "ü"]',
    ]  # fmt: skip


def test_one_that_is_not_there_is_told_with_those_that_are(path: Path) -> None:
    answer = invoke("show", path, 99)
    assert answer.exit_code == 78
    assert "has no checkpoint 99 of graph 'sums'; there are: " in answer.stderr
    answer = invoke("list", path, "--graph", "others")
    assert answer.exit_code == 78
    assert answer.stderr.endswith("has no checkpoint of graph 'others'; it has those of 'sums'\n")


def test_verify_finds_what_is_damaged_and_says_it_with_its_code(path: Path) -> None:
    whole = invoke("verify", path)
    assert (whole.exit_code, {line.split(": ")[1] for line in whole.stdout.splitlines()}) == (0, {"whole"})
    damage(path)
    damaged = invoke("verify", path)
    assert damaged.exit_code == 70
    assert "the state of node 'sum' does not match its sha256" in damaged.stdout
    assert "does not match its sha256" in invoke("list", path).stdout
    shown = invoke("show", path)
    assert shown.exit_code == 78
    assert shown.stderr.startswith("streamweave-lab: ")


def test_a_rehearsal_says_whether_a_graph_would_go_on(path: Path) -> None:
    (path.parent / "sums.py").write_text(CODE)
    would = invoke("rehearse", path, "sums.py:graph")
    assert would.exit_code == 0, would.stderr
    assert "sum      restored\n" in would.stdout
    assert "sums would go on from checkpoint " in would.stdout
    not_so = invoke("rehearse", path, "sums.py:changed", "--json")
    assert not_so.exit_code == 70
    assert json.loads(not_so.stdout)["ready"] is False
    assert "total" in " ".join(json.loads(not_so.stdout)["problems"])


def test_a_rehearsal_allows_a_changed_graph_where_that_is_said(path: Path) -> None:
    (path.parent / "sums.py").write_text(CODE)
    allowed = invoke("rehearse", path, "sums.py:changed", "--allow-changed", "--items", "5", "--json")
    assert allowed.exit_code == 0, allowed.stderr
    told = json.loads(allowed.stdout)
    assert told["ready"] is True
    assert "total" in " ".join(told["problems"])
    assert told["shadow"]["failed"] is None


def test_a_rehearsal_with_items_says_what_would_come_out(path: Path) -> None:
    (path.parent / "sums.py").write_text(CODE)
    would = invoke("rehearse", path, "sums.py:graph", "--items", "1000")
    assert would.exit_code == 0, would.stderr
    assert "shadow run, with a counter in the place of every sink" in would.stdout
    assert "came in" in would.stdout
    assert "would come out" in would.stdout
    told = json.loads(invoke("rehearse", path, "sums.py:graph", "--items", "5", "--json").stdout)
    assert told["shadow"]["failed"] is None


def test_a_store_of_several_graphs_asks_which(tmp_path: Path) -> None:
    path = tmp_path / "both.db"
    store_with(sw.SqliteStore(path), "one", "two")
    assert {line.split()[0] for line in invoke("list", path).stdout.splitlines()[1:]} == {"one", "two"}
    answer = invoke("show", path)
    assert answer.exit_code == 2
    assert "holds checkpoints of several graphs; say --graph with one of 'one', 'two'" in answer.stderr
    assert invoke("show", path, "--graph", "two").exit_code == 0


def test_to_look_makes_nothing_and_says_what_is_no_store(tmp_path: Path) -> None:
    missing = invoke("list", tmp_path / "none.db")
    assert (missing.exit_code, missing.stderr) == (78, f"streamweave-lab: there is no store at {tmp_path}/none.db\n")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "text.db").write_text("no database at all, but a text" * 10)
    assert "is damaged, or no SQLite file" in invoke("list", tmp_path / "text.db").stderr
    with closing(sqlite3.connect(tmp_path / "other.db")) as db:
        db.execute("CREATE TABLE other (a)")
    assert "holds no checkpoints" in invoke("list", tmp_path / "other.db").stderr
    with closing(sqlite3.connect(tmp_path / "other.db")) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("other",)]
