"""How a run shows itself: constant text, a static twin for pages without a kernel, and the live console."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from streamweave_lab.console.ending import counted
from streamweave_lab.console.snapshot import WIDGET, twin
from streamweave_lab.engine.pulse import in_kernel
from streamweave_lab.errors import MissingExtraError

if TYPE_CHECKING:
    from streamweave_lab.console.console import Console
    from streamweave_lab.engine.protocol import Run
    from streamweave_lab.engine.status import Status

_CONSOLES: WeakKeyDictionary[Run, Console] = WeakKeyDictionary()
"""One console a run: all cells and pages that show it share its frames."""


def console(run: Run) -> Console:
    """The live console of `run`; the same one each time.

    Raises: TypeError for what is no run, such as a graph; MissingExtraError without anywidget.
    """
    if not hasattr(run, "status"):
        raise TypeError(f"a console shows a run, not {type(run).__name__}: graph.start() returns one")
    found = _CONSOLES.get(run)
    if found is None:
        found = _CONSOLES[run] = _made(run)
    return found


def run_bundle(run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """What Jupyter is given to show a run: data and metadata by MIME type.

    The text never changes; the static twin of a run has its numbers once the run has ended.
    """
    status, elsewhere = run.status(), hasattr(run, "url")
    data: dict[str, Any] = {"text/plain": run_text(status, elsewhere=elsewhere), "text/html": twin(status)}
    if in_kernel():
        with suppress(MissingExtraError):  # a kernel without widgets has the twin
            data[WIDGET] = {"version_major": 2, "version_minor": 0, "model_id": console(run).model_id}
    return data, {}


def run_text(status: Status, *, elsewhere: bool = False) -> str:
    """A run in one line that is the same each time; `elsewhere` if it is a run of another process."""
    where = " in another process" if elsewhere else ""
    size = f"{counted(len(status.nodes), 'node')}, {counted(len(status.edges), 'edge')}"
    return f"run of graph {status.graph!r}{where}: {size}"


def _made(run: Run) -> Console:
    try:
        from streamweave_lab.console.console import Console
    except ImportError as error:
        raise MissingExtraError("the live console", "console") from error
    return Console(run)
