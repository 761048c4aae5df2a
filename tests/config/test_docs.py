"""Every example in docs/configuration.md runs, one after another."""

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parent.parent.parent / "docs" / "configuration.md"


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = PAGE.read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(examples) == 4
    monkeypatch.chdir(tmp_path)
    there: dict[str, Any] = {"__name__": "examples"}
    for example in examples:
        exec(compile(example, "configuration.md", "exec"), there)
