"""The command as a process of its own, with Jupyter's folders apart from the user's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
JUPYTER = ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR"]
JUPYTER += ["JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR"]

COMMAND = ("-m", "streamweave_lab.cli.main")

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start `streamweave-lab <arguments>`, or another program, in `tmp_path/here`; other keywords go to Popen."""
    here = tmp_path / "here"
    here.mkdir()

    def begin(
        *arguments: str, environ: dict[str, str] | None = None, program: Sequence[str] = COMMAND, **options: Any
    ) -> subprocess.Popen[str]:
        apart = {name: str(tmp_path / name.lower()) for name in JUPYTER}
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("STREAMWEAVE_")}
        surroundings = {**inherited, **apart, "PYTHONPATH": paths, "COLUMNS": "120", **(environ or {})}
        piped: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([sys.executable, *program, *arguments], cwd=here, env=surroundings, **(piped | options))

    return begin
