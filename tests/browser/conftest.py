"""One JupyterLab for the browser tests of a file; screenshots in the folder `artifacts` of the repository.

Not one for all files: playwright keeps an event loop running as long as it lives, which no other test could bear.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.lab import REPOSITORY, Lab

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("lab"), Path(REPOSITORY, "artifacts")) as driven:
        yield driven
