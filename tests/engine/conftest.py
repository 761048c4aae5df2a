"""A bug in an engine is often a test that never ends: such a test fails instead."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest

_SECONDS = 600


class NeverEndsError(BaseException):
    """No `except Exception` on the way may stop it."""


@pytest.fixture(autouse=True)
def _every_test_ends() -> Iterator[None]:
    def interrupt(_signal: int, _frame: Any) -> None:
        raise NeverEndsError(f"the test takes more than {_SECONDS} s")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.alarm(_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
