"""%weave on a run of another process, to which a real kernel is attached."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ipython.conftest import Kernel
from tests.remote.conftest import Process


@pytest.fixture
def process(kernel: Kernel, tmp_path: Path) -> Iterator[Process]:
    served = Process(tmp_path)
    served.start()
    attach = f"far = sw.attach({served.url!r}, token_file={str(served.token_file)!r})"
    assert kernel.cell(attach).status == "ok"
    yield served
    kernel.cell("far.detach()")
    served.kill()


def test_it_is_listed_looked_at_and_drained_like_a_run_of_this_kernel(kernel: Kernel, process: Process) -> None:
    assert kernel.cell("%weave").text.splitlines() == [
        "no runs in this kernel, attached to 1 of other processes",
        "run      state    ready  lives on",
        "ticking  running  yes    another process",
    ]
    shown = kernel.cell("%weave status ticking")
    assert shown.text.splitlines()[0] == "run 'ticking' is running and ready"
    assert kernel.completions("%weave drain tic") == ["%weave drain ticking"]
    asked = kernel.cell("%weave drain")
    assert asked.text == "run 'ticking' was asked to drain; await this for its report"
    assert kernel.cell("report = await _\nprint(report.complete, report.dropped)").printed == "True {}\n"
    assert process.end() == 0


def test_one_that_hangs_is_shown_with_its_age_and_a_run_of_this_kernel_keeps_its_name(
    kernel: Kernel, process: Process
) -> None:
    kernel.cell(
        "own = sw.Graph('ticking', sw.Replay('one', iter(int, 1)) >> sw.Count('counted')).start()\n"
        "await own.pause()\nawait far.pause()"
    )
    shown = kernel.cell("%weave runs").text.splitlines()
    assert [line.split()[0] for line in shown[2:]] == ["ticking", f"ticking@127.0.0.1:{process.port}"]
    assert kernel.completions("%weave stop ticking@") == [f"%weave stop ticking@127.0.0.1:{process.port}"]
    process.send(signal.SIGSTOP)
    aged = "while far.status().stale_seconds is None: await asyncio.sleep(0.05)\n%weave status ticking@127.0.0.1:"
    assert "was paused when it was last heard of" in kernel.cell(f"{aged}{process.port}").text
    process.send(signal.SIGCONT)
    kernel.cell("await own.stop()")


def test_events_tell_that_the_magic_asked(kernel: Kernel) -> None:
    kernel.cell("mine = sw.Graph('mine', sw.Replay('one', iter(int, 1)) >> sw.Count('counted')).start()")
    kernel.cell("%weave drain mine --timeout 1\nawait mine.done()")
    shown = kernel.cell("print({e.event: e.by for e in mine.status().events}['run.draining'])")
    assert shown.printed == "magic\n"
