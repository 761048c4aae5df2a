"""A graph that the command line names: in a module, a file or a notebook; and what is said where there is none."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from streamweave_lab.cli.loading import load
from streamweave_lab.cli.spec import LoadError
from streamweave_lab.graph.graph import Graph

BOILER = """
import streamweave_lab as sw
print("the code prints")

class Settings(sw.Config):
    limit: float = sw.live(20.0, gt=0)

def warm(degrees: float, config: Settings) -> bool:
    return degrees > config.limit

def drawn(name: str = "made") -> sw.Graph:
    return sw.Graph(name, sw.Replay("r", [19.0, 21.0]) >> sw.Filter("warm", warm, config=Settings) >> sw.Count("n"))

def made(config: Settings) -> sw.Graph:
    return drawn(f"above-{config.limit:g}")

def broken():
    return 1 / 0

def nothing():
    return None

boiler = drawn("boiler")
number = 3
"""

NEITHER = "neither a Graph nor a function that returns one"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current folder. Modules that a test brings in, and its notebook's `__main__`, are gone afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = dict(sys.modules)
    yield tmp_path
    for name in [name for name in sys.modules if name not in before]:
        del sys.modules[name]
    sys.modules["__main__"] = before["__main__"]


@pytest.fixture
def boiler(folder: Path) -> Path:
    (folder / "boiler.py").write_text(BOILER)
    return folder


def refused(text: str) -> str:
    with pytest.raises(LoadError) as error:
        had(text)
    return str(error.value)


def had(text: str) -> Graph:
    target = load(text)
    target.config_class()
    return target.graph()


def notebook(folder: Path, *cells: str) -> str:
    found = [{"cell_type": "code", "source": dedent(cell).strip("\n").splitlines(keepends=True)} for cell in cells]
    (folder / "lab.ipynb").write_text(json.dumps({"cells": found, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}))
    return "lab.ipynb"


@pytest.mark.parametrize("spec", ["boiler:boiler", "boiler.py:boiler", "./boiler.py:boiler", "boiler", "boiler.py"])
def test_a_graph_is_found_in_a_module_of_this_folder_and_in_a_file(boiler: Path, spec: str) -> None:
    target = load(spec)
    assert target.graph().name == "boiler"
    assert [found.__name__ for found in [target.config_class()] if found] == ["Settings"]


def test_what_the_code_prints_does_not_come_between(boiler: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load("boiler:boiler")
    assert capsys.readouterr() == ("", "the code prints\n")


def test_a_function_may_return_the_graph_and_may_take_the_configuration(boiler: Path) -> None:
    assert load("boiler:drawn").graph().name == "made"
    target = load("boiler:made")
    kind = target.config_class()
    assert kind is not None
    assert target.graph(kind(limit=7)).name == "above-7"  # type: ignore[call-arg]


def test_the_flights_of_the_package_are_found_with_their_configuration() -> None:
    target = load("streamweave_lab.examples.flights:flights_graph")
    assert isinstance(target.graph(), Graph)
    assert getattr(target.config_class(), "__name__", None) == "FlightsConfig"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("", "'' names no graph; write module:graph, file.py:graph or notebook.ipynb:graph"),
        ("boiler:a b", "'boiler:a b' names no graph; write module:graph, file.py:graph or notebook.ipynb:graph"),
        ("boler:boiler", "there is no module 'boler', neither installed nor in this folder; did you mean 'boiler'?"),
        ("boler.py:boiler", "there is no file boler.py; did you mean 'boiler.py'?"),
        ("boiler:boilr", "boiler has no 'boilr'; did you mean 'boiler'?"),
        ("boiler:nothing", "boiler:nothing returned None, not a Graph"),
        (
            "streamweave_lab.exmples:x",
            "there is no module 'streamweave_lab.exmples'; in streamweave_lab did you mean 'examples'?",
        ),
        ("boiler:number", f"boiler:number is an int, {NEITHER}; there are boiler, warm, drawn, made, broken, nothing"),
    ],
)
def test_what_is_not_there_is_told_with_the_nearest_that_is(boiler: Path, spec: str, said: str) -> None:
    assert refused(spec) == said


def test_an_error_of_the_code_is_told_with_its_line(boiler: Path) -> None:
    line = BOILER.splitlines().index("    return 1 / 0") + 1
    assert refused("boiler.py:broken") == (
        f"boiler.py:broken: {boiler / 'boiler.py'}, line {line}: ZeroDivisionError: division by zero"
    )
    (boiler / "bad.py").write_text("x = = 1\n")
    assert refused("bad.py:x") == f"bad.py:x: {boiler / 'bad.py'}, line 1: SyntaxError: invalid syntax"
    (boiler / "leaves.py").write_text("raise SystemExit('no')\n")
    assert refused("leaves:x").endswith("line 1: SystemExit: no")
    (boiler / "asks.py").write_text("import not_there_at_all\n")
    assert "ModuleNotFoundError: No module named 'not_there_at_all'" in refused("asks:x")


def test_a_class_that_no_node_asks_for_is_taken_if_it_needs_no_file_or_there_is_one(folder: Path) -> None:
    code = """
        import streamweave_lab as sw

        class Settings(sw.Config):
            limit: float{default}

        graph = sw.Graph("g", sw.Replay("r", [1.0]) >> sw.Count("n"))
        """
    (folder / "free.py").write_text(dedent(code.format(default=" = 1.0")))
    (folder / "needs.py").write_text(dedent(code.format(default="")))
    free, needs = load("free:graph"), load("needs:graph")
    assert free.config_class() is free.module.Settings
    assert needs.config_class() is None
    assert needs.config_class(file=Path("x.toml")) is needs.module.Settings


def test_nodes_that_ask_for_different_configurations_are_named(boiler: Path) -> None:
    (boiler / "disagreeing.py").write_text(
        BOILER
        + dedent("""
        class Other(sw.Config):
            speed: float = 1.0

        fast = sw.Map("fast", lambda n, config: n, config=Other)
        warm = sw.Filter("warm", warm, config=Settings)
        two = sw.Graph("two", sw.Replay("r", [1.0]) >> warm >> fast >> sw.Count("n"))
        """)
    )
    assert refused("disagreeing:two") == (
        "the nodes of 'two' take different configurations: warm a Settings, fast a Other; say --config-class NAME"
    )
    target = load("disagreeing:two")
    assert getattr(target.config_class("Other"), "__name__", "") == "Other"
    with pytest.raises(LoadError, match="disagreeing has no Config class 'Othr'; did you mean 'Other'"):
        target.config_class("Othr")


def test_of_a_notebook_those_statements_run_that_the_graph_is_made_of(folder: Path) -> None:
    path = notebook(
        folder,
        """
        %load_ext streamweave_lab
        import streamweave_lab as sw
        !touch by-a-shell
        """,
        "%%bash\ntouch by-a-magic",
        """
        limits = []
        limits.append(3)
        with open("by-a-cell", "w") as file:
            file.write("x")
        def small(n): return n < limits[0]
        sw?
        """,
        """
        graph = sw.Graph("g", sw.Replay("r", range(5)) >> sw.Filter("small", small) >> sw.Count("n"))
        graph
        """,
        """
        run = graph.start()
        await run.done()
        open("by-the-end", "w")
        """,
    )
    graph = load(f"{path}:graph").graph()
    assert [each.name for each in folder.iterdir()] == ["lab.ipynb"]
    assert graph.run_to_end()["n"].count == 3
    assert refused(path) == "say which graph of the notebook: lab.ipynb:NAME"
    assert refused(f"{path}:grph") == "lab.ipynb binds no 'grph'; did you mean 'graph'?"


def test_a_graph_that_is_made_of_a_run_cannot_be_had_and_the_cell_is_named(folder: Path) -> None:
    path = notebook(folder, "import streamweave_lab as sw", "x = 1\nn = await other()\ngraph = sw.Graph(str(n))")
    assert refused(f"{path}:graph").startswith("cell 2 of lab.ipynb, line 2: 'await' outside function; the graph is")
    path = notebook(folder, "import streamweave_lab as sw\n\ngraph = sw.Grap('g')")
    assert refused(f"{path}:graph").startswith(
        "lab.ipynb:graph: cell 1 of lab.ipynb, line 3: AttributeError: module 'streamweave_lab' has no attribute 'Grap'"
    )


def test_the_packaged_notebook_gives_its_graph_its_configuration_and_touches_nothing(folder: Path) -> None:
    path = Path(__file__).parents[2] / "notebooks" / "teach" / "01_quickstart.ipynb"
    target = load(f"{path}:flights")
    assert target.graph().name == "flights"
    assert getattr(target.config_class(), "__name__", "") == "FlightsConfig"
    assert getattr(target.config_class(), "__module__", "") == "__main__"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"cells": [1]}'])
def test_what_is_no_notebook_is_said_to_be_none(folder: Path, content: str) -> None:
    (folder / "x.ipynb").write_text(content)
    assert refused("x.ipynb:graph").startswith("x.ipynb cannot be understood as a notebook of format 4: ")
