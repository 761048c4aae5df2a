import time

import pytest

from streamweave_lab.graph.source import END, AsyncSource, Source, Wait
from streamweave_lab.operators import Replay
from streamweave_lab.testing.sources import check_source


class Letters:
    def __aiter__(self):
        return self._all()

    async def _all(self):
        for letter in "abcdefg":
            yield letter


class Numbers(Source[int]):
    """Ten numbers, the way every source should bring them in; subclasses do one thing wrong."""

    def opened(self):
        self.seek(0)

    def seek(self, position):
        self.position = position

    def poll(self, limit):
        if self.position >= 10:
            return END
        items = list(range(self.position, min(10, self.position + limit)))
        self.position += len(items)
        return items


class Miscounting(Numbers):
    def poll(self, limit):
        answer = super().poll(limit)
        self.position += answer is not END and answer[-1] == 5
        return answer


class Overdoing(Numbers):
    def poll(self, limit):
        return super().poll(limit + 1)


class Restless(Numbers):
    ended = 0

    def poll(self, limit):
        answer = super().poll(limit)
        self.ended += answer is END
        return [0] if self.ended > 1 else answer


class Forgetful(Numbers):
    def seek(self, position):
        self.position, self.first = position, position

    def poll(self, limit):
        answer = super().poll(limit)
        return [n - self.first for n in answer] if isinstance(answer, list) else answer


class OffByOne(Numbers):
    def seek(self, position):
        self.position = position - (position == 4)


class Losing(Numbers):
    def snapshot(self):
        return {"position": self.position + 1}

    def restore(self, state):
        self.seek(state["position"])


class Sleeping(Numbers):
    def poll(self, limit):
        time.sleep(0.02)
        return super().poll(limit)


class Empty(Numbers):
    def poll(self, limit):
        return []


class Odd(Numbers):
    def poll(self, limit):
        return (1, 2)


class Random(Numbers):
    made = 0

    def opened(self):
        super().opened()
        Random.made += 1

    def poll(self, limit):
        answer = super().poll(limit)
        return [n + Random.made for n in answer] if isinstance(answer, list) else answer


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Miscounting, "its position went on by 10 while 9 came"),
        (Overdoing, r"poll\(10\) answered with|poll\(\d+\) answered with \d+ items"),
        (Restless, r"after END it answered \[\[0\], \[0\]\]"),
        (Forgetful, r"after seek\(1\) the items are others: 0 in the place of 1"),
        (OffByOne, r"after seek\(4\) its position is 3"),
        (Losing, r"restored from its snapshot at position 0 there came 9 items, not 10"),
        (Empty, "an empty list again and again"),
        (Odd, r"poll answered \(1, 2\), which is no list"),
        (Random, "with limit=1 the items are others"),
    ],
)
def test_a_source_that_breaks_a_promise_is_found_out(kind, message):
    with pytest.raises(AssertionError, match=message):
        check_source(lambda: kind("numbers"))


def test_a_source_that_is_found_out_is_closed_all_the_same():
    opened, closed = [], []

    class Kept(Losing):
        def opened(self):
            super().opened()
            opened.append(self)

        def closed(self):
            closed.append(self)

    with pytest.raises(AssertionError):
        check_source(lambda: Kept("numbers"))
    assert {id(node) for node in closed} == {id(node) for node in opened}


def test_a_source_that_blocks_the_loop_is_found_out():
    with pytest.raises(AssertionError, match=r"poll took 0\.\d+ s; it must answer at once, with Wait if need be"):
        check_source(lambda: Sleeping("numbers"), longest_poll=0.01)


def test_a_source_that_keeps_its_promises_passes():
    assert check_source(lambda: Numbers("numbers")) == list(range(10))


@pytest.mark.parametrize("items", [[], [1, 2, 3], (1, 2), range(40), {"a": 1, "b": 2}])
def test_a_replay_keeps_its_promises(items):
    assert check_source(lambda: Replay("items", items)) == list(items)


def test_an_asynchronous_source_is_checked_too():
    assert check_source(lambda: Replay("letters", Letters())) == list("abcdefg")


def test_an_asynchronous_source_that_cannot_go_on_from_a_position_is_found_out():
    class Same(AsyncSource[int]):
        position = 0

        def seek(self, position):
            self.position = position

        async def stream(self):
            for n in range(5):
                self.position += 1
                yield [n]

    with pytest.raises(AssertionError, match=r"after seek\(1\) there came 5 items, not 4"):
        check_source(lambda: Same("same"))


def test_of_a_source_without_an_end_a_part_is_looked_at():
    class Endless(Numbers):
        def poll(self, limit):
            self.position += 1
            return [self.position]

    assert check_source(lambda: Endless("endless"), most=50) == list(range(1, 51))


def test_a_source_that_waits_is_given_the_time():
    class Ticking(Numbers):
        waits = 0

        def poll(self, limit):
            self.waits += 1
            return Wait(60.0) if self.waits % 3 and self.position < 10 else super().poll(1)

    assert check_source(lambda: Ticking("ticking")) == list(range(10))


def test_a_source_that_cannot_be_replayed_must_say_so():
    with pytest.raises(AssertionError, match=r"takes seek\(0\), and so claims that it can be replayed"):
        check_source(lambda: Numbers("numbers"), resumable=False)
    numbers = iter(range(5))
    assert check_source(lambda: Replay("once", numbers), resumable=False) == [0, 1, 2, 3, 4]
