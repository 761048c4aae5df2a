"""The few calls that go up the house, all in one place.

A Graph, a value, can start itself and draw itself, and a Run can serve itself and show its console. What does
that lives in rooms above theirs, which they must not import; and those rooms are heavy, so they are imported
at the moment of the call.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

START = "streamweave_lab.engine.host:start"
RUN_TO_END = "streamweave_lab.engine.host:run_to_end"
EXPLAIN = "streamweave_lab.ops.explain.explain:explain"
REHEARSE = "streamweave_lab.engine.rehearse:rehearse"
KEEP_HISTORY = "streamweave_lab.ops.config.store:keep_history"
WATCH_CONFIG = "streamweave_lab.ops.config.watch:watch_config"
SERVE = "streamweave_lab.ops.server:serve"
EXPORT = "streamweave_lab.ops.metrics.telemetry:export"
ATTACH = "streamweave_lab.remote.attach:attach"
LOG_TO = "streamweave_lab.ops.logs.log:log_to"
CONSOLE = "streamweave_lab.console.display:console"
LOAD_EXTENSION = "streamweave_lab.ipython.extension:load_ipython_extension"
UNLOAD_EXTENSION = "streamweave_lab.ipython.extension:unload_ipython_extension"
END_WITH_KERNEL = "streamweave_lab.ipython.shutdown:install_here"
CONSOLE_BUNDLE = "streamweave_lab.console.display:run_bundle"


def call(where: str, *args: Any, **kwargs: Any) -> Any:
    """Import `module:function` and call it."""
    module, function = where.split(":")
    return getattr(import_module(module), function)(*args, **kwargs)
