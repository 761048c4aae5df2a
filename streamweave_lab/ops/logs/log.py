"""What happens in runs, as JSON lines: one object an event, never one an item, and nothing until it is asked for."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping, MutableMapping
from threading import Lock
from typing import Any, Self

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.config.model import Config
from streamweave_lab.engine.observer import observe_all
from streamweave_lab.engine.pulse import in_kernel
from streamweave_lab.engine.registry import runs
from streamweave_lab.engine.status import EventStatus
from streamweave_lab.errors import ConfigError, MissingExtraError
from streamweave_lab.ops.logs.limit import Limit
from streamweave_lab.ops.logs.profiles import processor
from streamweave_lab.ops.logs.record import Record, current_trace, facts, more
from streamweave_lab.ops.logs.settings import LEVELS, VARIABLE, Level, LogSettings, Profile, of_config, parsed
from streamweave_lab.ops.logs.sink import Lines, Sink, Stream, lines_to
from streamweave_lab.ops.logs.writer import ROOM, Writer

try:
    import structlog
except ImportError as error:
    raise MissingExtraError("log_to()", "ops") from error

ENDS = frozenset({"run.stopped", "run.drained", "run.drain_timed_out", "run.failed"})
CLOSE_SECONDS = 2.0
_RANKS = {level: rank for rank, level in enumerate((*LEVELS, "off"))}


class Log:
    """Lines on their way to one sink, until it is closed or called; a context manager.

    They are written by a thread of the log's own. Up to `room` lines wait there; those for which there is no room,
    and those that the sink refuses, are counted in `lost`, and a line `log.lines_lost` tells where they are missing.
    """

    def __init__(
        self, sink: Sink, level: str = "info", *, profile: str = "default", items: bool = False, room: int = ROOM,
        follows: bool = False,
    ) -> None:  # fmt: skip
        self.level = level
        self.sink = sink
        """What it was made for."""
        self._follows, self._closed = follows, False
        lines = _Renderer(lines_to(sink), profile, items)
        self._limit = Limit()
        self._guard = Lock()
        self._writer: Writer[Record] = Writer(
            lines.name, lines.write, _missing, self._tell_overdue, lines.close, room=room
        )
        self._unsubscribe = observe_all(self._take)
        atexit.register(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def level(self) -> str:
        """The least level that is written: "debug", "info", "warning", "error", or "off"; may be set at any time."""
        return self._level

    @level.setter
    def level(self, level: str) -> None:
        if level not in _RANKS:
            raise ValueError(f"{level!r} is not a level; use one of {', '.join(LEVELS)}")
        self._level, self._least = level, _RANKS[level]

    def __repr__(self) -> str:
        sink = self.sink
        to = os.fspath(sink) if isinstance(sink, str | os.PathLike) else getattr(sink, "name", None) or repr(sink)
        ended = ", closed" if self._closed else f", {self.lost} lines lost" if self.lost else ""
        return f"<Log of {self._level} and above to {to}{ended}>"

    @property
    def lost(self) -> int:
        """Lines that the sink refused, or for which there was no room while it was slow."""
        return self._writer.lost

    def flush(self, timeout: float = CLOSE_SECONDS) -> bool:
        """Wait until what has happened so far is written; False if the sink takes longer than `timeout` seconds."""
        return self._writer.flush(timeout)

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Listen no more, say what was suppressed, write it all, and close the file if this opened it.

        Waits at most `timeout` seconds; what a stuck sink has not taken by then is told on stderr. Happens by itself
        when the process ends. Twice does no harm.
        """
        atexit.unregister(self.close)
        self._closed = True
        self._unsubscribe()
        with self._guard:
            self._write_all(self._limit.take_pending(""))
        self._writer.close(timeout)

    __call__ = close

    # Inside

    def _take(self, graph: str, event: EventStatus, at: float) -> None:
        """Called on the run's loop, so by several threads where runs live on several loops."""
        with self._guard:
            if event.event in ENDS:
                self._write_all(self._limit.take_pending(graph))
            if self._follows and event.event.startswith("config."):
                self._follow(graph)
            if _RANKS[event.level] < self._least:
                return
            record = self._limit.admit(Record(graph, event, at, more(event), current_trace()))
            if record is not None:
                self._writer.put(record)

    def _follow(self, graph: str) -> None:
        """Take the level from the configuration that is in force now, where it has a log section."""
        run = runs().get(graph)
        settings = of_config(run.config) if run is not None else None
        if settings is not None:
            self.level = settings.level

    def _tell_overdue(self) -> None:
        """What was held back and has not come again for a while is told now. Called by the writer when it is idle."""
        with self._guard:
            self._write_all(self._limit.take_due(SYSTEM_CLOCK.wall()))

    def _write_all(self, held: list[Record]) -> None:
        for record in held:
            self._writer.put(record)


class _Renderer:
    """Makes lines of records, by way of structlog, and hands them to a sink."""

    def __init__(self, lines: Lines, profile: str, items: bool) -> None:
        self.name, self.close = lines.name, lines.close
        self._items = items
        self._log: Any = structlog.wrap_logger(
            _Levels(lines),
            processors=[_placed, processor(profile), structlog.processors.JSONRenderer(default=repr)],
            wrapper_class=structlog.BoundLogger,
            context_class=dict,
        )

    def write(self, record: Record) -> None:
        told = facts(record, items=self._items)
        getattr(self._log, record.event.level)(told.pop("event"), **told)


class _Levels:
    """What structlog calls with a line, whatever its level, which is within the line."""

    def __init__(self, lines: Lines) -> None:
        self.debug = self.info = self.warning = self.error = lines.write


def _placed(_logger: Any, _method: str, found: MutableMapping[str, Any]) -> dict[str, Any]:
    """Structlog puts the event last; it has its place among the agreed fields."""
    first = ("timestamp", "level", "target", "event")
    return {**{name: found[name] for name in first}, **found}


def _missing(lines: int) -> Record:
    said = f"{lines} lines are missing here: there was no room for them, or they could not be written"
    told = EventStatus(at=SYSTEM_CLOCK.wall(), event="log.lines_lost", level="warning", message=said)
    return Record(None, told, told.at, lost=lines)


def log_to(
    sink: Sink, level: Level = "info", *, profile: Profile = "default", items: bool = False, room: int = ROOM
) -> Log:
    """Write the events of all runs of this process, present and later, to `sink`, one JSON object a line.

    `sink` is a path (appended to), a text stream, or a function that takes a line; it is used on a thread of its own,
    so that a run never waits for it. `level` is "debug", "info", "warning" or "error". `profile` names the fields:
    "default" (timestamp, level, target, event, message, graph_id, node_id, port, request_id, trace_id, …), "ecs"
    (Elastic Common Schema) or "otel" (OpenTelemetry's log data model).

    `timestamp` is when it really was. Of a run in virtual time, as `run_to_end()` has it, `virtual_seconds` is beside
    it: the time of the run, from 0 on.

    An event that comes again and again is held back; the next line of its kind says in `suppressed` how often. Items
    are written only with `items=True`, and then as far as the graph's `redact` lets them be seen; without, errors
    are named by type and place, for their words may quote an item.

    A sink that blocks or fails harms no run: at most `room` lines wait, what is lost is counted, told in the log by a
    line `log.lines_lost`, and told once on stderr. Returns a Log, to be closed; the end of the process closes it too.

    Raises: ValueError for an unknown level or profile; TypeError for what is no sink; OSError if the file cannot be
    opened; MissingExtraError.
    """
    return Log(sink, level, profile=profile, items=items, room=room)


def from_environment(
    default: Stream | None, environ: Mapping[str, str] = os.environ, *, source: str = f"environment {VARIABLE}"
) -> Log | None:
    """The Log that STREAMWEAVE_LOG asks for: LEVEL[,PROFILE][,items][:PATH], such as "info" or "error,ecs:log.jsonl".

    Without a path it goes to the stream `default`; where that is None, as `sys.stderr` may be, or it says "off" or
    nothing, and in a Jupyter kernel: None. `source` is where the variable was set, for errors.
    Raises: ConfigError if it cannot be done.
    """
    return _log(parsed(environ.get(VARIABLE, "off"), source), default, source)


def as_configured(
    config: Config | None, default: Stream | None, environ: Mapping[str, str] = os.environ, *,
    source: str = f"environment {VARIABLE}",
) -> Log | None:  # fmt: skip
    """The Log of a service: as STREAMWEAVE_LOG says, or else as the log section of its configuration does, or None.

    In the second case a reload may change its level. Raises: ConfigError if it cannot be done.
    """
    settings = of_config(config)
    if settings is None or VARIABLE in environ:
        return from_environment(default, environ, source=source)
    return _log(settings, default, f"{type(config).__name__}: log", follows=True)


def _log(settings: LogSettings, default: Stream | None, source: str, *, follows: bool = False) -> Log | None:
    if in_kernel() or (settings.level == "off" and not follows):  # a reload may turn on what is off now
        return None
    sink = settings.path or default
    if sink is None:
        return None
    try:
        return Log(sink, settings.level, profile=settings.profile, items=settings.items, follows=follows)
    except OSError as error:
        raise ConfigError(source, (f"{sink}: {error.strerror}; name a file that can be written",)) from error


__all__ = ["Log", "as_configured", "from_environment", "log_to"]
