"""A real JupyterLab, driven in a real Chromium.

    with Lab(folder, artifacts) as lab:                  # a server of its own: config, data, runtime and settings apart
        book = lab.open(["import streamweave_lab as sw", "await something()"])      # or a path to copy a notebook from
        book.run(0)                                      # one cell; returns when its execution count has changed
        book.run(1, wait=False)                          # start it and go on
        book.wait(1)                                     # … until it has finished
        assert book.text(1) == "42"                      # text/plain and streams of a cell's outputs
        book.cell(1).locator("button", has_text="Drain").click()     # playwright from here on
        book.screenshot("drain")                         # <artifacts>/drain.png
        book.save(); book.reload()                       # the page, not the kernel
        second = lab.look(book)                          # the same notebook in a second browser
        book.theme("dark")
        assert book.problems == []                       # console errors and uncaught errors

In tests use the fixture `lab` of `conftest.py`: one server for the session. Cells are numbered from 0. Never wait for
an idle kernel: it says idle while a cell still runs as soon as a widget's message was handled on a subshell.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Browser, sync_playwright

from tests.browser.notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Sequence

CHROMIUM = shutil.which(os.environ.get("CHROMIUM", "chromium")) or shutil.which("chromium-browser") or ""
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
REPOSITORY = Path(__file__).parents[2]


class Lab:
    """A JupyterLab server and a browser, from `with` to its end. `artifacts` is where screenshots go."""

    def __init__(self, folder: Path, artifacts: Path, **environment: str) -> None:
        self.root = folder / "notebooks"
        self.artifacts = artifacts
        self._folder = folder
        self._environment = environment
        self._token = secrets.token_hex(8)
        self._names = 0

    def __enter__(self) -> Lab:
        self.root.mkdir(parents=True, exist_ok=True)
        self.artifacts.mkdir(parents=True, exist_ok=True)
        self._decline_news()
        self.url = f"http://127.0.0.1:{_free_port()}"
        self._log = (self._folder / "jupyter.log").open("wb")
        self._server = subprocess.Popen(
            self._command(), env=self._surroundings(), cwd=self.root, stdout=self._log, stderr=subprocess.STDOUT
        )
        self._playwright = sync_playwright().start()
        self.browser: Browser = self._playwright.chromium.launch(executable_path=CHROMIUM or None, args=FLAGS)
        self._wait_for_server()
        return self

    def __exit__(self, *_: object) -> None:
        self.browser.close()
        self._playwright.stop()
        self._server.terminate()
        try:
            self._server.wait(15)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._log.close()

    def open(self, notebook: Path | Sequence[str], name: str | None = None, **window: Any) -> Notebook:
        """Open a copy of a notebook file, or a new notebook with these cells, in a window of its own."""
        self._names += 1
        name = name or (notebook.stem if isinstance(notebook, Path) else f"notebook{self._names}")
        target = self.root / f"{name}.ipynb"
        if isinstance(notebook, Path):
            shutil.copy(notebook, target)
        else:
            target.write_text(json.dumps(_notebook(notebook)))
        return self._look(target.name, window)

    def look(self, notebook: Notebook, **window: Any) -> Notebook:
        """The same notebook, as it is saved, in a second browser."""
        return self._look(notebook.file, window)

    def file(self, name: str) -> dict[str, Any]:
        """The saved notebook file `name`, as JSON."""
        loaded: dict[str, Any] = json.loads((self.root / name).read_text())
        return loaded

    def _look(self, file: str, window: dict[str, Any]) -> Notebook:
        context = self.browser.new_context(**{"viewport": {"width": 1360, "height": 900}, **window})
        context.set_default_timeout(120_000)
        page = context.new_page()
        workspace = secrets.token_hex(4)
        notebook = Notebook(page, file, self.artifacts)
        page.goto(f"{self.url}/lab/workspaces/{workspace}/tree/{file}?token={self._token}")
        notebook.wait_until_open()
        return notebook

    def _command(self) -> list[str]:
        port = self.url.rsplit(":", 1)[1]
        return [
            *(sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--expose-app-in-browser"),
            *("--ip=127.0.0.1", f"--port={port}", f"--IdentityProvider.token={self._token}"),
            *(f"--ServerApp.root_dir={self.root}",),
            *("--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.news_url="),
        ]

    def _decline_news(self) -> None:
        settings = self._folder / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True, exist_ok=True)
        (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')

    def _surroundings(self) -> dict[str, str]:
        own = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        folders = {name: str(self._folder / folder) for name, folder in own.items()}
        paths = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {**os.environ, **folders, "PYTHONPATH": os.pathsep.join(paths), **self._environment}

    def _wait_for_server(self, seconds: float = 120) -> None:
        until = time.monotonic() + seconds
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/api?token={self._token}", timeout=5).close()  # loopback
            except (urllib.error.URLError, OSError):
                if time.monotonic() > until or self._server.poll() is not None:
                    raise RuntimeError((self._folder / "jupyter.log").read_text()) from None
                time.sleep(0.1)
            else:
                return


def _notebook(cells: Sequence[str]) -> dict[str, Any]:
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    code: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    return {
        "cells": [{**code, "id": f"cell{i}", "source": source} for i, source in enumerate(cells)],
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
