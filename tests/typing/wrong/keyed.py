"""What checkers must refuse of state by key."""

import streamweave_lab as sw
from streamweave_lab.operators.iterate import Iterate
from streamweave_lab.operators.keyed_state import KeyedStep
from streamweave_lab.operators.per_key import PerKey


class Total(KeyedStep[str, int, float]):
    total: PerKey[int] = PerKey(0)
    seen: PerKey[list[int]] = PerKey(())  # wrong

    def on_item(self, item: int) -> None:
        self.total = "many"  # wrong
        self.seen.append(str(item))  # wrong
        self.emit(self.out, self.key)  # wrong


Total("total", key=lambda item: item)  # wrong
path = sw.Replay("words", ["a"]) >> Total("words", key=str)  # wrong


def halve(n: int) -> int:
    return n // 2


Iterate("halve", halve)  # wrong
words = sw.Replay("words", ["a"]) >> Iterate("halve", halve, limit=9)  # wrong
