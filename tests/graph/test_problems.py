"""What is wrong with a drawing is told all at once, before anything runs, with what to do."""

from typing import Any

import pytest

from streamweave_lab.config.model import Config
from streamweave_lab.errors import GraphError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Sink, Step
from streamweave_lab.graph.port import In
from streamweave_lab.graph.source import AsyncSource, Source
from streamweave_lab.operators import Collect, Filter, Map, Replay


class Settings(Config):
    speed: int = 1


def maybe(n: int) -> int | None:
    return n or None


def is_there(n: int | None) -> bool:
    return n is not None


def twice(n: int) -> int:
    return 2 * n


def words(n: int) -> list[str]:
    return [str(n)]


def first(parts: list[int]) -> int:
    return parts[0]


def refused(*paths: Any) -> str:
    with pytest.raises(GraphError) as refusal:
        Graph("g", *paths)
    return str(refusal.value)


def test_everything_that_is_wrong_with_a_drawing_is_told_at_once() -> None:
    numbers, lost = Replay("n", [1]), Map("lost", twice)
    said = refused(
        numbers >> Map("a", words) >> Map("b", first), lost >> Collect("end"), Map("c", twice) >> Collect("a")
    )
    assert said.splitlines() == [
        "graph 'g' has 5 problems:",
        "- 2 nodes are named 'a' (Map, Collect); give each its own name",
        "- b.out leads nowhere, its items would be lost; draw an edge from it to a step or a sink",
        "- nothing leads to lost.in; draw an edge to it",
        "- nothing leads to c.in; draw an edge to it",
        "- a.out sends list[str], but b.in takes list[int]; draw a step between them that makes the one from the other",
    ]


def test_a_union_of_which_a_member_fits_nowhere_is_refused() -> None:
    said = refused(Replay("n", [1]) >> Map("a", maybe) >> Map("b", twice) >> Collect("end"))
    assert said == (
        "graph 'g': a.out sends int | None, but b.in takes int and no None; "
        "draw a Filter between them, or let b take that too"
    )


def test_what_a_filter_may_have_left_out_is_let_pass() -> None:
    path = Replay("n", [0, 1]) >> Map("a", maybe) >> Filter("there", is_there) >> Map("b", twice) >> Collect("end")
    assert Graph("g", path).run_to_end()["end"].items == [2]


def test_a_graph_without_a_name_is_told_that_it_comes_first() -> None:
    with pytest.raises(GraphError, match=r'the name of a graph comes first, .* Graph\("name", source >> sink\)'):
        Graph(Replay("n", [1]) >> Collect("end"))  # type: ignore[arg-type]


def test_lists_of_nodes_are_no_ends_of_an_edge_and_the_remedy_is_told() -> None:
    a, b, c, d = Replay("a", [1]), Replay("b", [1]), Collect[int]("c"), Collect[int]("d")
    with pytest.raises(GraphError, match=r"draw one edge from each of them: a >> c, b >> c"):
        [a, b] >> c  # type: ignore[operator]
    with pytest.raises(GraphError, match=r"draw one edge to each of them: a >> c, a >> d"):
        a >> (c, d)  # type: ignore[operator]
    with pytest.raises(GraphError, match=r'a function is no node; draw to sw\.Map\("twice", twice\)'):
        a >> twice  # type: ignore[operator]


class Typo(Step[int, int]):
    def on_itme(self, item: int) -> None: ...


class Awaited(Step[int, int]):
    async def on_item(self, item: int) -> None: ...


class Blind(Sink[int]):
    def on_item(self) -> None: ...  # type: ignore[override]


class Joined(Sink[int]):
    left: In[int]

    def on_item(self, item: int) -> None: ...


class Dry(Source[int]):
    def pol(self, limit: int) -> list[int]:
        return []


class Still(AsyncSource[int]): ...


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            Replay("s", [1]) >> Typo("n") >> Collect("c"),
            r"Typo\('n'\) must define on_item\(item\), .* port in; is on_itme meant to be it\?",
        ),
        (
            Replay("s", [1]) >> Awaited("n") >> Collect("c"),
            r"has an async on_item, and logic is not awaited; use sw\.MapAsync",
        ),
        (
            Replay("s", [1]) >> Blind("n"),
            r"has on_item\(self\) -> None, and is given one item: define on_item\(self, item\)",
        ),
        (Dry("n") >> Collect("c"), r"must define poll\(limit\), .*; is pol meant to be it\?"),
        (Still("n") >> Collect("c"), r"must define stream\(\), which yields lists"),
    ],
    ids=["misspelt", "async", "signature", "poll", "stream"],
)
def test_logic_that_is_missing_is_told_before_anything_runs(path: Any, message: str) -> None:
    graph = Graph("g", path)  # a sketch may be drawn
    with pytest.raises(GraphError, match=message):
        graph.run_to_end()


def test_an_own_input_port_without_its_method_is_told_before_anything_runs() -> None:
    node = Joined("n")
    with pytest.raises(GraphError, match=r"must define on_left\(item\), which takes the items of its port left"):
        Graph("g", Replay("a", [1]) >> node, Replay("b", [1]) >> node.left).run_to_end()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (Settings, r"with a Settings, not with the class; pass Settings\(\) or Settings\.load\(\)"),
        ({"speed": 3}, r"not with {'speed': 3}; make one of such values"),
    ],
    ids=["class", "dict"],
)
def test_a_graph_is_started_with_a_configuration_and_nothing_else(config: Any, message: str) -> None:
    graph = Graph("g", Replay("n", [1]) >> Collect("end"))
    for start in (graph.start, graph.run_to_end):
        with pytest.raises(TypeError, match=message):
            start(config)
