"""JupyterLab, opened on one notebook whose first cells run by themselves."""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from streamweave_lab.cli.notebook import TAG
from streamweave_lab.errors import MissingExtraError

OWN = Path(__file__).parent / "jupyter"
"""A lab extension, and a configuration that keeps JupyterLab's question about news away; for this launch only."""

OPTION = "streamweaveQuickstart"
"""The entry of JupyterLab's page configuration that names the notebook. Our lab extension does nothing without it."""


def open_lab(notebook: Path, *, run: bool = True, browser: bool = True, port: int | None = None) -> None:
    """Serve JupyterLab with `notebook` open until it is stopped; with `run` the cells above the tag run by themselves.

    Raises: MissingExtraError if JupyterLab is not installed; SystemExit as Jupyter's own server does.
    """
    try:
        from jupyterlab.labapp import LabApp
    except ImportError as error:
        raise MissingExtraError("streamweave-lab quickstart", "lab") from error
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, [str(OWN), os.environ.get("JUPYTER_CONFIG_PATH")]))
    server = LabApp.initialize_server(argv=list(_arguments(notebook, browser, port)))
    if run:
        server.web_app.settings["page_config_data"][OPTION] = _request(notebook)
    server.start()
    _leave_for_certain()


def _arguments(notebook: Path, browser: bool, port: int | None) -> Iterator[str]:
    yield f"--ServerApp.root_dir={notebook.parent}"
    # A workspace of its own: nothing that was open before comes between, and nothing there is disturbed.
    yield f"--LabApp.default_url=/lab/workspaces/streamweave-quickstart/tree/{quote(notebook.name)}"
    yield f"--LabApp.extra_labextensions_path={OWN / 'labextensions'}"
    # JupyterLab would look for newer versions of itself on the network.
    yield "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"
    if not browser:
        yield "--no-browser"
    if port is not None:
        yield f"--ServerApp.port={port}"
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        yield "--allow-root"


def _leave_for_certain(seconds: float = 3.0) -> None:
    """Let nothing keep the process alive now that the server and its kernels have ended.

    Stopped while a request is under way, Jupyter's server can leave a worker thread of anyio that waits for work
    for ever, and Python would wait for that thread.
    """
    last_resort = threading.Timer(seconds, os._exit, [0])
    last_resort.daemon = True
    last_resort.start()


def _request(notebook: Path) -> str:
    return json.dumps({"path": notebook.name, "tag": TAG, "launch": secrets.token_hex(8)})


__all__ = ["open_lab"]
