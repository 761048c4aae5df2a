"""How long `import streamweave_lab` takes in a fresh process, and what it drags in."""

from __future__ import annotations

import importlib
import sys
from time import perf_counter

from tests.benchmarks.report import Result, alone, answer, median, told

HEAVY = ("IPython", "anywidget", "bokeh", "dask", "ipywidgets", "jupyterlab", "numpy", "pandas", "starlette", "uvicorn")


def _measured() -> dict[str, object]:
    began = perf_counter()
    importlib.import_module("streamweave_lab")
    return {"seconds": perf_counter() - began, "heavy": [name for name in HEAVY if name in sys.modules]}


def measure(rounds: int) -> list[Result]:
    """The median; the first of all fills the disk's cache and does not count."""
    told("import")
    found = [alone("startup") for _ in range(rounds + 1)][1:]
    return [
        Result("import streamweave_lab", "time", median([each["seconds"] for each in found]), "s", 0.25),
        Result("import streamweave_lab", f"of {', '.join(HEAVY)} imported", len(found[0]["heavy"]), "", 0),
    ]


if __name__ == "__main__":
    answer(_measured())
