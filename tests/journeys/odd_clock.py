"""`streamweave-lab` in a process whose wall clock is set by others: the file `jump` says by how many seconds.

`python -m tests.journeys.odd_clock run …`. Only the clock that people read jumps, as with a wrong time server or a
virtual machine that is brought back; what measures durations does not.
"""

import sys
import time
from pathlib import Path

_wall, _jump = time.time, Path("jump").absolute()


def _jumped() -> float:
    try:
        return _wall() + float(_jump.read_text() or 0)
    except FileNotFoundError:
        return _wall()


if __name__ == "__main__":
    time.time = _jumped  # before anything has taken it

    from streamweave_lab.cli.main import main

    sys.exit(main())
