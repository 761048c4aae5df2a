"""One JupyterLab for all browser tests of a session; screenshots in the folder `artifacts` of the repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.lab import REPOSITORY, Lab

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("lab"), Path(REPOSITORY, "artifacts")) as driven:
        yield driven
