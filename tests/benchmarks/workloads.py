"""The five workloads: their input and the Python functions that every contender calls."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
from pathlib import Path
from typing import Any

SIZES = {"W1": 1_000_000, "W2": 50_000_000, "W3": 1_000_000, "W4": 1_000_000, "W5": 50_000}
"""Items; of W2 bytes of text."""

TITLES = {
    "W1": "numbers: x*3+1, even, length, count",
    "W2": "running word count over Zipf text",
    "W3": "sums of 100 keys in tumbling seconds, out of order",
    "W4": "split by parity, two maps, merge, count",
    "W5": "every item awaits 1 ms, 100 at a time",
}

CONCURRENCY = 100
DISORDER = 0.5
"""Seconds by which an item of W3 may come late."""


def affine(x: int) -> int:
    return x * 3 + 1


def is_even(x: int) -> bool:
    return x % 2 == 0


def digits(x: int) -> int:
    return len(str(x))


def words(line: str) -> list[str]:
    return line.split()


def itself(word: str) -> str:
    return word


def one_more(count: int, _word: str) -> int:
    return count + 1


def key_of(item: tuple[str, Any, int]) -> str:
    return item[0]


def time_of(item: tuple[str, Any, int]) -> Any:
    return item[1]


def add(total: int, item: tuple[str, Any, int]) -> int:
    return total + item[2]


def value_of(item: tuple[str, Any, int]) -> int:
    return item[2]


def half(x: int) -> int:
    return x // 2


def triple(x: int) -> int:
    return x * 3


async def answer(x: int) -> int:
    await asyncio.sleep(0.001)
    return x


def given(workload: str, size: int) -> Any:
    """The input of a workload, made before the clock starts."""
    if workload == "W2":
        return _lines(size)
    return _readings(size) if workload == "W3" else range(size)


def count_inputs(workload: str, items: Any) -> int:
    """What the rate is a rate of: items, and of W2 words."""
    return sum(len(line.split()) for line in items) if workload == "W2" else len(items)


def _lines(size: int) -> list[str]:
    path = Path(tempfile.gettempdir()) / f"streamweave-zipf-{size}.txt"
    if not path.exists():
        new = path.with_suffix(f".{os.getpid()}")  # two processes may make it at once
        new.write_text("\n".join(_zipf(size)))
        new.replace(path)
    return path.read_text().split("\n")


def _zipf(size: int) -> list[str]:
    chance = random.Random(7)
    vocabulary = ["".join(chance.choices("etaoinshrdlucmfw", k=2 + rank % 9)) for rank in range(50_000)]
    weights = [1 / rank for rank in range(1, len(vocabulary) + 1)]
    page = [" ".join(chance.choices(vocabulary, weights, k=12)) for _ in range(min(60_000, size // 40 + 1))]
    length = sum(map(len, page)) + len(page)
    return (page * (size // length + 1))[: max(1, len(page) * size // length)]


def _readings(size: int) -> list[tuple[str, float, int]]:
    """10,000 readings of 100 keys for each second of event time."""
    chance = random.Random(7)
    keys = [f"key-{number:02}" for number in range(100)]
    return [
        (chance.choice(keys), max(0.0, number / 10_000 - chance.random() * DISORDER), number % 97)
        for number in range(size)
    ]
