"""A disk of a few megabytes, which can be filled to the last byte and emptied again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path

import pytest

BLOCK = 4096


class SmallDisk:
    """What is mounted at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        """Leave no block free; what is in a block already may still grow to its end."""
        with self._ballast.open("ab", buffering=0) as ballast, pytest.raises(OSError, match="No space left on device"):
            ballast.writelines(repeat(bytes(BLOCK)))

    def make_room(self) -> None:
        self._ballast.unlink()


@contextmanager
def small_disk(path: Path) -> Iterator[SmallDisk]:
    """Mount one at the new folder `path`. Skips the test where that is not allowed."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if sys.platform != "linux" or mount is None or umount is None:
        pytest.skip("there is no mount here")
    path.mkdir()
    asked = [mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(path)]
    mounted = subprocess.run(asked, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"to mount a small disk is not allowed here: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run([umount, "--lazy", str(path)], check=True)
