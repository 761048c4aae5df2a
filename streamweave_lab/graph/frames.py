"""Errors of a start as their reader needs them: with his own frames, without those of this package between them."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from streamweave_lab.errors import StreamweaveError

_HERE = str(Path(__file__).parents[1])


def shortened(error: StreamweaveError) -> StreamweaveError:
    """The error with its cause, without frames of this package; a cause that has no others keeps them."""
    error.__traceback__ = _of_others(error.__traceback__)
    cause = error.__cause__
    if cause is not None:
        theirs = _of_others(cause.__traceback__)
        if theirs is not None or isinstance(cause, StreamweaveError):
            cause.__traceback__ = theirs
    return error


def _of_others(trace: TracebackType | None) -> TracebackType | None:
    if trace is None:
        return None
    rest = _of_others(trace.tb_next)
    if trace.tb_frame.f_code.co_filename.startswith(_HERE):
        return rest
    return TracebackType(rest, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)


__all__ = ["shortened"]
