"""What must come out of the workloads, in the plainest Python there is; the order is free."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.benchmarks.workloads import affine, digits, half, is_even, triple


def _running_counts(lines: Any) -> list[int]:
    totals = Counter(word for line in lines for word in line.split())
    return [number for total in totals.values() for number in range(1, total + 1)]


def _sums(readings: Any) -> list[tuple[str, float, int]]:
    sums: Counter[tuple[str, float]] = Counter()
    seen = set()
    for key, time, value in readings:
        seen.add((key, float(int(time))))
        sums[key, float(int(time))] += value
    return [(key, second, sums[key, second]) for key, second in seen]


RIGHT = {
    "W1": lambda items: [digits(y) for y in map(affine, items) if is_even(y)],
    "W2": _running_counts,
    "W3": _sums,
    "W4": lambda items: [half(x) if is_even(x) else triple(x) for x in items],
    "W5": list,
}

HOW_MANY = {
    "W1": lambda items: sum(is_even(affine(x)) for x in items),
    "W2": lambda lines: sum(len(line.split()) for line in lines),
    "W3": lambda readings: len({(key, int(time)) for key, time, _ in readings}),
    "W4": len,
    "W5": len,
}
"""How many items come out, where there are too many to keep them."""
