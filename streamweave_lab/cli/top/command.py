"""The command `top`: draws a run of another process until a key is pressed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamweave_lab.cli.options import process, process_options

if TYPE_CHECKING:
    from rich.console import Console

    from streamweave_lab.cli.top.controls import Controls
    from streamweave_lab.cli.top.keys import Keys
    from streamweave_lab.engine.protocol import Run

GLANCE = 0.1
"""Seconds between two looks at the size of the terminal and at what a key has led to."""

LOOKS = 5
"""How often one frame waits for a newer Status than the first."""

EPILOG = "Exit codes: 0 left, 75 nobody answers there, or not with this token; 2 there is no terminal to draw on."


@click.command(epilog=EPILOG)
@process_options
@click.option("--every", type=click.FloatRange(min=0.1), default=1.0, show_default=True, metavar="SECONDS",
              help="Between two looks at the run.")  # fmt: skip
@click.option(
    "--once", is_flag=True, help="Print one frame and leave, for scripts; its rates are over --every seconds."
)
@click.option("--drain-timeout", type=click.FloatRange(min=0), default=30.0, show_default=True, metavar="SECONDS",
              help="How long a drain may take that is asked for here.")  # fmt: skip
def top(
    url: str | None, token_file: Path | None, ca: Path | None, every: float, once: bool, drain_timeout: float
) -> None:
    """Watch a run in another process: is it well, how fast, where does it pinch, how far has it come.

    Keys: d drain, p pause or resume, r reload (what would change is shown first), c checkpoint, q or Esc leave. What
    ends or holds the run asks first: y does it, any other key does not. To leave does nothing to the run.
    """
    from rich.console import Console

    console = Console()
    if not once and not console.is_terminal:
        raise click.UsageError("there is no terminal to draw on; --once prints one frame")
    run = process(url, token_file, ca)
    if once:
        print_once(run, console, every)
    else:
        watch(run, console, every, drain_timeout)


def print_once(run: Run, console: Console, every: float) -> None:
    """One frame, as long as it is, with rates over `every` seconds; of a run that has ended since it began."""
    from streamweave_lab.cli.top.keys import Keys
    from streamweave_lab.cli.top.rates import first
    from streamweave_lab.cli.top.view import frame

    begun = seen = first(run.status())
    for _ in range(LOOKS):
        if run.settled or seen.status.uptime - begun.status.uptime >= every / 2:
            break  # else hardly anything can have happened: the first Status was an old one
        Keys(None).pressed(every)
        seen = begun.after(run.status())
    console.print(frame(seen, console.width), highlight=False)


def watch(run: Run, console: Console, every: float, drain_timeout: float) -> None:
    """Draw until `q` is pressed, also when the run has ended: what it came to is there to be read."""
    from streamweave_lab.cli.top.controls import Controls
    from streamweave_lab.cli.top.keys import keys

    with keys() as pressed:
        try:
            _draw(run, console, every, Controls(run, drain_timeout), pressed)
        except KeyboardInterrupt:
            return


def _draw(run: Run, console: Console, every: float, controls: Controls, pressed: Keys) -> None:
    from rich.live import Live

    from streamweave_lab.cli.top.rates import first
    from streamweave_lab.cli.top.view import frame
    from streamweave_lab.clock import SYSTEM_CLOCK

    seen, looked = first(run.status()), SYSTEM_CLOCK.now()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            width, height = console.size
            live.update(frame(seen, width, height, controls.footer()), refresh=True)
            key = pressed.pressed(GLANCE)
            if key is not None and not controls.press(key):
                return
            if SYSTEM_CLOCK.now() - looked >= every:
                seen, looked = seen.after(run.status()), SYSTEM_CLOCK.now()


__all__ = ["print_once", "top", "watch"]
