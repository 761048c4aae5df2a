"""`check_logic` finds what is wrong in a node, and nothing in the nodes of this package."""

from math import inf
from random import Random

import pytest

from streamweave_lab.config.model import Config, live
from streamweave_lab.graph.node import Step
from streamweave_lab.operators import (
    Collect,
    Count,
    Debounce,
    Deduplicate,
    Filter,
    FlatMap,
    IntervalJoin,
    Latest,
    Map,
    Merge,
    Reduce,
    Route,
    Sample,
    Take,
    TopK,
    Window,
    WindowJoin,
    Zip,
    count,
    fold,
    mean,
)  # fmt: skip
from streamweave_lab.progress.window import Counting, ProcessingTime, Session, Sliding, Tumbling
from streamweave_lab.testing.logic import check_logic

DICE = Random(0)
ITEMS = [DICE.randrange(-5, 40) for _ in range(70)]
TIMES = [round(n / 2 + DICE.uniform(-3.0, 3.0), 1) for n in range(70)]
PORTS = [DICE.choice(["left", "right"]) for _ in range(70)]


def remainder(item):
    return item % 7


def reciprocal(item):
    return 1 // item


NODES = [
    Map("map", reciprocal),
    Filter("filter", lambda item: item > 3),
    FlatMap("flat", lambda item: range(item % 4)),
    Route("route", even=lambda item: item % 2 == 0),
    Reduce("reduce", lambda a, b: a + b, initial=0, key=remainder),
    Window("lists", lambda pane: (pane.key, pane.start, pane.items), Tumbling(seconds=4), key=remainder),
    Window("means", mean(float), Tumbling(seconds=3), key=remainder, allowed_lateness=2.0),
    Window("counts", count(), Tumbling(seconds=2)),
    Window("folds", fold(0, lambda a, b: a * 3 + b), Tumbling(seconds=5), key=remainder),
    Window("slides", count(), Sliding(seconds=4, every=2), key=remainder),
    Window("sessions", lambda pane: (pane.key, pane.items), Session(gap=1.5), key=remainder),
    Merge("merged"),
    Deduplicate("once", remainder, 4.0),
    Deduplicate("for_good", remainder, inf),
    TopK("top", 3, by=abs),
    Sample("sample", 0.4),
    Take("take", 50),
    Collect("collect"),
    Count("count"),
    Latest("latest", key=remainder),
]


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.name)
@pytest.mark.parametrize("lag", [0.0, 2.0])
def test_the_nodes_of_this_package_keep_to_it(node, lag):
    check_logic(node, ITEMS, TIMES, lag=lag, rounds=6)


JOINS = [
    IntervalJoin("near", remainder, remainder, within=(-2.0, 2.0)),
    WindowJoin("panes", remainder, remainder, Tumbling(seconds=4)),
    Zip("zip"),
]


@pytest.mark.parametrize("node", JOINS, ids=lambda node: node.name)
def test_so_do_those_with_two_inputs(node):
    check_logic(node, ITEMS, TIMES, ports=PORTS, lag=6.0, rounds=6)


@pytest.mark.parametrize("node", [NODES[0], NODES[3]], ids=lambda node: node.name)
def test_all_that_comes_leaves(node):
    assert check_logic(node, ITEMS, all_leave=True).node.name == node.name
    with pytest.raises(AssertionError, match="70 items came, and"):
        check_logic(NODES[1], ITEMS, all_leave=True)


class Sum(Step[int, int]):
    """Right; each of the classes below breaks it in one way."""

    def opened(self):
        self.seen = []

    def on_item(self, item):
        self.seen.append(item)
        self.emit(self.out, sum(self.seen))

    def snapshot(self):
        return list(self.seen)

    def restore(self, state):
        self.seen = state


class Forgetful(Sum):
    def snapshot(self):
        return None


class Shared(Sum):
    def snapshot(self):
        return self.seen


class Deceived(Sum):
    def restore(self, state):
        self.seen = state[1:]


class ByBatch(Step[int, int]):
    def on_batch(self, port, batch):
        self.send("out", [sum(batch.items)])


class Greedy(Sum):
    def on_batch(self, port, batch):
        super().on_batch(port, batch)
        batch.items.clear()


class Hoarder(Sum):
    """Holds every item until the end, and then sends only some."""

    @property
    def holds(self):
        return len(self.seen)

    def on_item(self, item):
        self.seen.append(item)

    def finished(self):
        self.send("out", self.seen[:3])


class Early(Sum):
    def advanced(self, frontier):
        self.send("out", [0], [frontier - 10.0])


class Inventive(Sum):
    def on_item(self, item):
        self.refuse(item + 1000, ValueError("who?"))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Forgetful, r"interrupted after \d+ of 70 items, in \d+ batches, it sends other items on 'out'"),
        (Shared, r"what snapshot\(\) returned has changed; return a copy"),
        (Deceived, "interrupted after .* it sends other items on 'out'"),
        (ByBatch, "in 70 batches, and not in one batch, it sends other items on 'out': number 0"),
        (Greedy, "it changed the lists of the batch it was given"),
        (Hoarder, "it still holds 70 items when everything has ended"),
        (Early, "promised .* and then sent"),
        (Inventive, "is refused or late, and never came"),
    ],
)
def test_a_node_that_breaks_a_law_is_found_out(kind, said):
    check_logic(Sum("sum"), ITEMS, TIMES)
    with pytest.raises(AssertionError, match=said):
        check_logic(kind("wrong"), ITEMS, TIMES)


ODD = [n * 1.3 - (n % 4) * 3 for n in range(40)]


@pytest.mark.parametrize(
    "node",
    [
        Window("w", count(), Counting(3), key=lambda n: n % 3),
        Window("w", count(), ProcessingTime(3)),
        Debounce("d", 3),
        Map("m", abs),
    ],
)
def test_what_comes_behind_the_frontier_may_leave_as_late_as_it_came_whenever_that_is(node):
    check_logic(node, range(40), ODD, lag=1)


def test_a_zip_of_late_items_keeps_the_laws():
    check_logic(Zip("z"), range(40), ODD, lag=1, ports=["left", "right"] * 20, in_order=False)


class Last(Sum):
    """Says at the end what it has seen."""

    def on_item(self, item):
        self.seen.append(item)

    def finished(self):
        self.emit(self.out, sum(self.seen))


def test_what_is_emitted_at_the_end_has_the_frontier_as_its_event_time_also_after_a_restore():
    drive = check_logic(Last("last"), [1, 2, 3], [5.0, 9.0, 4.0], lag=2.0)
    assert (drive.out["out"], drive.times["out"]) == ([6], [9.0])


class Limits(Config):
    most: int = live(10)


class Limited(Sum):
    """Keeps no more than the configuration in force allows."""

    def configure(self, config):
        self.most = config.most
        self.seen = self.seen[-config.most :]

    def on_item(self, item):
        super().on_item(item)
        self.seen = self.seen[-self.most :]


def test_a_node_has_its_configuration_after_its_state():
    check_logic(Limited("limited"), ITEMS, TIMES, config=Limits(most=4))


def test_the_same_data_and_seed_find_the_same():
    said = set()
    for _ in range(2):
        with pytest.raises(AssertionError) as error:
            check_logic(Forgetful("wrong"), ITEMS, seed=5)
        said.add(str(error.value))
    assert len(said) == 1
