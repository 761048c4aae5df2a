"""One worker process, seen from here: started, spoken to, ended, and told what it died of."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from streamweave_lab.operators import worker
from streamweave_lab.operators.parallel import as_bytes

if TYPE_CHECKING:
    from streamweave_lab.engine.pool import Program

_END_SECONDS = 2.0
_PIPE_BYTES = 2**20
"""Each call of the system gives the GIL away, and a busy loop keeps it for a while: few calls, with much in each."""
_STARTS = 3
"""A worker that dies so many times over nothing but the function will not be started again."""


class WorkerGoneError(Exception):
    """The process is not there any more; `how` goes on from "it"."""

    def __init__(self, pid: int, how: str) -> None:
        self.pid, self.how = pid, how
        super().__init__(f"worker process {pid} {how}")


class UnreadableError(Exception):
    """One side could not write or read what was to travel."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        super().__init__(repr(error))


class UnfitError(RuntimeError):
    """No worker process can be made to call the function."""


class WorkerProcess:
    """Starts a process when it is needed. All but `kill` is for one thread only.

    It lives in a session of its own, where neither Ctrl-C in a terminal nor "Interrupt kernel" finds it, and
    ends by itself when this process is gone. It is no fork and runs nothing of `__main__`.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._has: Program | None = None
        self._lock = threading.Lock()
        self._killed = False

    def send(self, program: Program, items: list[Any]) -> None:
        """Send items on, and before them the function where the process does not have it.

        Raises: WorkerGoneError; UnreadableError if an item cannot travel, and then nothing was sent.
        """
        try:
            body = as_bytes(items)
        except Exception as error:
            raise UnreadableError(_explained(error)) from error
        if self._has is not program:
            self._prepare(program)
        self._write(worker.ITEMS, body)

    def outcome(self) -> tuple[list[Any], list[tuple[int, Exception]], float]:
        """What became of the items that were sent first, and the seconds that took.

        Raises: WorkerGoneError, UnreadableError.
        """
        frame = self._read()
        try:
            content = pickle.loads(memoryview(frame)[1:])  # noqa: S301 - from the process that was started here
        except Exception as error:
            raise UnreadableError(_explained(error)) from error
        if frame[0] == worker.UNREADABLE:
            raise UnreadableError(content)
        out, failed, seconds = content
        return out, failed, seconds

    def replace_if_dead(self, tell: Callable[[WorkerGoneError], None]) -> None:
        """Start another if the process died while it had nothing to do."""
        program = self._has
        if program is not None and self._process is not None and self._process.poll() is not None:
            gone = self.bury()
            if gone is not None and not self._killed:
                tell(gone)
                with suppress(WorkerGoneError):
                    self._prepare(program)

    def kill(self) -> None:
        """End the process and what it has started. From any thread."""
        with self._lock:
            self._killed = True
            self._kill()

    def discard(self) -> None:
        """End this process; the next `send` starts another."""
        with self._lock:
            self._kill()
        self.bury()

    def end(self, at_once: bool) -> None:
        """End the process, in good order unless `at_once`, and leave nothing behind."""
        if self._process is None:
            return
        if not at_once:
            self._write(worker.END)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SECONDS)
        self._kill()
        self.bury()

    def bury(self) -> WorkerGoneError | None:
        """Let go of a process that has ended, or is about to; what it died of."""
        process, self._process, self._has = self._process, None, None
        if process is None:
            return None
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            assert stream is not None  # noqa: S101 - both are pipes
            with suppress(OSError):
                stream.close()
        return WorkerGoneError(process.pid, _how(process.returncode))

    # Inside

    def _prepare(self, program: Program) -> None:
        for _ in range(_STARTS):
            if self._process is None:
                self._start()
            try:
                self._write(worker.PROGRAM, program.body)
                answer = self._read()
            except WorkerGoneError as error:
                if self._killed:
                    raise
                gone = error
                continue
            if answer[0] == worker.UNREADABLE:
                error_there = pickle.loads(memoryview(answer)[1:])  # noqa: S301 - as above
                raise UnfitError(f"a worker process cannot read the function: {error_there!r}") from error_there
            self._has = program
            return
        raise UnfitError(f"{_STARTS} worker processes in a row died while they read the function; the last {gone.how}")

    def _start(self) -> None:
        with self._lock:
            if self._killed:
                raise WorkerGoneError(0, "was not started, for the run has ended")
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, and a file of this package
                [sys.executable, "-P", worker.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=_PIPE_BYTES,
                pipesize=_PIPE_BYTES,
                start_new_session=True,
            )
        self._write(worker.PATH, pickle.dumps(sys.path))

    def _write(self, kind: int, body: bytes = b"") -> None:
        process = self._process
        if process is None or process.stdin is None:
            raise WorkerGoneError(0, "had ended before")
        try:
            worker.write(process.stdin, kind, body)  # type: ignore[arg-type]
        except OSError:
            raise self._gone() from None

    def _read(self) -> bytes:
        process = self._process
        if process is None or process.stdout is None:
            raise WorkerGoneError(0, "had ended before")
        try:
            return worker.read(process.stdout)  # type: ignore[arg-type]
        except (EOFError, OSError):
            raise self._gone() from None

    def _gone(self) -> WorkerGoneError:
        return self.bury() or WorkerGoneError(0, "had ended before")

    def _kill(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(OSError):
                if hasattr(os, "killpg"):
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.kill()


def _how(code: int | None) -> str:
    if code is None or code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _explained(error: Exception) -> Exception:
    return TypeError(f"cannot travel to or from a worker process: {error}")
