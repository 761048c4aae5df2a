"""Item types that cannot fit are refused when the graph is drawn; what nobody can know is let pass."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple, NewType, Protocol, TypedDict, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from streamweave_lab.config.model import Config
from streamweave_lab.errors import GraphError
from streamweave_lab.graph.batch import Failure
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.inference import item_type
from streamweave_lab.graph.node import Node, Sink, Step
from streamweave_lab.graph.port import Out
from streamweave_lab.graph.source import Source
from streamweave_lab.graph.types import can_fit, mismatch, spelt
from streamweave_lab.operators.asynchronous import MapAsync
from streamweave_lab.operators.each import Filter, FlatMap, Map
from streamweave_lab.operators.folds import WindowResult, count
from streamweave_lab.operators.keyed import Reduce
from streamweave_lab.operators.panes import Pane
from streamweave_lab.operators.route import Route
from streamweave_lab.operators.window import Window
from streamweave_lab.progress.window import Tumbling

T = TypeVar("T")


@dataclass
class Reading:
    celsius: float


class Hot(Reading):
    pass


class Row(BaseModel):
    text: str


class Readings(Source[Reading]):
    pass


class Triage(Step[Reading, Reading]):
    hot: Out[Hot]


class Words(Sink[str]):
    pass


class Anything(Sink[Any]):
    pass


class Tools(Config):
    pass


def words(reading: Reading) -> list[str]:
    return []


def split(reading: Reading) -> Iterator[str]:
    yield ""


async def fetch(reading: Reading) -> Row:
    return Row(text="")


def warmest(best: float, reading: Reading) -> float:
    return best


def warmest_of(best: float, reading: Reading, config: Tools) -> float:
    return best


def mean(pane: Pane[str, Reading]) -> int:
    return 0


def place(reading: Reading) -> str:
    return ""


def is_hot(reading: Reading) -> bool:
    return True


def later(reading: "NeverDefined") -> str:  # noqa: F821
    return ""


def types_of(node: Node) -> dict[str, Any]:
    ports = {**node.inputs, **node.outputs}
    return {name: item_type(port) for name, port in ports.items() if name not in ("error", "late")}


@pytest.mark.parametrize(
    ("node", "known"),
    [
        (Readings("n"), {"out": Reading}),
        (Triage("n"), {"in": Reading, "out": Reading, "hot": Hot}),
        (Words("n"), {"in": str}),
        (Map("n", words), {"in": Reading, "out": list[str]}),
        (Map("n", lambda item: item), {"in": Any, "out": Any}),
        (Map("n", Reading), {"in": float, "out": Reading}),
        (Map("n", str), {"in": Any, "out": str}),
        (Map("n", str.upper), {"in": Any, "out": Any}),
        (Map("n", partial(warmest, 0.0)), {"in": Reading, "out": float}),
        (Map("n", later), {"in": Any, "out": str}),
        (FlatMap("n", words), {"in": Reading, "out": str}),
        (FlatMap("n", split), {"in": Reading, "out": str}),
        (FlatMap("n", place), {"in": Reading, "out": str}),
        (Filter("n", is_hot), {"in": Reading, "out": Reading}),
        (Filter[int]("n", lambda item: item > 0), {"in": int, "out": int}),
        (MapAsync("n", fetch, concurrency=2), {"in": Reading, "out": Row}),
        (Reduce("n", warmest, initial=0.0, key=place), {"in": Reading, "out": float}),
        (Reduce("n", warmest_of, initial=0.0, config=Tools), {"in": Reading, "out": float}),
        (Window("n", mean, Tumbling(seconds=60), key=place), {"in": Reading, "out": int}),
        (Window("n", count(), Tumbling(seconds=60), key=place), {"in": Reading, "out": WindowResult[str, Any]}),
        (Route("n", hot=is_hot), {"in": Reading, "hot": Reading, "rest": Reading}),
    ],
    ids=lambda value: repr(value) if isinstance(value, Node) else "",
)
def test_item_types_are_read_from_classes_type_arguments_and_functions(node, known):
    assert types_of(node) == known


def test_a_bound_method_a_callable_object_and_a_class_of_nodes_tell_their_types():
    class Scale:
        def by_ten(self, value: float) -> float:
            return value

        def __call__(self, value: float) -> str:
            return ""

    class Parse(Map[str, Reading]):
        def __init__(self) -> None:
            super().__init__("parse", lambda text: Reading(0.0))

    assert types_of(Map("n", Scale().by_ten)) == {"in": float, "out": float}
    assert types_of(Map("n", Scale())) == {"in": float, "out": str}
    assert types_of(Parse()) == {"in": str, "out": Reading}


def test_late_items_have_the_type_that_came_in():
    assert item_type(Window("n", mean, Tumbling(seconds=60), key=place).late) is Reading


def test_a_mismatch_names_both_ends_and_both_types():
    with pytest.raises(GraphError) as caught:
        Graph("weather", Readings("station") >> Words("words"))
    assert str(caught.value) == (
        "graph 'weather': station.out sends Reading, but words.in takes str; "
        "draw a step between them that makes the one from the other"
    )


def test_a_mismatch_is_known_on_every_port():
    triage = Triage("triage")
    (edge,) = (triage.error >> Words("words")).edges
    remedy = "; draw a step between them that makes the one from the other"
    assert mismatch(edge) == "triage.error sends Failure[Any], but words.in takes str" + remedy
    (edge,) = (triage.hot >> Map("upper", later_upper)).edges
    assert mismatch(edge) == "triage.hot sends Hot, but upper.in takes str" + remedy


def later_upper(text: str) -> str:
    return text.upper()


def test_what_is_not_known_is_let_pass():
    station = Readings("station")
    assert Graph("weather", station >> Map("guess", lambda item: item) >> Words("words"), station >> Anything("all"))


class HasCelsius(Protocol):
    celsius: float


class Shape(ABC):
    @abstractmethod
    def area(self) -> float: ...


class Pair(NamedTuple):
    a: int
    b: str


class Both(Reading, Row):  # type: ignore[misc]
    pass


Celsius = NewType("Celsius", float)


class Movie(TypedDict):
    name: str


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (int, float),
        (bool, int),
        (bool, float),
        (int, complex),
        (Hot, Reading),
        (Reading, Hot),
        (Reading, Row),  # there is a class that is both
        (Any, int),
        (object, int),
        (T, int),
        (int, T),
        (int | None, int),
        (None | str, int | str),
        (str, HasCelsius),
        (list[int], Iterable[str]),
        (dict[str, int], Mapping[str, int]),
        (tuple[int, ...], tuple[int, str]),
        (Pair, tuple[int, str]),
        (Celsius, float),
        (Annotated[int, "seconds"], float),
        (Literal["a"], str),
        (Movie, dict),
        (Shape, Iterable),
        (Callable[[int], str], Callable[[str], int]),
        (list, list[int]),
        (Failure[int], Failure[Any]),
        ("not a type", int),
    ],
    ids=str,
)
def test_what_may_fit_fits(sent, taken):
    assert can_fit(sent, taken)


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (str, int),
        (float, int),
        (type(None), str),
        (int | None, str),
        (list[int], list[str]),
        (tuple[int, str], tuple[int, int]),
        (tuple[int, int], tuple[int, int, int]),
        (dict[str, int], list[int]),
        (Celsius, str),
        (Literal["a"], int),
        (Movie, Reading),
        (str, Shape),
        (int, Iterable),
        (Failure[int], Failure[str]),
    ],
    ids=str,
)
def test_what_cannot_fit_does_not(sent, taken):
    assert not can_fit(sent, taken)


KINDS = st.recursive(
    st.sampled_from([int, str, float, bool, Reading, Hot, Row, Any, object, type(None)]),
    lambda inner: st.one_of(
        inner.map(lambda kind: list[kind]),
        st.tuples(inner, inner).map(lambda pair: dict[pair]),
        st.tuples(inner, inner).map(lambda pair: tuple[pair]),
        st.tuples(inner, inner).filter(lambda pair: Any not in pair).map(lambda pair: pair[0] | pair[1]),
    ),
    max_leaves=4,
)


@given(KINDS)
def test_every_type_fits_itself_and_what_is_unknown(kind):
    assert can_fit(kind, kind)
    assert can_fit(kind, Any)
    assert can_fit(Any, kind)
    assert spelt(kind)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (int, "int"),
        (type(None), "None"),
        (list[Reading], "list[Reading]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (int | None, "int | None"),
        (Failure[Reading], "Failure[Reading]"),
        (Any, "Any"),
    ],
    ids=str,
)
def test_a_type_is_spelt_as_in_a_program(kind, text):
    assert spelt(kind) == text
