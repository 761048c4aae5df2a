"""`python -m tests.journeys.killed --kills 30`: the flights graph in a process that is killed, and resumed each time.

In the end its files and tables must hold what those of an uninterrupted run hold, byte by byte and row by row.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic

from tests.journeys.killed_graph import FILES, TABLES

ROOT = Path(__file__).parents[2]
ALL = 336_776
PATIENCE = 600.0
"""Seconds in which a process must end that is not killed."""


@dataclass
class Life:
    """One process."""

    seconds: float
    """How long it lived."""
    resumed: str
    """What it said that it went on from; empty if it was killed before."""
    killed: bool


@dataclass
class Story:
    """What was seen."""

    rows: int
    uninterrupted: float
    """Seconds that an uninterrupted run took."""
    lives: list[Life] = field(default_factory=list)
    rounds: int = 0
    """How often the year came to its end, and was compared."""
    held: dict[str, int] = field(default_factory=dict)
    """Lines of each file and rows of each table."""

    @property
    def kills(self) -> int:
        return sum(life.killed for life in self.lives)

    def __str__(self) -> str:
        fresh = sum(life.killed and not life.resumed for life in self.lives)
        again = {life.resumed for life in self.lives if "checkpoint" in life.resumed}
        held = ", ".join(f"{name} {n:,}" for name, n in self.held.items())
        return (
            f"{self.rows:,} flights; uninterrupted in {self.uninterrupted:.1f} s\n"
            f"{len(self.lives)} processes, {self.kills} killed, {fresh} of them before the run had begun;\n"
            f"they went on from {len(again)} different checkpoints; "
            f"{self.rounds} runs came to their end, and each holds exactly what the uninterrupted one holds:\n{held}"
        )


def tell(kills: int, rows: int, seed: int, folder: Path, seen: Callable[[Life], object] = str) -> Story:
    """Kill so many processes, and compare; `seen` is called with each as soon as it is over.

    Raises: AssertionError where something is lost, doubled or changed.
    """
    dice = Random(seed)
    whole = folder / "uninterrupted"
    whole.mkdir()
    began = monotonic()
    live(whole, rows, None)
    story = Story(rows, monotonic() - began)
    expected = held_in(whole)
    story.held = {name: len(content) for name, content in expected.items()}
    while story.kills < kills or not story.rounds:
        left = kills - story.kills
        for life in _one_run(folder / f"run{story.rounds}", rows, left, story.uninterrupted, dice):
            story.lives.append(life)
            seen(life)
        compare(expected, held_in(folder / f"run{story.rounds}"))
        story.rounds += 1
    return story


def _one_run(folder: Path, rows: int, kills: int, whole: float, dice: Random) -> Iterator[Life]:
    """Processes that go on with one another's work until the last has ended."""
    folder.mkdir()
    while True:
        # A life brings less far than a share of the whole, as starting and seeking take their time.
        life = live(folder, rows, dice.uniform(0.0, 0.6 + 2.5 * whole / max(kills, 5)) if kills else None)
        yield life
        kills -= life.killed
        if not life.killed:
            return


def live(folder: Path, rows: int, until: float | None) -> Life:
    """One process, killed after `until` seconds unless it has ended before."""
    command = [sys.executable, "-m", "tests.journeys.killed_graph", str(folder), str(rows)]
    began = monotonic()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            out, errors = process.communicate(timeout=PATIENCE if until is None else until)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            out, errors = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), f"{process.returncode}: {out}{errors}"
        return Life(monotonic() - began, out.strip(), process.returncode != 0)


def held_in(folder: Path) -> dict[str, list[str]]:
    """The lines of the files and the rows of the tables, in their order."""
    held = {name: (folder / name).read_text().splitlines(keepends=True) for name in FILES}
    for name in TABLES:
        with closing(sqlite3.connect(folder / f"{name}.db")) as db:
            held[name] = [repr(row) for row in db.execute(f"SELECT * FROM {name} ORDER BY rowid")]
    return held


def compare(expected: dict[str, list[str]], found: dict[str, list[str]]) -> None:
    """Raises: AssertionError naming the first line or row that differs."""
    for name, lines in expected.items():
        for number, (one, other) in enumerate(zip(lines, found[name], strict=False)):
            assert one == other, f"{name}, {number}: {one!r} is {other!r}"
        assert len(lines) == len(found[name]), f"{name} has {len(found[name])} rows, not {len(lines)}"


def say(life: Life) -> None:
    """Print what became of a process."""
    end = "killed" if life.killed else "ended"
    sys.stdout.write(f"{end} after {life.seconds:5.2f} s  {life.resumed or 'before it had begun'}\n")
    sys.stdout.flush()


def main() -> int:
    """Kill, resume, compare, and print what was seen."""
    parser = argparse.ArgumentParser(prog="python -m tests.journeys.killed", description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--rows", type=int, default=ALL)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = monotonic()
        story = tell(asked.kills, asked.rows, asked.seed, Path(folder), say)
        sys.stdout.write(f"{story}\nin {monotonic() - began:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
