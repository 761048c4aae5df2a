"""Another version of a graph goes on from what the one before has kept, and back; each is a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from itertools import accumulate
from pathlib import Path
from time import monotonic, sleep

import pytest

from streamweave_lab.cli.outcome import Exit

ROOT = Path(__file__).parents[2]
GRAPH = "tests.journeys.upgraded_graph:graph"
PATIENCE = 120.0
"""Seconds in which a process has to come so far."""


class Place:
    """A folder with a store in it, and what came out."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "totals.jsonl"

    def command(self, version: int, *arguments: str) -> subprocess.Popen[str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("STREAMWEAVE_")}
        environ |= {"READINGS_VERSION": str(version), "PYTHONPATH": str(ROOT)}
        call = [sys.executable, "-m", "streamweave_lab.cli.main", *arguments]
        return subprocess.Popen(
            call, cwd=self.folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def said(self, version: int, *arguments: str) -> tuple[int, str]:
        """The exit code of a command that ends by itself, and all it said."""
        process = self.command(version, *arguments)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out + err

    def run(self, version: int, *arguments: str, number: int = signal.SIGTERM, store: str = "state") -> tuple[int, str]:
        """Run the version until it has brought out some fifty readings more, then send it a signal."""
        begun = [*self.readings()] if self.out.exists() else []
        process = self.command(version, "run", GRAPH, "--checkpoint", store, "--checkpoint-every", "0.1",
                               "--keep", "1000", *arguments)  # fmt: skip
        try:
            until = monotonic() + PATIENCE
            while process.poll() is None and not self._has_more_than(begun):
                assert monotonic() < until, "it brings nothing out"
                sleep(0.05)
            two_more = self._kept(store) + 2
            while process.poll() is None and self._kept(store) < two_more:
                assert monotonic() < until, "it keeps nothing"
                sleep(0.05)
            process.send_signal(number)
            _, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
            process.communicate()
        return process.returncode, err

    def _kept(self, store: str) -> int:
        """The newest checkpoint."""
        whole = [each.parent.name for each in (self.folder / store).glob("*/COMMITTED")]
        return max((int(name) for name in whole if name.isdecimal()), default=0)  # others are on their way there

    def _has_more_than(self, begun: list[dict[str, int]]) -> bool:
        now = self.readings()
        return now[: len(begun)] != begun or len(now) >= len(begun) + 50

    def readings(self) -> list[dict[str, int]]:
        """The whole lines of what came out."""
        text = self.out.read_text() if self.out.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def check(self) -> list[dict[str, int]]:
        """Every reading has come out once, with the right total. Returns them."""
        rows = self.readings()
        numbers = [row["reading"] for row in rows]
        assert numbers == [*range(1, len(rows) + 1)]
        assert [row["total"] for row in rows] == [*accumulate(numbers)]
        return rows

    def newest(self) -> int:
        code, text = self.said(1, "checkpoints", "list", "state", "--json")
        assert code == 0, text
        return max(each["id"] for each in json.loads(text))


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_a_newer_version_goes_on_from_what_a_killed_older_one_kept_and_migrates_its_state(place):
    code, _ = place.run(1, number=signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert place.said(2, "checkpoints", "rehearse", "state", GRAPH)[0] == 0
    code, said = place.run(2)
    assert code == Exit.DRAINED, said
    assert "from checkpoint" in said
    rows = place.check()
    counted = [row for row in rows if "count" in row]
    assert 0 < len(counted) < len(rows)
    assert all(row["count"] == row["reading"] for row in counted)


def test_back_the_older_version_refuses_what_it_cannot_read_and_goes_on_from_its_own(place):
    place.run(1)
    before, own = place.newest(), len(place.check())
    shutil.copytree(place.folder / "state", place.folder / "before")
    place.run(2)
    assert len(place.check()) > own

    code, said = place.said(1, "run", GRAPH, "--checkpoint", "state")
    assert code == Exit.BAD_CONFIG
    assert "totals: newer code wrote its state, in version 2, and this Total knows versions up to 1" in said
    assert len(place.check()) > own, "a refusal touches nothing"

    code, said = place.run(1, "--resume", str(before))
    assert code == Exit.DRAINED, said
    assert f"from checkpoint {before}" in said
    rows = place.check()
    assert not any("count" in row for row in rows), "what the newer one wrote is taken back, and done again"
    assert len(rows) > own

    code, said = place.run(1)
    assert code == Exit.DRAINED, said  # the newest is its own again
    assert len(place.check()) > len(rows)

    code, said = place.run(1, store="before")  # however long ago: checkpoints of the store itself are pruned
    assert code == Exit.DRAINED, said
    assert f"from checkpoint {before}" in said
    place.check()


def test_a_version_with_another_node_goes_on_only_when_that_is_said(place):
    place.run(2)
    code, said = place.said(3, "run", GRAPH, "--checkpoint", "state")
    assert code == Exit.BAD_CONFIG
    assert "does not fit the graph: new: seen" in said
    code, said = place.run(3, "--allow-changed")
    assert code == Exit.DRAINED, said
    assert "nodes new: seen" in said
    place.check()
