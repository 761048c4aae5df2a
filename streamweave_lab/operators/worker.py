"""What a worker process does: call a function for every item it is sent. Run as a script, it is that process.

It begins without this package, so that a new worker is there at once. Frames travel on its stdin and stdout,
each behind its length; what the function prints goes to stderr.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from importlib import import_module
from queue import SimpleQueue
from timeit import default_timer
from types import CoroutineType
from typing import Any, BinaryIO

Outcome = tuple[list[Any], list[tuple[int, Exception]]]
"""What the function returned, in order; and which items it refused: their places, ascending, and why."""

LENGTH = struct.Struct("!Q")
PATH, PROGRAM, ITEMS, END = b"PFIE"
"""The first byte of a frame to a worker: where to import from, the function, items, and the end."""
READY, OUTCOME, UNREADABLE = b"RON"
"""The first byte of a worker's answer; UNREADABLE is followed by the error it met when it read the frame."""


def call_each(f: Callable[[Any], Any], items: list[Any]) -> Outcome:
    """Call `f` for every item once."""
    rest = iter(items)
    out: list[Any] = []
    failed: list[tuple[int, Exception]] = []
    while len(out) + len(failed) < len(items):
        try:
            # What came before a failure stays in `out`, and `rest` goes on behind it.
            out.extend(map(f, rest))
        except Exception as error:
            failed.append((len(out) + len(failed), error))
        else:
            if len(out) + len(failed) < len(items):  # `map` takes a StopIteration for the end of the items
                failed.append((len(out) + len(failed), RuntimeError("the function raised StopIteration")))
    return out, failed


def read(stream: BinaryIO) -> bytes:
    """The next frame. Raises: EOFError if the other side has gone."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    body = stream.read(LENGTH.unpack(head)[0])
    if len(body) < LENGTH.unpack(head)[0]:
        raise EOFError
    return body


def write(stream: BinaryIO, kind: int, body: bytes = b"") -> None:
    """Send a frame. Raises: OSError if the other side has gone."""
    stream.write(LENGTH.pack(len(body) + 1) + bytes((kind,)))
    stream.write(body)
    stream.flush()


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C and "Interrupt kernel" are for the run, which ends us
    source = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.path[:] = pickle.loads(read(source)[1:])  # noqa: S301 - from the process that started this one
    frames: SimpleQueue[bytes | None] = SimpleQueue()
    # Reading never waits for the work, or both sides could stand still, each writing into a full pipe.
    threading.Thread(target=_listen, args=(source, frames), daemon=True).start()
    try:
        _serve(frames, answers)
    except BrokenPipeError:
        os._exit(1)  # as in _listen, which is perhaps a moment later


def _listen(source: BinaryIO, frames: SimpleQueue[bytes | None]) -> None:
    while True:
        try:
            frame = read(source)
        except (EOFError, OSError):
            os._exit(1)  # the process that started us is gone, and perhaps the function never returns
        if frame[0] == END:
            frames.put(None)
            return
        frames.put(frame)


def _serve(frames: SimpleQueue[bytes | None], answers: BinaryIO) -> None:
    function: Callable[[Any], Any] = repr
    while (frame := frames.get()) is not None:
        try:
            content = pickle.loads(memoryview(frame)[1:])  # noqa: S301 - from the process that started this one
        except Exception as error:
            write(answers, UNREADABLE, _error_as_bytes(error))
        else:
            if frame[0] == PROGRAM:
                function = content
                write(answers, READY)
            else:
                began = default_timer()  # a real duration, also where the run's own time is virtual
                outcome = call_each(function, content)
                write(answers, OUTCOME, _as_bytes(*outcome, default_timer() - began))


def _as_bytes(out: list[Any], failed: list[tuple[int, Exception]], seconds: float) -> bytes:
    failed = [(place, _portable(error)) for place, error in failed]
    try:
        return _dump((out, failed, seconds))
    except Exception:
        return _dump((*_without_what_cannot_travel(out, failed), seconds))


def _without_what_cannot_travel(out: list[Any], failed: list[tuple[int, Exception]]) -> Outcome:
    errors, results = dict(failed), iter(out)
    kept: list[Any] = []
    for place in range(len(out) + len(failed)):
        if place not in errors:
            result = next(results)
            try:
                _dump(result)
                kept.append(result)
            except Exception as error:
                errors[place] = _untransportable(result, error)
    return kept, sorted(errors.items())


def _untransportable(result: Any, error: Exception) -> Exception:
    if type(result) is not CoroutineType:
        return TypeError(f"the result cannot be sent back from a worker process: {error}")
    refusal: Exception = import_module("streamweave_lab.operators.function").not_awaited("Map", result)
    return refusal


def _portable(error: Exception) -> Exception:
    """The error with its traceback as text, which an exception leaves behind when it travels."""
    said = "".join(traceback.format_exception(error)).rstrip()
    for one in (error, RuntimeError(f"{type(error).__name__}: {error}")):
        try:
            one.add_note(f"In worker process {os.getpid()}:\n{said}")
            pickle.loads(_dump(one))  # noqa: S301 - our own bytes
        except Exception:  # noqa: S112 - then the next one travels
            continue
        return one
    return RuntimeError(f"{type(error).__name__}, which cannot be sent back from a worker process")


def _error_as_bytes(error: Exception) -> bytes:
    return _dump(_portable(error))


def _dump(content: Any) -> bytes:
    """With cloudpickle: classes of a notebook cannot be found by name, and must be the ones that the notebook has."""
    dumped: bytes = import_module("cloudpickle").dumps(content, protocol=5)
    return dumped


if __name__ == "__main__":
    _main()
