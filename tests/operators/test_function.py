import pytest

from streamweave_lab.config.model import Config
from streamweave_lab.errors import ConfigError, GraphError
from streamweave_lab.operators import Filter, FlatMap, ForEach, Map, MapAsync, Reduce
from streamweave_lab.testing.harness import Drive


class Scale(Config):
    factor: int = 2


class Other(Config):
    pass


def scaled(item, config):
    return item * config.factor


async def scaled_async(item, config):
    return item * config.factor


NODES = [
    (Map("n", scaled, config=Scale), [4, 6]),
    (Filter("n", lambda item, config: item > config.factor, config=Scale), [3]),
    (FlatMap("n", lambda item, config: [item] * config.factor, config=Scale), [2, 2, 3, 3]),
    (Reduce("n", lambda value, item, config: value + item * config.factor, initial=0, config=Scale), [4, 10]),
    (MapAsync("n", scaled_async, concurrency=1, config=Scale), [4, 6]),
]


@pytest.mark.parametrize(("node", "sent"), NODES, ids=lambda value: type(value).__name__)
def test_the_function_is_called_with_the_configuration_in_force(node, sent):
    assert Drive(node, Scale()).batch([2, 3]).out["out"] == sent


def test_a_sink_is_called_with_the_configuration_in_force():
    seen = []
    Drive(ForEach("n", lambda item, config: seen.append((item, config.factor)), config=Scale), Scale(factor=9)).batch(
        [1]
    )
    assert seen == [(1, 9)]


def test_a_new_configuration_holds_from_the_next_item_on():
    drive = Drive(Map("n", scaled, config=Scale), Scale()).batch([1]).configure(Scale(factor=10)).batch([1])
    assert drive.out["out"] == [2, 10]


def test_one_run_does_not_configure_another():
    node = Map("n", scaled, config=Scale)
    one, two = Drive(node, Scale(factor=3)), Drive(node, Scale(factor=5))
    assert (one.batch([1]).out["out"], two.batch([1]).out["out"]) == ([3], [5])


def test_a_run_with_another_configuration_is_refused_with_both_names():
    with pytest.raises(
        ConfigError, match=r"n: the function takes a Scale, not a Other; start the graph with config=Scale\(\)"
    ):
        Drive(Map("n", scaled, config=Scale), Other())


def test_without_a_configuration_the_item_is_refused_and_told_why():
    failure = Drive(Map("n", scaled, config=Scale)).batch([1]).failures[0]
    assert "the function takes a Scale, and has none" in str(failure.error)


def test_a_function_that_takes_no_configuration_goes_on_under_any():
    assert Drive(Map("n", str), Other()).batch([1]).out["out"] == ["1"]


def test_an_instance_where_the_class_is_wanted_is_refused_when_it_is_drawn():
    with pytest.raises(GraphError, match="config= takes the class"):
        Map("n", scaled, config=Scale())
