"""Edges whose items do not fit: every marked line must be refused, and no other."""

import streamweave_lab as sw


class Reading:
    pass


class Words(sw.Sink[str]):
    pass


class Pairs(sw.Node):
    left: sw.In[Reading]
    right: sw.In[str]
    out: sw.Out[Reading]


def shout(word: str) -> str:
    return word.upper()


def length(word: str) -> int:
    return len(word)


numbers = sw.Replay("numbers", [1, 2, 3])
words = sw.Replay("words", ["a", "b"])
pairs = Pairs("pairs")
upper = sw.Map("upper", shout)
lengths = sw.Map("lengths", length)

numbers >> upper  # wrong
numbers >> Words("words")  # wrong
words >> lengths >> upper  # wrong
words >> lengths >> Words("words")  # wrong
upper.error >> Words("words")  # wrong
words >> pairs.left  # wrong
numbers >> pairs.right  # wrong
pairs.out >> Words("words")  # wrong
lengths.out >> Words("words")  # wrong
lengths.out >> pairs.right  # wrong

parity = sw.Route[int]("parity", even=lambda n: n % 2 == 0)
parity["even"] >> Words("words")  # wrong
words >> parity  # wrong
