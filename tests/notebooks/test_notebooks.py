"""What a committed notebook must be; that its cells still say the same is nbval's to check."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").rglob("*.ipynb"))


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_there_is_a_quickstart() -> None:
    assert "01_quickstart.ipynb" in [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_was_run_whole_and_in_order(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert [output for output in outputs(notebook) if output.output_type == "error"] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_itself_without_a_kernel(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert "widgets" not in notebook.metadata
    shown = [set(output.get("data", {})) for output in outputs(notebook)]
    assert not any("application/vnd.jupyter.widget-view+json" in types for types in shown)
    assert any({"text/html", "text/plain"} <= types for types in shown)


def test_a_runbook_can_be_run_again_in_the_same_kernel(tmp_path: Path) -> None:
    notebook = nbformat.read(next(path for path in NOTEBOOKS if path.parent.name == "runbooks"), as_version=4)
    notebook.cells = [*notebook.cells, *(cell.copy() for cell in notebook.cells)]
    metadata = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=metadata).execute()
    assert notebook.cells[-1].outputs[0].text == "exit code: 0\n"
