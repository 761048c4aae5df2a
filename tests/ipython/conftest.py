"""A real kernel, driven as Jupyter drives it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parents[2]


@dataclass
class Output:
    """What a cell put out."""

    text: str = ""
    html: str = ""
    printed: str = ""
    complained: str = ""
    error: str = ""
    status: str = field(default="")


class Kernel:
    """A kernel process. `cell(code)` runs one cell to its end."""

    def __init__(self, folder: Path) -> None:
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        # IPython's debugger tells on stderr, at its start, that frozen modules hide breakpoints.
        apart = {"IPYTHONDIR": str(folder / "ipython"), "PYTHONPATH": paths, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        self.manager = KernelManager(kernel_name="python3")
        self.manager.shutdown_wait_time = 60.0  # a slow machine is given more than Jupyter gives: 5 s
        self.manager.start_kernel(env={**os.environ, **apart}, cwd=str(folder))
        self.client: BlockingKernelClient = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)

    def cell(self, code: str, timeout: float = 120) -> Output:
        output = Output()
        answer = self.client.execute_interactive(
            code, timeout=timeout, output_hook=lambda message: _take(message, output), allow_stdin=False
        )
        output.status = answer["content"]["status"]
        return output

    def begin(self, code: str) -> None:
        """Let a cell run, and wait until the kernel has begun it."""
        asked, message = self.client.execute(code), dict[str, Any]()
        while message.get("msg_type") != "execute_input" or message["parent_header"].get("msg_id") != asked:
            message = self.client.get_iopub_msg(timeout=120)

    def completions(self, code: str) -> list[str]:
        asked = self.client.complete(code, len(code))
        while True:
            answer = self.client.get_shell_msg(timeout=120)
            if answer["parent_header"].get("msg_id") == asked:
                start = answer["content"]["cursor_start"]
                return [code[:start] + match for match in answer["content"]["matches"]]

    def restart(self) -> None:
        """As the button does: ask, wait, then kill."""
        self.manager.restart_kernel(now=False)
        self.client.wait_for_ready(timeout=120)

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


def _take(message: dict[str, Any], output: Output) -> None:
    content = message["content"]
    match message["msg_type"]:
        case "stream" if content["name"] == "stdout":
            output.printed += content["text"]
        case "stream":
            output.complained += content["text"]
        case "execute_result" | "display_data":
            output.text += content["data"].get("text/plain", "")
            output.html += content["data"].get("text/html", "")
        case "error":
            output.error = f"{content['ename']}: {content['evalue']}"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel for the tests of a file, with the extension loaded."""
    driven = Kernel(tmp_path_factory.mktemp("kernel"))
    try:
        driven.cell("%load_ext streamweave_lab\nimport streamweave_lab as sw, asyncio")
        yield driven
    finally:
        driven.close()


__all__ = ["Kernel", "Output"]
