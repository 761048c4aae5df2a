import asyncio

import pytest

from streamweave_lab.graph.node import Step
from streamweave_lab.graph.port import Out
from streamweave_lab.operators import MapAsync
from streamweave_lab.testing.harness import Drive


class Triage(Step[int, int]):
    hot: Out[int]

    def on_item(self, item):
        if item < 0:
            raise ValueError("below zero")
        self.emit(self.hot if item > 40 else self.out, item)


def test_a_nodes_items_are_seen_by_port():
    drive = Drive(Triage("triage")).batch([37, 41, -1], [1.0, 2.0, 3.0])
    assert drive.out == {"out": [37], "hot": [41]}
    assert drive.times == {"out": [1.0], "hot": [2.0]}
    assert [(f.item, str(f.error), f.time) for f in drive.failures] == [(-1, "below zero", 3.0)]


def test_the_drawn_node_is_left_as_it_was():
    class Counting(Step[int, int]):
        seen = 0

        def on_item(self, item):
            self.seen += 1

    node = Counting("n")
    assert Drive(node).batch([1, 2]).node.seen == 2
    assert node.seen == 0


def test_the_hooks_are_called_as_in_a_run():
    calls = []

    class Hooks(Step[int, int]):
        def opened(self):
            calls.append("opened")

        def on_item(self, item):
            calls.append(item)

        def advanced(self, frontier):
            calls.append(("advanced", frontier))

        def finished(self):
            calls.append("finished")

        def closed(self):
            calls.append("closed")

    Drive(Hooks("h")).batch([1]).advance(5.0).advance(4.0).finish()
    assert calls == ["opened", 1, ("advanced", 5.0), "finished", "closed"]


def test_a_node_that_sends_what_it_promised_would_not_come_is_found_out():
    class Liar(Step[int, int]):
        def finished(self):
            self.emit(self.out, 1, time=3.0)

    with pytest.raises(AssertionError, match=r"Liar\('liar'\) promised 5.0 and then sent 3.0"):
        Drive(Liar("liar")).advance(5.0).finish()


def test_a_node_that_sends_fewer_times_than_items_is_found_out():
    class Careless(Step[int, int]):
        def on_batch(self, port, batch):
            self.send("out", batch.items, batch.times[1:])

    with pytest.raises(AssertionError, match="sent 2 items with 1 times"):
        Drive(Careless("careless")).batch([1, 2], [1.0, 2.0])


def test_a_node_that_sends_on_a_port_it_does_not_have_is_found_out():
    class Astray(Step[int, int]):
        def on_item(self, item):
            self.send("left", [item])

    with pytest.raises(AssertionError, match="has no output port 'left'"):
        Drive(Astray("astray")).batch([1])


def test_logic_that_must_be_awaited_is_awaited():
    async def double(n):
        await asyncio.sleep(0)
        return 2 * n

    assert Drive(MapAsync("double", double, concurrency=3)).batch([1, 2]).out["out"] == [2, 4]
