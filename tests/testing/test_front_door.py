"""What helps to test is found at the front door, and costs nothing until it is used."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import streamweave_lab as sw

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_page_runs(example: str) -> None:
    exec(compile(example, "testing.md", "exec"), {})


def test_every_name_is_there_shown_on_the_page_and_listed_in_the_docstring() -> None:
    for name in sw.testing.__all__:
        assert getattr(sw.testing, name) is not None
        assert f"sw.testing.{name}" in PAGE
        assert name in str(sw.testing.__doc__)
    assert "testing" in dir(sw)
    with pytest.raises(AttributeError, match=r"has no attribute 'check_stor'; it has Drive, .*check_store"):
        sw.testing.check_stor  # noqa: B018


def test_nothing_of_it_is_imported_before_it_is_used() -> None:
    code = "import sys, streamweave_lab as sw; print([m for m in sys.modules if 'weave_lab.testing' in m]); sw.testing"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
