"""What `%load_ext streamweave_lab` sets up, and `%unload_ext` takes away again."""

from __future__ import annotations

from typing import Any

from streamweave_lab.ipython import shutdown
from streamweave_lab.ipython.magics import WeaveMagics, make_matcher

_MATCHER = "_streamweave_matcher"


def load_ipython_extension(shell: Any) -> None:
    """Add the magic `%weave` with its tab completion, and drain runs when the kernel shuts down. Twice is once."""
    shell.register_magics(WeaveMagics)
    if not hasattr(shell, _MATCHER):
        matcher = make_matcher()
        setattr(shell, _MATCHER, matcher)
        shell.Completer.custom_matchers.append(matcher)
    if hasattr(shell, "kernel"):
        shutdown.install(shell.kernel)


def unload_ipython_extension(shell: Any) -> None:
    """Take away what was added; runs go on."""
    shell.magics_manager.magics["line"].pop("weave", None)
    if hasattr(shell, _MATCHER):
        shell.Completer.custom_matchers.remove(getattr(shell, _MATCHER))
        delattr(shell, _MATCHER)
    if hasattr(shell, "kernel"):
        shutdown.remove(shell.kernel)


__all__ = ["load_ipython_extension", "unload_ipython_extension"]
