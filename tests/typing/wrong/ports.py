"""Ports and nodes that are not what they are used as: every marked line must be refused, and no other."""

import streamweave_lab as sw


class Keep(sw.Sink[int]):
    pass


class Pairs(sw.Node):
    left: sw.In[int]
    out: sw.Out[int]


class Triage(sw.Step[int, int]):
    hot: sw.Out[int]

    def on_item(self, item: int) -> None:
        self.emit(self.hot, "hot")  # wrong
        self.emit(self.cold, item)  # wrong


def double(n: int) -> int:
    return 2 * n


numbers = sw.Replay("numbers", [1, 2, 3])
twice = sw.Map("twice", double)
keep = Keep("keep")
pairs = Pairs("pairs")

twice.eror >> keep  # wrong
keep >> twice  # wrong
numbers >> keep >> twice  # wrong
numbers >> numbers  # wrong
numbers >> pairs  # wrong
pairs.left >> keep  # wrong
numbers >> pairs.out  # wrong
numbers >> pairs.lft  # wrong
numbers >> twice.error  # wrong
sw.Graph("g", "numbers >> keep")  # wrong
_ = numbers.in_  # wrong
