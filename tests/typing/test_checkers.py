"""What mypy and pyright say of the files beside this one: the lines marked `# wrong`, and no others."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILES = sorted(path.relative_to(ROOT) for path in HERE.glob("*/*.py"))

Lines = dict[Path, dict[int, str]]


def mypy() -> Lines:
    found: Lines = {path: {} for path in FILES}
    for line in _output("mypy", "--strict", "--explicit-package-bases", "--no-error-summary").splitlines():
        at = re.match(r"(.+?):(\d+): error: (.*)", line)
        if at and Path(at[1]) in found:
            found[Path(at[1])][int(at[2])] = at[3]
    return found


def pyright() -> Lines:
    found: Lines = {path: {} for path in FILES}
    report = json.loads(_output("pyright", "--outputjson", "--pythonpath", sys.executable))
    for problem in report["generalDiagnostics"]:
        if problem["severity"] == "error":
            path = Path(problem["file"]).relative_to(ROOT)
            found[path][problem["range"]["start"]["line"] + 1] = problem["message"]
    return found


def _output(checker: str, *options: str) -> str:
    """What the checker prints of all files at once. It must have come as far as finding errors."""
    run = subprocess.run(
        [sys.executable, "-m", checker, *options, *map(str, FILES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, f"{checker} did not run: {run.stdout}{run.stderr}"
    return run.stdout


@pytest.fixture(scope="module", params=[mypy, pyright], ids=["mypy", "pyright"])
def found(request: pytest.FixtureRequest) -> Lines:
    lines: Lines = request.param()
    return lines


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_checker_refuses_the_marked_lines_and_no_others(found: Lines, path: Path):
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    marked = {number for number, line in enumerate(lines, start=1) if line.endswith("# wrong")}
    assert bool(marked) == (path.parent.name == "wrong")
    missed = [f"{number}: {lines[number - 1]}" for number in sorted(marked - set(found[path]))]
    beside = [f"{number}: {found[path][number]}" for number in sorted(set(found[path]) - marked)]
    assert (missed, beside) == ([], [])
