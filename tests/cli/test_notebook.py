from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamweave_lab.cli.notebook import NAME, TAG, find, place


def code(source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None} | more


def written(path: Path, *cells: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


@pytest.fixture
def original(tmp_path: Path) -> Path:
    ran = code(["1 + ", "1"], outputs=[{"output_type": "stream", "text": "2"}], execution_count=7)  # type: ignore[arg-type]
    return written(tmp_path / "package" / NAME, ran)


def test_the_notebook_is_found_beside_the_package_in_a_checkout_and_within_it_in_a_wheel(tmp_path: Path) -> None:
    package = tmp_path / "streamweave_lab"
    beside = written(tmp_path / "notebooks" / "teach" / NAME)
    assert find(package) == beside
    within = written(package / "notebooks" / "teach" / NAME)
    assert find(package) == within


def test_an_installation_without_the_notebook_says_where_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"this installation has no 01_quickstart\.ipynb"):
        find(tmp_path / "streamweave_lab")


def test_the_packaged_notebook_has_one_pause_below_some_code() -> None:
    cells = json.loads(find().read_text())["cells"]
    (pause,) = [i for i, cell in enumerate(cells) if TAG in cell["metadata"].get("tags", [])]
    assert any(cell["cell_type"] == "code" for cell in cells[:pause])
    assert any(cell["cell_type"] == "code" for cell in cells[pause:])


def test_a_copy_has_no_outputs_and_is_as_the_package_has_it(original: Path, tmp_path: Path) -> None:
    copy = place(original, tmp_path / "new" / "folder")
    (cell,) = json.loads(copy.path.read_text())["cells"]
    assert (cell["outputs"], cell["execution_count"], cell["source"]) == ([], None, ["1 + ", "1"])
    assert copy.path == tmp_path / "new" / "folder" / NAME
    assert not copy.changed


def test_a_copy_that_was_run_is_still_as_the_package_has_it_and_is_left_alone(original: Path, tmp_path: Path) -> None:
    mine = written(tmp_path / NAME, code("1 + 1", outputs=[{"output_type": "stream", "text": "2"}]))
    before = mine.read_bytes()
    assert not place(original, tmp_path).changed
    assert mine.read_bytes() == before


@pytest.mark.parametrize("source", ["1 + 2", "", "import os"])
def test_a_copy_that_was_edited_is_told_from_the_original_and_left_alone(
    original: Path, tmp_path: Path, source: str
) -> None:
    mine = written(tmp_path / NAME, code(source))
    before = mine.read_bytes()
    assert place(original, tmp_path).changed
    assert mine.read_bytes() == before


def test_a_moved_pause_counts_as_a_change(original: Path, tmp_path: Path) -> None:
    written(tmp_path / NAME, code("1 + 1", metadata={"tags": [TAG]}))
    assert place(original, tmp_path).changed


@pytest.mark.parametrize(
    "content", ["", "no notebook", "[]", "{}", '{"cells": [1]}', '{"cells": [{"cell_type": "code"}]}']
)
def test_whatever_else_has_that_name_is_not_overwritten(original: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / NAME).write_text(content)
    assert place(original, tmp_path).changed
    assert (tmp_path / NAME).read_text() == content


def test_fresh_replaces_what_is_there(original: Path, tmp_path: Path) -> None:
    written(tmp_path / NAME, code("1 + 2"))
    copy = place(original, tmp_path, fresh=True)
    assert not copy.changed
    assert json.loads(copy.path.read_text())["cells"][0]["source"] == ["1 + ", "1"]
