"""A real kernel and a client for it: cells, and messages to a widget, with the time each takes."""

from __future__ import annotations

import ast
import os
import queue
from pathlib import Path
from subprocess import DEVNULL
from time import perf_counter
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import start_new_kernel

if TYPE_CHECKING:
    from types import TracebackType

REPOSITORY = Path(__file__).parents[2]

FLAT_OUT = """
import asyncio, itertools
import streamweave_lab as sw

def one_more(x):
    return x + 1

numbers = sw.Replay("numbers", itertools.count()) >> sw.Map("one", one_more) >> sw.Map("two", one_more)
run = sw.Graph("flat-out", numbers >> sw.Count("end")).start()
"""
"""The graph of these measurements, that never ends."""


class Kernel:
    """A kernel of its own, from `with` to its end."""

    def __enter__(self) -> Kernel:
        path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
        self._manager, self._client = start_new_kernel(
            kernel_name="python3", cwd=str(REPOSITORY), env={**os.environ, "PYTHONPATH": path}, stderr=DEVNULL
        )
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def cell(self, code: str) -> str:
        """Run a cell to its end: its text/plain result. Raises: RuntimeError with what the cell raised."""
        text, failure = "", ""
        asked = self._client.execute(code, store_history=False)
        while True:
            message = self._client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != asked:
                continue
            content = message["content"]
            if message["msg_type"] == "execute_result":
                text = content["data"]["text/plain"]
            elif message["msg_type"] == "error":
                failure = "\n".join(content["traceback"])
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                break
        self._client.get_shell_msg(timeout=60)
        if failure:
            raise RuntimeError(failure)
        return text

    def value(self, code: str) -> Any:
        """The result of a cell, read from its repr."""
        return ast.literal_eval(self.cell(code))

    def timed_cell(self, code: str = "1+1") -> float:
        """Seconds until a cell's result and its end have come back."""
        began = perf_counter()
        self.cell(code)
        return perf_counter() - began

    def tell(self, comm: str, content: dict[str, Any]) -> None:
        """Send a widget a custom message, as its front end does."""
        data = {"method": "custom", "content": content}
        message = self._client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        self._client.shell_channel.send(message)

    def timed_click(self, comm: str, verb: str, press: str) -> float:
        """Seconds from pressing a button of a console until its outcome has come back."""
        began = perf_counter()
        self.tell(comm, {"do": verb, "id": press})
        while True:
            message = self._client.get_iopub_msg(timeout=60)
            said = message["content"].get("data", {}).get("content", {}) if message["msg_type"] == "comm_msg" else {}
            if said.get("answer") == press and said.get("stage") != "queued":
                return perf_counter() - began

    def heard(self, seconds: float) -> list[dict[str, Any]]:
        """All that the kernel says unasked meanwhile."""
        messages, end = [], perf_counter() + seconds
        while (left := end - perf_counter()) > 0:
            try:
                messages.append(self._client.get_iopub_msg(timeout=left))
            except queue.Empty:
                break
        return messages
