"""Streams that do not belong where they are drawn to: every marked line must be refused, and no other."""

import streamweave_lab as sw
from streamweave_lab.operators import Enrich, IntervalJoin, Zip


def length(word: str) -> int:
    return len(word)


def itself(n: int) -> int:
    return n


def both(word: str, n: int) -> str:
    return word * n


words = sw.Replay("words", ["a"])
numbers = sw.Replay("numbers", [1])
join = IntervalJoin("join", length, itself, within=(0.0, 1.0))
enrich = Enrich("enrich", both, key=length, table_key=itself)
pairs = Zip[str, int]("pairs")

words >> join.right  # wrong
join.left_only >> sw.Collect[int]("numbers")  # wrong
join >> sw.Collect[str]("words")  # wrong
numbers >> enrich  # wrong
words >> enrich.table  # wrong
numbers >> join  # wrong
words >> pairs.right  # wrong
_ = IntervalJoin("join", length, itself)  # wrong
