"""The traceback of a start that fails: the reader's own frames, and not the engine's."""

import traceback

import pytest

from streamweave_lab.errors import RunFailedError, UsedUpError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.operators import Count, Map, Replay


class Broken(Step[int, int]):
    def opened(self) -> None:
        raise OSError("no such device")

    def on_item(self, item: int) -> None: ...


def files(error: BaseException | None) -> list[str]:
    frames = traceback.extract_tb(None if error is None else error.__traceback__)
    return [frame.filename.rpartition("/")[2] for frame in frames]


def test_an_error_of_a_start_has_the_frames_of_its_reader_and_the_method_he_called() -> None:
    with pytest.raises(RunFailedError) as failed:
        Graph("g", Replay("n", [1]) >> Broken("b") >> Count("c")).run_to_end()
    assert files(failed.value) == ["test_frames.py", "graph.py"]
    assert files(failed.value.__cause__) == ["test_frames.py"]


def test_the_function_that_raised_is_still_seen() -> None:
    with pytest.raises(RunFailedError) as failed:
        Graph("g", Replay("n", [0]) >> Map("tenth", lambda n: 10 // n) >> Count("c")).run_to_end()
    assert files(failed.value.__cause__) == ["test_frames.py"]


def test_an_iterator_that_is_used_up_is_told_without_frames_of_the_package() -> None:
    graph = Graph("g", Replay("n", map(abs, [1])) >> Count("c"))
    graph.run_to_end()
    with pytest.raises(RunFailedError) as failed:
        graph.run_to_end()
    assert isinstance(failed.value.__cause__, UsedUpError)
    assert files(failed.value.__cause__) == []
