"""What happens in runs, as JSON lines: one object an event, never one an item, and nothing until it is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, Self

from streamweave_lab.engine.observer import observe_all
from streamweave_lab.engine.pulse import in_kernel
from streamweave_lab.engine.status import EventStatus
from streamweave_lab.errors import ConfigError, MissingExtraError
from streamweave_lab.ops.limit import Limit

try:
    import structlog
except ImportError as error:
    raise MissingExtraError("log_to()", "ops") from error

VARIABLE = "STREAMWEAVE_LOG"
LEVELS = ("debug", "info", "warning", "error")
ENDS = frozenset({"run.stopped", "run.drained", "run.drain_timed_out", "run.failed"})


class Stream(Protocol):
    """A text stream, as `sys.stderr` or an open file."""

    def write(self, text: str, /) -> object:
        """Write text."""

    def flush(self) -> object:
        """Let go of what is held back."""


Sink = str | os.PathLike[str] | Stream | Callable[[str], object]


class Log:
    """Lines on their way to one sink, until it is closed or called; a context manager."""

    def __init__(self, sink: Sink, level: str = "info") -> None:
        if level not in LEVELS:
            raise ValueError(f"{level!r} is not a level; use one of {', '.join(LEVELS)}")
        self.lost = 0
        """Lines that the sink refused."""
        self._lines = _Lines(sink)
        self._limit = Limit()
        self._guard = Lock()
        self._log: Any = structlog.wrap_logger(
            self._lines,
            processors=[_in_order, structlog.processors.JSONRenderer(default=repr)],
            wrapper_class=structlog.make_filtering_bound_logger(level),
            context_class=dict,
        )
        self._unsubscribe = observe_all(self._take)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Listen no more, say what was suppressed, and close the file if this opened it. Twice does no harm."""
        self._unsubscribe()
        with self._guard:
            self._catch_up("")
            self._lines.close()

    __call__ = close

    def _take(self, graph: str, event: EventStatus) -> None:
        """Called on the run's loop, so by several threads where runs live on several loops."""
        with self._guard:
            if event.event in ENDS:
                self._catch_up(graph)
            suppressed = self._limit.admit((graph, event.event, event.node, event.port), event)
            if suppressed is not None:
                self._write(graph, event, suppressed)

    def _catch_up(self, graph: str) -> None:
        """Write one line for each kind of event of `graph` (of all: "") that was held back and has not come again."""
        for (name, *_), event, suppressed in self._limit.take_pending(graph):
            self._write(name, event, suppressed)

    def _write(self, graph: str, event: EventStatus, suppressed: int) -> None:
        facts = {"at": event.at, "message": event.message, "node_id": event.node, "port": event.port}
        try:
            getattr(self._log, event.level)(event.event, graph_id=graph, suppressed=suppressed or None, **facts)
        except Exception:  # a sink is the user's: whatever it does, the run goes on
            self.lost += 1


class _Lines:
    """Writes each line to a stream, a file of its own, or a function."""

    def __init__(self, sink: Sink) -> None:
        self._file: Any = None
        self._write: Callable[[str], object]
        if isinstance(sink, str | os.PathLike):
            self._file = Path(sink).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115 - open until close()
            self._write = lambda line: self._file.write(line + "\n")
        elif callable(sink):
            self._write = sink
        elif not hasattr(sink, "write"):
            raise TypeError(f"a log goes to a path, a text stream or a function, not to {sink!r}")
        else:
            self._write = lambda line: (sink.write(line + "\n"), sink.flush())

    def debug(self, line: str) -> None:
        """Write a line; its level is within it."""
        self._write(line)

    info = warning = error = debug

    def close(self) -> None:
        """Close the file, if it is our own."""
        if self._file is not None:
            self._file.close()


def log_to(sink: Sink, level: str = "info") -> Log:
    """Write the events of all runs of this process, present and later, to `sink`, one JSON object a line.

    `sink` is a path (appended to), a text stream, or a function that takes a line. `level` is "debug", "info",
    "warning" or "error". An event that comes again and again is held back; the next line of its kind says in
    `suppressed` how often. Items themselves are never written. Returns a Log, to be closed.

    Raises: ValueError for an unknown level; TypeError for what is no sink; OSError if the file cannot be opened;
    MissingExtraError.
    """
    return Log(sink, level)


def from_environment(default: Stream, environ: Mapping[str, str] = os.environ) -> Log | None:
    """The Log that STREAMWEAVE_LOG asks for: "info" (to the stream `default`), "warning:/var/log/weave.jsonl", "off".

    In a Jupyter kernel, and where it is not set: None. Raises: ConfigError if it cannot be done.
    """
    level, _, path = environ.get(VARIABLE, "off").partition(":")
    if level in ("", "off") or in_kernel():
        return None
    try:
        return Log(path or default, level)
    except (ValueError, OSError) as error:
        raise ConfigError(f"environment {VARIABLE}", (str(error),)) from error


def _in_order(_: Any, level: str, found: MutableMapping[str, Any]) -> dict[str, Any]:
    """The agreed fields in the agreed order, without those that have nothing to say."""
    at = datetime.fromtimestamp(found["at"], UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    event = found["event"]
    first = {"timestamp": at, "level": level, "target": f"streamweave_lab.{event.partition('.')[0]}", "event": event}
    rest = {name: found[name] for name in ("message", "graph_id", "node_id", "port", "suppressed")}
    return first | {name: value for name, value in rest.items() if value is not None}


__all__ = ["Log", "from_environment", "log_to"]
