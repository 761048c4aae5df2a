"""The command as a process of its own, with Jupyter's folders apart from the user's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
JUPYTER = ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR"]
JUPYTER += ["JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR"]

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start `streamweave-lab <arguments>` in `tmp_path/here`; keywords go to Popen, `environ` is added."""
    here = tmp_path / "here"
    here.mkdir()

    def begin(*arguments: str, environ: dict[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
        apart = {name: str(tmp_path / name.lower()) for name in JUPYTER}
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        surroundings = {**os.environ, **apart, "PYTHONPATH": paths, "COLUMNS": "120", **(environ or {})}
        surroundings.pop("STREAMWEAVE_LOG", None) if not environ else None
        piped: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [sys.executable, "-m", "streamweave_lab.cli.main", *arguments]
        return subprocess.Popen(command, cwd=here, env=surroundings, **(piped | options))

    return begin
