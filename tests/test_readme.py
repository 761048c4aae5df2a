"""Every example in the README and at the front door runs."""

import doctest
import re
from pathlib import Path

import pytest

import streamweave_lab

EXAMPLES = re.findall(r"```python\n(.*?)```", (Path(__file__).parent.parent / "README.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split("\n")[2][:40])
def test_an_example_of_the_readme_runs(example: str) -> None:
    exec(compile(example, "README.md", "exec"), {})


def test_the_readme_has_examples() -> None:
    assert len(EXAMPLES) == 2


def test_the_example_at_the_front_door_runs() -> None:
    assert doctest.testmod(streamweave_lab) == doctest.TestResults(failed=0, attempted=6)
