"""What Jupyter is given to show a run."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

import streamweave_lab as sw
from streamweave_lab.console.display import WIDGET, console, run_bundle
from streamweave_lab.errors import MissingExtraError
from tests.console.runs import finished, waiting


def test_the_text_of_a_run_never_changes() -> None:
    async def main() -> None:
        run = waiting("flights").start()
        texts = {run_bundle(run)[0]["text/plain"]}
        await run.pause()
        texts.add(run_bundle(run)[0]["text/plain"])
        await run.drain()
        texts.add(run_bundle(run)[0]["text/plain"])
        assert texts == {"run of graph 'flights': 3 nodes, 2 edges"}

    asyncio.run(main())


def test_one_edge_is_not_called_edges() -> None:
    run = sw.Graph("short", sw.Replay("n", [1]) >> sw.Count("c")).run_to_end()
    assert run_bundle(run)[0]["text/plain"] == "run of graph 'short': 2 nodes, 1 edge"


def test_a_console_of_what_is_no_run_says_how_to_get_one() -> None:
    graph = sw.Graph("short", sw.Replay("n", [1]) >> sw.Count("c"))
    with pytest.raises(TypeError, match=r"a console shows a run, not Graph: graph\.start\(\) returns one"):
        sw.console(graph)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a console shows a run, not int"):
        sw.console(5)  # type: ignore[arg-type]


def test_a_run_shows_itself_by_its_bundle() -> None:
    data, metadata = finished()._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html"}
    assert metadata == {}


def test_without_a_kernel_there_is_no_widget() -> None:
    assert WIDGET not in run_bundle(finished())[0]


def test_a_run_has_one_console_however_often_it_is_shown() -> None:
    run, other = finished(), finished()
    assert console(run) is console(run)
    assert console(run) is not console(other)


def test_the_front_door_makes_a_console_again_and_again() -> None:
    run = finished()
    first = sw.console(run)
    assert sw.console(run) is first  # by now the module of that name has taken the function's place
    assert repr(first) == "<console of run 'sieve'>"


def test_a_console_has_the_static_twin_too() -> None:
    run = finished()
    data, _ = sw.console(run)._repr_mimebundle_()
    assert data["text/plain"] == "<console of run 'sieve'>"
    assert data["text/html"] == run_bundle(run)[0]["text/html"]
    assert WIDGET in data


def test_without_widgets_the_console_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "streamweave_lab.console.console", None)
    with pytest.raises(MissingExtraError, match=r'pip install "streamweave_lab\[console\]"'):
        console(finished())


def test_the_twin_needs_neither_widgets_nor_bokeh() -> None:
    script = (
        "import sys, streamweave_lab as sw;"
        "run = sw.Graph('g', sw.Replay('r', [1]) >> sw.Count('c')).run_to_end();"
        "run._repr_mimebundle_();"
        "print(sorted({'anywidget', 'ipywidgets', 'bokeh', 'IPython'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
