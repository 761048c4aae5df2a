"""Small things that a frame of `top` is made of: bars, numbers, instants, and texts that are safe in a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite

from rich.text import Text

EIGHTHS = " ▏▎▍▌▋▊▉█"
LOW, HIGH = 0.1, 0.5
"""Flink's bands of backpressure: up to 10 % well, up to 50 % low, above it high."""


def plain(text: str) -> str:
    """`text` in one line, without what a terminal would obey rather than show."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def band(share: float) -> str:
    """The colour for a share of the time spent waiting for room."""
    return "green" if share <= LOW else "yellow" if share <= HIGH else "red"


def fill_bar(share: float, width: int, style: str) -> Text:
    """How full something is, to an eighth of a cell."""
    eighths = round(min(1.0, max(0.0, share)) * width * 8)
    if share > 0 and not eighths:
        eighths = 1  # a little is not nothing
    full, rest = divmod(eighths, 8)
    filled = "█" * full + (EIGHTHS[rest] if rest else "")
    return Text(filled, style).append("·" * (width - len(filled)), "bright_black")


def time_bar(busy: float, blocked: float, width: int) -> Text:
    """Busy, blocked and idle shares of the time, beside each other; different also without colours."""
    stands = round(min(1.0, busy + blocked) * width)
    works = min(round(busy * width), stands)
    bar = Text("█" * works, "cyan")
    bar.append("▒" * (stands - works), band(blocked))
    return bar.append("·" * (width - stands), "bright_black")


def percent(share: float) -> str:
    """`37%`; nothing for nothing."""
    return f"{share:.0%}" if share >= 0.005 else "<1%" if share > 0 else ""


def rate(items: float) -> str:
    """Items a second in at most six letters."""
    if items <= 0:
        return ""
    for least, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if items >= least:
            scaled = items / (1e3 if unit == "k" else least)
            return f"{scaled:.1f}{unit}" if scaled < 100 else f"{scaled:.0f}{unit}"
    return f"{items:,.0f}" if items >= 10 else f"{items:.1f}"


def duration(seconds: float) -> str:
    """`4.2 s`, `3:04` (minutes and seconds), `2:03:04`, `5 d 2:03`."""
    if not isfinite(seconds):
        return "for ever"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    if not hours:
        return f"{minute}:{second:02}"
    days, hour = divmod(hours, 24)
    return f"{days} d {hour}:{minute:02}" if days else f"{hour}:{minute:02}:{second:02}"


def instant(seconds: float) -> str:
    """An event time: a date where it can be one, else its number."""
    if not isfinite(seconds):
        return "the end" if seconds > 0 else "the beginning"
    if seconds < 86_400:  # the first of January 1970 is more likely a count of seconds
        return f"{seconds:,.0f} s"
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return f"{seconds:,.0f} s"


def clock(wall: float) -> str:
    """The time of day of an event, in the zone of whoever looks."""
    return f"{datetime.fromtimestamp(wall, UTC).astimezone():%H:%M:%S}"


__all__ = ["band", "clock", "duration", "fill_bar", "instant", "percent", "plain", "rate", "time_bar"]
