"""Draw a streaming dataflow graph, run it on Jupyter's own event loop, watch it live, and operate it.

>>> import streamweave_lab as sw
>>> numbers = sw.Replay("numbers", range(4))
>>> square = sw.Map("square", lambda n: n * n)
>>> squares = sw.Collect[int]("squares")
>>> graph = sw.Graph("squares", numbers >> square >> squares)
>>> graph.run_to_end()["squares"].items
[0, 1, 4, 9]
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from streamweave_lab import connectors, errors, upward
from streamweave_lab.config.model import Config, live
from streamweave_lab.engine.actor import acting
from streamweave_lab.engine.protocol import Run
from streamweave_lab.engine.registry import runs
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.engine.status import Status
from streamweave_lab.graph.batch import Batch, Failure
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Node, Sink, Step
from streamweave_lab.graph.port import In, Out
from streamweave_lab.graph.source import END, AsyncSource, Source, Wait
from streamweave_lab.graph.supervision import Supervision
from streamweave_lab.operators import (
    Collect,
    Count,
    Debounce,
    Deduplicate,
    Enrich,
    Filter,
    FlatMap,
    ForEach,
    IntervalJoin,
    Iterate,
    KeyedStep,
    Latest,
    Map,
    MapAsync,
    Merge,
    Pane,
    PerKey,
    Reduce,
    Replay,
    Route,
    Sample,
    Take,
    Throttle,
    TopK,
    Window,
    WindowJoin,
    WindowResult,
    Zip,
    count,
    fold,
    max,  # noqa: A004 - sw.max reads as what it is, and shadows nothing for who writes `import streamweave_lab as sw`
    mean,
    min,  # noqa: A004 - as max
    quantiles,
    sum,  # noqa: A004 - as max
)
from streamweave_lab.progress.window import Counting, ProcessingTime, Session, Sliding, Tumbling

if TYPE_CHECKING:
    from streamweave_lab import testing
    from streamweave_lab.engine.rehearse import Rehearsal
    from streamweave_lab.ops.logs.log import Log
    from streamweave_lab.ops.logs.settings import LogSettings
    from streamweave_lab.remote.run import RemoteRun
    from streamweave_lab.state.folder_store import FolderStore
    from streamweave_lab.state.sqlite_store import SqliteStore
    from streamweave_lab.state.store import Checkpoint

__version__ = "0.1.0"

__all__ = [
    "END",
    "AsyncSource",
    "Batch",
    "Collect",
    "Config",
    "Count",
    "Counting",
    "Debounce",
    "Deduplicate",
    "Enrich",
    "Failure",
    "Filter",
    "FlatMap",
    "FolderStore",
    "ForEach",
    "Graph",
    "In",
    "IntervalJoin",
    "Iterate",
    "KeyedStep",
    "Latest",
    "LocalRun",
    "LogSettings",
    "Map",
    "MapAsync",
    "Merge",
    "Node",
    "Out",
    "Pane",
    "PerKey",
    "ProcessingTime",
    "Reduce",
    "Replay",
    "Route",
    "Run",
    "Sample",
    "Session",
    "Sink",
    "Sliding",
    "Source",
    "SqliteStore",
    "Status",
    "Step",
    "Supervision",
    "Take",
    "Throttle",
    "TopK",
    "Tumbling",
    "Wait",
    "Window",
    "WindowJoin",
    "WindowResult",
    "Zip",
    "acting",
    "attach",
    "connectors",
    "console",
    "count",
    "errors",
    "fold",
    "live",
    "log_to",
    "max",
    "mean",
    "min",
    "quantiles",
    "rehearse",
    "runs",
    "sum",
    "testing",
]


_LATER = {
    "FolderStore": "streamweave_lab.state.folder_store",
    "LogSettings": "streamweave_lab.ops.logs.settings",
    "SqliteStore": "streamweave_lab.state.sqlite_store",
}
"""Brought in when they are asked for: most programs need none of them, and start faster without."""


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    if name == "testing":
        return import_module("streamweave_lab.testing")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *(name for name in globals() if name.startswith("__"))]


def attach(url: str, token: str | None = None, **how: Any) -> RemoteRun:
    """The run that another process serves at `url`: the same verbs, Status and console. Needs the extra `remote`.

    `token` is the server's; without it that of `token_file=`, STREAMWEAVE_TOKEN_FILE or STREAMWEAVE_TOKEN. `verify=`
    names certificates to trust, `timeout=` is in seconds. Raises: UnreachableError if no run answers there;
    NotAllowedError without the right token.
    """
    run: RemoteRun = upward.call(upward.ATTACH, url, token, **how)
    return run


def console(run: Run) -> Any:
    """The live console of a run: an object that shows itself in a notebook cell. Needs the extra `console`."""
    return upward.call(upward.CONSOLE, run)


def log_to(sink: Any, level: str = "info", *, profile: str = "default", items: bool = False, room: int = 10_000) -> Log:
    """Write the events of every run of this process to `sink`, one JSON object a line. Needs the extra `ops`.

    `sink` is a path, a text stream or a function of a line; `level` is "debug", "info", "warning" or "error";
    `profile` names the fields: "default", "ecs" (Elastic Common Schema) or "otel" (OpenTelemetry's log data model).
    No item is written without `items=True`. A sink that is slow or fails holds up no run: at most `room` lines wait,
    and what is lost is counted and told. Returns a Log: `close()` or a call ends it, and so does its `with`.

    Raises: ValueError for an unknown level or profile; TypeError for what is no sink; OSError if the file cannot be
    opened; MissingExtraError.
    """
    log: Log = upward.call(upward.LOG_TO, sink, level, profile=profile, items=items, room=room)
    return log


def rehearse(graph: Graph, checkpoint: Checkpoint, *, items: int = 0, config: Config | None = None) -> Rehearsal:
    """Try out whether `graph` would go on from `checkpoint`, node by node; nothing outside is changed.

    With `items` so many items of each source that can be replayed go through copies of the nodes as well, in virtual
    time, with counters in the place of sinks: `Rehearsal.shadow` says what would come out, or fail.
    """
    found: Rehearsal = upward.call(upward.REHEARSE, graph, checkpoint, items=items, config=config)
    return found


def load_ipython_extension(ipython: Any) -> None:
    """`%load_ext streamweave_lab`: the `%weave` magic, and an orderly end of runs when the kernel shuts down."""
    upward.call(upward.LOAD_EXTENSION, ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """`%unload_ext streamweave_lab`."""
    upward.call(upward.UNLOAD_EXTENSION, ipython)
