"""The command `streamweave-lab`."""

from __future__ import annotations

import sys

try:
    import click
    import rich  # noqa: F401 - looked for here, and brought in only by those commands that draw
except ImportError:
    sys.exit('streamweave-lab needs the extra "cli": pip install "streamweave_lab[cli]", or [lab] for everything')

import streamweave_lab
from streamweave_lab.cli.lazy import Entry, LazyGroup

ROOM = "streamweave_lab.cli"

COMMANDS = {
    "quickstart": Entry(f"{ROOM}.quickstart:quickstart", "Open JupyterLab on the quickstart notebook."),
    "run": Entry(f"{ROOM}.run:run", "Run a graph in this terminal, or as a service."),
    "validate": Entry(f"{ROOM}.validate:validate", "Say everything that is wrong before a graph is run."),
    "draw": Entry(f"{ROOM}.draw:draw", "Draw a graph as text, Mermaid or SVG."),
    "status": Entry(f"{ROOM}.status:status", "Show how a run in another process is."),
    "top": Entry(f"{ROOM}.top.command:top", "Watch a run in another process: a live console in the terminal."),
    "drain": Entry(f"{ROOM}.verbs:drain", "Finish what is in flight, close windows, and end a run."),
    "suspend": Entry(f"{ROOM}.verbs:suspend", "Keep a run's state in a checkpoint and end it, to go on later."),
    "stop": Entry(f"{ROOM}.verbs:stop", "End a run now; what is in flight is lost, and counted."),
    "pause": Entry(f"{ROOM}.verbs:pause", "Let nothing flow in a run until it is resumed."),
    "resume": Entry(f"{ROOM}.verbs:resume", "Let a paused run go on."),
    "reload": Entry(f"{ROOM}.verbs:reload", "Let a run read its configuration again."),
    "checkpoint": Entry(f"{ROOM}.verbs:checkpoint", "Let a run keep its state now."),
    "checkpoints": Entry(f"{ROOM}.checkpoints:checkpoints", "List, show, verify and rehearse checkpoints in a store."),
    "config": Entry(f"{ROOM}.config:config", "Show, compare and roll back configurations."),
    "deploy": Entry(f"{ROOM}.deploy:deploy", "Write manifests for Kubernetes or units for systemd."),
}
"""Where each command is, in the order in which `--help` lists them."""


@click.group(cls=LazyGroup, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(streamweave_lab.__version__, prog_name="streamweave-lab")
def main() -> None:
    """See a streaming dataflow graph run, learn from it, and operate it."""


if __name__ == "__main__":
    main()
