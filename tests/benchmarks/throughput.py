"""W1 to W5 against the loop written by hand and against the peers: rates, and the ratios that the bars are about."""

from __future__ import annotations

from collections import defaultdict

from tests.benchmarks.report import Result, alone, median, told
from tests.benchmarks.workloads import SIZES, TITLES

CONTENDERS = {
    "W1": ("hand", "ours", "bytewax", "reactivex", "aiostream", "streamz"),
    "W2": ("hand", "ours", "bytewax", "streamz", "reactivex", "aiostream"),
    "W3": ("hand", "ours", "builtin", "bytewax", "streamz"),
    "W4": ("hand", "ours", "bytewax", "reactivex", "streamz"),
    "W5": ("hand", "ours", "streamz", "reactivex", "aiostream"),
}

BARS = {
    "W1": {"hand": 0.80, "bytewax": 1.5, "streamz": 40.0},
    "W2": {"hand": 0.75, "bytewax": 8.0},
    "W3": {"hand": 0.55, "bytewax": 10.0},
    "W4": {"hand": 0.75, "bytewax": 1.0},
    "W5": {"hand": 0.85},
}

_OWN = ("hand", "ours", "builtin")
_BUILT_IN_BAR = 0.70
_SHARE = {"hand": 1.0, "ours": 1.0, "builtin": 1.0, "bytewax": 1.0}
"""How much of the input: a rate is compared, and the slow ones need not take minutes for theirs."""
_SLOW_SHARE = {"W2": 0.04, "W5": 0.4}


def measure(workload: str, rounds: int) -> list[Result]:
    """One workload: everybody once a round, so that all share what else the machine is doing."""
    rates: dict[str, list[float]] = defaultdict(list)
    megabytes: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        for name in CONTENDERS[workload]:
            told(f"{workload} round {number + 1} of {rounds}: {name}")
            share = _SHARE.get(name, _SLOW_SHARE.get(workload, 0.1))
            module = name if name in _OWN else f"peer_{name}"
            found = alone("one", module, workload, int(SIZES[workload] * share))
            rates[name].append(found["rate"])
            megabytes[name].append(found["megabytes"])
    group = f"{workload}  {TITLES[workload]}"
    results = [
        Result(group, f"{name}, growing by {median(megabytes[name]):.0f} MB", median(rates[name]) / 1000, "k items/s")
        for name in CONTENDERS[workload]
    ]
    for name in CONTENDERS[workload]:
        if name == "builtin":
            ratio = median([built / hand for built, hand in zip(rates[name], rates["hand"], strict=True)])
            what = "ours with the built-in sum / the loop written by hand"
            results.append(Result(group, what, ratio, "×", _BUILT_IN_BAR, at_least=True))
        elif name != "ours":
            ratio = median([ours / theirs for ours, theirs in zip(rates["ours"], rates[name], strict=True)])
            against = "the loop written by hand" if name == "hand" else name
            results.append(Result(group, f"ours / {against}", ratio, "×", BARS[workload].get(name), at_least=True))
    return results
