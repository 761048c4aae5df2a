"""State by key has the types it was declared with."""

from typing import assert_type

import streamweave_lab as sw
from streamweave_lab.graph.port import Path
from streamweave_lab.operators.iterate import Iterate
from streamweave_lab.operators.keyed_state import KeyedStep
from streamweave_lab.operators.per_key import PerKey


class Click:
    def __init__(self, user: str, page: int) -> None:
        self.user, self.page = user, page


class Visits(KeyedStep[str, Click, float]):
    count = PerKey(0)
    pages: PerKey[list[int]] = PerKey([])

    def on_item(self, item: Click) -> None:
        self.count += 1
        self.pages.append(item.page)
        assert_type(self.count, int)
        assert_type(self.key, str)
        self.at(self.time + 60)

    def on_timer(self, time: float) -> None:
        self.emit(self.out, time * self.count)
        del self.pages


visits = Visits("visits", key=lambda click: click.user)
clicks = sw.Replay("clicks", [Click("ann", 1)])
assert_type(clicks >> visits, Path[float])
assert_type(Visits("again", key=lambda click: click.user).key, str)


def halve(n: int) -> int:
    return n // 2


assert_type(Iterate("halve", halve, limit=9), Iterate[int])
assert_type(Iterate("halve", halve, until=lambda n: n < 2, limit=9), Iterate[int])
assert_type(Iterate("halve", halve, until=lambda before, after: before == after, limit=9), Iterate[int])
