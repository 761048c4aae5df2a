"""A process to do harm to, and what it should have brought."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.plant import Plant, plant, uninterrupted


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The rows and windows of a run that nothing befalls."""
    return uninterrupted(tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Plant]:
    """A process of the test's own."""
    with plant(tmp_path / "one") as made:
        yield made
