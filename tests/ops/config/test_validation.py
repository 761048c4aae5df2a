"""What validation finds before anything runs."""

import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from streamweave_lab.config.model import Config, live
from streamweave_lab.connectors.files import Lines
from streamweave_lab.connectors.json_lines_file import JSONLinesFile
from streamweave_lab.connectors.sqlite_table import SQLiteTable
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.operators import Collect, Map, Replay
from streamweave_lab.ops.config.validation import config_class, validate
from streamweave_lab.state.folder_store import FolderStore
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.state.store import Checkpoint


class Settings(Config):
    limit: int = live(1, ge=0)


class Wider(Settings):
    more: int = 1


class Picky(Step[int, int]):
    """Takes no odd limit."""

    def configure(self, config: Config) -> None:
        if config.limit % 2:
            raise ValueError("an odd limit")


class Opened(Step[int, int]):
    def opened(self) -> None:
        self.table = {}

    def configure(self, config: Config) -> None:
        self.table["limit"] = config.limit


class Wanting(Collect[int]):
    def check_outside(self) -> list[str]:
        return ["the board is not there"]


class Clumsy(Collect[int]):
    def check_outside(self) -> list[str]:
        return [{}["host"]]


def times(item: int, config: Settings) -> int:
    return item * config.limit


def graph(*steps: Step, sink=None) -> Graph:
    path = Replay("numbers", [1, 2])
    for step in steps:
        path = path >> step
    return Graph("numbers", path >> (sink or Collect("all")))


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text("schema_version = 1\n" + text)
    return path


def test_a_sound_graph_has_no_problems_and_exits_with_0(tmp_path):
    found = validate(graph(Map("times", times, config=Settings)), path=written(tmp_path, "limit = 2"), environ={})
    assert (found.ok, found.exit_code, found.config) == (True, 0, Settings(limit=2))
    assert str(found) == "correct: ok\ntopology: ok\nenvironment: ok"


def test_a_wrong_value_is_a_problem_of_the_first_layer_and_exits_with_78(tmp_path):
    found = validate(graph(Map("times", times, config=Settings)), path=written(tmp_path, "limit = -2"), environ={})
    assert found.correct == ("limit = -2: must be at least 0, in settings.toml",)
    assert (found.topology, found.environment, found.exit_code, found.config) == ((), (), 78, None)
    assert str(found) == (
        "correct: 1 wrong\n  limit = -2: must be at least 0, in settings.toml\ntopology: not checked\nenvironment: ok"
    )


def test_a_node_that_does_not_take_the_configuration_is_a_problem_of_the_second_layer():
    found = validate(graph(Picky("picky")), Settings(limit=3))
    assert found.topology == ("picky: does not take the configuration: ValueError('an odd limit')",)
    assert validate(graph(Picky("picky")), Settings(limit=2)).ok


def test_a_node_without_the_configuration_it_takes_is_a_problem_of_the_second_layer():
    class Other(Config):
        pass

    found = validate(graph(Map("times", times, config=Settings)), Other())
    assert found.topology == (
        "times: the function takes a Settings, not a Other; start the graph with config=Settings()",
    )


def test_a_node_that_must_be_open_to_be_configured_is_noted_and_not_opened():
    found = validate(graph(Opened("keeper")), Settings())
    assert found.ok
    assert found.notes == ("keeper: configure() needs what opened() sets up (table), and was not tried",)


def test_the_class_of_the_configuration_is_the_one_that_fits_all_nodes():
    both = graph(Map("a", times, config=Settings), Map("b", times, config=Wider))
    assert config_class(both) is Wider
    assert config_class(graph()) is None


def test_classes_that_fit_not_all_nodes_are_told():
    class Other(Config):
        pass

    found = validate(graph(Map("a", times, config=Settings), Map("b", times, config=Other)))
    assert found.correct == ("no one class of configuration fits all its nodes: a takes a Settings, b takes a Other",)


def test_a_file_that_nobody_reads_is_told(tmp_path):
    path = written(tmp_path, "")
    assert validate(graph(), path=path).correct == (
        f"no node of graph 'numbers' takes a configuration, and no class was named to read {path} with",
    )


def test_a_configuration_file_that_is_not_there_is_a_problem_of_the_third_layer(tmp_path):
    found = validate(graph(Map("times", times, config=Settings)), path=tmp_path / "none.toml", environ={})
    assert (found.correct, found.environment) == ((), ("file none.toml cannot be read: No such file or directory",))


def test_files_folders_stores_and_ports_that_are_missing_are_problems_of_the_third_layer(tmp_path):
    (tmp_path / "in.txt").write_text("a\n")
    (tmp_path / "out").mkdir()
    lines, sink = Lines("lines", tmp_path / "in.txt"), JSONLinesFile("sink", tmp_path / "out" / "all.jsonl")
    drawn = Graph("files", lines >> sink)
    (tmp_path / "in.txt").unlink()
    (tmp_path / "out").rmdir()
    (tmp_path / "occupied").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = validate(drawn, store=SqliteStore(tmp_path / "occupied" / "a.db"), listen=("127.0.0.1", port))
    assert found.environment == (
        f"lines: there is no file {tmp_path / 'in.txt'}",
        f"sink: there is no folder {tmp_path / 'out'}",
        f"store: {tmp_path / 'occupied'} is not a folder",
        (
            f"port {port} of 127.0.0.1 cannot be listened at: Address already in use; "
            "end what listens there, or take a free one"
        ),
    )
    assert found.exit_code == 78
    assert list(tmp_path.iterdir()) == [tmp_path / "occupied"]


def test_a_file_in_the_way_is_named_with_the_remedy_unless_a_checkpoint_goes_on_with_it(tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("{}\n")
    store = SqliteStore(tmp_path / "state.db")
    drawn = graph(sink=JSONLinesFile("rows", rows))
    begun = validate(drawn, store=store, resume=True)
    assert begun.environment == (
        (
            f'rows: {rows} holds 3 bytes already; mode="append" writes after them, mode="replace" in their place; '
            "or move it away"
        ),
    )
    assert (begun.exit_code, store.path.exists()) == (78, False)
    store.write(Checkpoint("numbers", 1, 0.0))
    assert validate(drawn, store=store, resume=True).ok
    assert validate(drawn, store=store).environment == begun.environment
    store.close()
    assert validate(graph(sink=JSONLinesFile("rows", rows, mode="append"))).ok


def test_a_table_of_another_shape_or_with_rows_is_told_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "rows.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE full (n)")
        db.execute("INSERT INTO full VALUES (1)")
        db.execute("CREATE TABLE other (x)")
        db.commit()
        db.execute("PRAGMA journal_mode = WAL")

    def told(*table: Any, **how: Any) -> tuple[str, ...]:
        return validate(graph(sink=SQLiteTable("rows", path, *table, **how))).environment

    assert told("other", ["n"]) == (f"rows: table 'other' of {path} does not fit: table other has no column named n",)
    assert told("full", ["n"]) == (
        (
            f"rows: table 'full' of {path} has rows already; "
            'mode="append" adds to them, mode="replace" takes them away first'
        ),
    )
    assert (told("full", ["n"], mode="append"), told("new", ["n"])) == ((), ())
    assert list(tmp_path.iterdir()) == [path]
    path.write_text("no table at all")
    assert told("new", ["n"]) == (
        f"rows: {path} is damaged, or no SQLite file: file is not a database; name another, or move it away",
    )


@pytest.mark.parametrize("kind", [SqliteStore, FolderStore])
def test_a_checkpoint_that_is_named_and_not_there_is_told_and_no_store_is_made(tmp_path, kind):
    store = kind(tmp_path / "state")
    assert validate(graph(), store=store, resume=7).environment == (
        "store: there is no store yet, and so no checkpoint 7 of graph 'numbers'",
    )
    assert list(tmp_path.iterdir()) == []
    store.write(Checkpoint("numbers", 1, 0.0))
    (said,) = validate(graph(), store=store, resume=7).environment
    assert "has no checkpoint 7 of graph 'numbers'; there are: 1" in said
    assert validate(graph(), store=store, resume=1).ok
    store.close()


@pytest.mark.parametrize("kind", [SqliteStore, FolderStore])
def test_what_another_run_has_now_may_be_had_later_and_exits_with_75(tmp_path, kind):
    store = kind(tmp_path / "state")
    with store.hold("numbers"), socket.create_server(("127.0.0.1", 0)) as server:
        found = validate(graph(), store=store, listen=server.getsockname()[:2])
        spoilt = validate(graph(sink=Wanting("board")), store=store)
    assert found.exit_code == 75
    assert str(found).splitlines()[2] == "environment: 2 may pass"
    assert found.environment[0].startswith(f"store: {tmp_path / 'state'}: a run of 'numbers' keeps its state there")
    assert (spoilt.exit_code, str(spoilt).splitlines()[2]) == (78, "environment: 1 wrong, 1 may pass")
    assert validate(graph(), store=store).ok


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder in which nobody can make a file")
def test_a_store_where_no_file_can_be_made_is_a_problem_also_for_the_administrator():
    said = validate(graph(), store=FolderStore("/proc/checkpoints")).environment
    assert [each.partition(": No such")[0] for each in said] == ["store: no file can be made in the folder /proc"]


def test_a_node_of_ones_own_says_what_it_would_miss():
    assert validate(graph(sink=Wanting("board"))).environment == ("board: the board is not there",)
    assert validate(graph(sink=Clumsy("board"))).environment == ("board: check_outside() failed: KeyError('host')",)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_free_port_is_well(host):
    assert validate(graph(), listen=(host, 0)).ok
