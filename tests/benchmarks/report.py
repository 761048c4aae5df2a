"""What was measured, beside the bar it has to meet."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """One number. `at_least` says which way its bar is met; without a bar it is told for information."""

    group: str
    what: str
    value: float
    unit: str = ""
    bar: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None without one."""
        if self.bar is None:
            return None
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def line(self) -> str:
        """The row of the table."""
        bar = "" if self.bar is None else f"{'≥' if self.at_least else '≤'} {self.bar:g}"
        verdict = {None: "", True: "met", False: "NOT MET"}[self.met]
        return f"  {self.what:<66}{_number(self.value):>10} {self.unit:<10}{bar:<10}{verdict}".rstrip()


def table(results: list[Result]) -> str:
    """All results, by group."""
    lines: list[str] = []
    group = ""
    for result in results:
        if result.group != group:
            group = result.group
            lines += ["", group]
        lines.append(result.line())
    return "\n".join(lines)


def as_json(results: list[Result]) -> str:
    """All results, for machines."""
    return json.dumps([asdict(result) | {"met": result.met} for result in results], indent=1)


def alone(module: str, *args: object) -> dict[str, Any]:
    """What `python -m tests.benchmarks.MODULE ARGS` prints: a measurement in a process of its own."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, args)]
    # Compiled once and kept, as every start of Python but the first finds it.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900, env=environ)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def answer(found: dict[str, Any]) -> None:
    """Print for `alone`."""
    sys.stdout.write(json.dumps(found) + "\n")


def told(text: str) -> None:
    """Say what is being done; a long silence looks like a hang."""
    sys.stderr.write(f"\r\033[K{text}")
    sys.stderr.flush()


def percentile(numbers: list[float], share: float) -> float:
    """The smallest number that `share` of all are not above."""
    return sorted(numbers)[max(0, int(len(numbers) * share) - 1)]


def median(numbers: list[float]) -> float:
    """The middle one."""
    return statistics.median(numbers)


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
