"""The console: a run shown live in a notebook, and its static twin.

`streamweave_lab.console` is also what a user calls, `sw.console(run)`: Python puts this module in the place of that
function as soon as anything in here is imported, so the module itself can be called.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamweave_lab.console.console import Console
    from streamweave_lab.engine.protocol import Run


class _Callable(ModuleType):
    def __call__(self, run: Run) -> Console:
        from streamweave_lab.console.display import console

        return console(run)


sys.modules[__name__].__class__ = _Callable
