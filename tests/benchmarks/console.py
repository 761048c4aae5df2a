"""What the console costs the kernel: loop time and bytes a frame, with twenty ports whose numbers all move."""

from __future__ import annotations

import json
from typing import Any

from tests.benchmarks.kernels import Kernel
from tests.benchmarks.report import Result, percentile, told

GROUP = "Console at 4 Hz"
SECONDS = 12.0

CELL = """
import itertools
from time import perf_counter, thread_time
import streamweave_lab as sw
from streamweave_lab.console.console import Console
from streamweave_lab.console.display import console

class Paced(sw.Source[int]):
    def poll(self, limit):
        self.position += 10
        return sw.Wait(0.005) if self.position % 20 else list(range(10))

def one_more(x):
    return x + 1

path = {source}
for number in range(6):
    path = path >> sw.Map(f"step-{{number}}", one_more)
run = sw.Graph("twenty-ports", path >> sw.Count("end")).start()

spent, sending, look, send = [], [0.0], Console._look, Console.send
def timed_send(self, *message):
    began = perf_counter()
    send(self, *message)
    sending[0] = perf_counter() - began
def timed(self):
    began, ran = perf_counter(), thread_time()
    look(self)
    spent.append((perf_counter() - began, thread_time() - ran, sending[0]))
Console._look, Console.send = timed, timed_send
console(run).model_id, sum(len(node.inputs) + len(node.outputs) for node in run.graph)
"""
SOURCES = {
    "2,000 items/s": 'Paced("numbers")',
    "flat out": 'sw.Replay("numbers", itertools.count())',
}


def measure(rounds: int) -> list[Result]:
    """A page looks on for a while; the bars are about a loop that has time."""
    return [result for pace in SOURCES for result in _watched(pace)]


def _watched(pace: str) -> list[Result]:
    told(f"console: {pace}")
    with Kernel() as kernel:
        comm, ports = kernel.value(CELL.format(source=SOURCES[pace]))
        kernel.tell(comm, {"do": "see", "page": "bench", "visible": True})
        messages = [m for m in kernel.heard(SECONDS) if m["msg_type"] == "comm_msg"]
        spent = kernel.value("spent[4:]")
    loop, processor, sending = zip(*spent, strict=True)
    frames = [m for m in messages if m["content"]["data"]["content"].get("frame")]
    sizes = [_size(message) for message in frames[4:]]
    others = sum(m["content"]["data"]["method"] != "custom" for m in messages)
    bars = pace != "flat out"
    group = f"{GROUP}, {ports} ports, graph at {pace}" if bars else f"{GROUP}, {ports} ports, graph {pace}"
    return [
        Result(group, "loop time a frame, p50", percentile(list(loop), 0.5) * 1000, "ms", 0.6 if bars else None),
        Result(group, "loop time a frame, p95", percentile(list(loop), 0.95) * 1000, "ms"),
        Result(group, "of it processor time, p50", percentile(list(processor), 0.5) * 1000, "ms"),
        Result(group, "of it in ipywidgets and ipykernel, p50", percentile(list(sending), 0.5) * 1000, "ms"),
        Result(group, "a frame, p95", percentile(sizes, 0.95) / 1000, "kB", 2.0),
        Result(group, "frames a second", len(frames) / SECONDS, "Hz"),
        Result(group, "messages beside the frames (widget state)", others, "", 0),
    ]


def _size(message: dict[str, Any]) -> float:
    """Bytes on the wire, but for the envelope that every message of a kernel has."""
    return len(json.dumps(message["content"])) + sum(len(buffer) for buffer in message["buffers"])
