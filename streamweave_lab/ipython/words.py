"""What a `%weave` line says, and how it could go on: decisions about text only."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches

VERBS = {
    "runs": "all runs of this kernel, and those it is attached to",
    "status": "what a run is now",
    "explain": "why its frontier stands, what the bottleneck is, why it is not ready",
    "drain": "take in nothing new, finish what is in flight, stop",
    "suspend": "finish what is in flight, keep the rest in a checkpoint, stop",
    "checkpoint": "keep the state of the whole graph, and go on",
    "reload": "read the configuration again and apply it",
    "stop": "stop now; what is in flight is lost, and counted",
}

_TIMED = ("drain", "suspend")
_LINE = re.compile(r"^\s*(?:\w[\w, ]*=\s*)?%?weave\s+(.*)$")


class NotUnderstoodError(ValueError):
    """A line that says nothing that could be done; the message says what could be."""


@dataclass(frozen=True)
class Order:
    """What a line asks for."""

    verb: str
    name: str | None = None
    timeout: float | None = None


def understand(line: str) -> Order:
    """The order that a line after `%weave` gives. Raises: NotUnderstoodError."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise NotUnderstoodError(f"{line!r}: {error}") from None
    verb, *rest = words or ["runs"]
    if verb not in VERBS:
        raise NotUnderstoodError(f"{verb!r} is not something %weave does; {nearest(verb, VERBS)}")
    names, timeout = _names_and_timeout(verb, rest)
    most = 0 if verb == "runs" else 1
    if len(names) > most:
        raise NotUnderstoodError(
            f"%weave {verb} takes {'the name of one run' if most else 'no name'}, not {' '.join(names)!r}"
        )
    return Order(verb, names[0] if names else None, timeout)


def nearest(word: str, known: Collection[str]) -> str:
    """What may have been meant by an unknown word, and otherwise what there is."""
    close = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"there is {', '.join(known)}"


def go_on(before_cursor: str, runs: Collection[str]) -> tuple[str, list[str]]:
    """How a line of code that has come this far could go on: the word begun, and all words it could become."""
    match = _LINE.match(before_cursor)
    if match is None:
        return "", []
    *done, begun = re.split(r"\s+", match[1])
    return begun, [word for word in _next_words(done, runs) if word.startswith(begun)]


def _next_words(done: list[str], runs: Collection[str]) -> list[str]:
    if not done:
        return list(VERBS)
    verb, *rest = done
    if verb not in VERBS or verb == "runs" or rest[-1:] == ["--timeout"]:
        return []
    names = [] if set(rest) & set(runs) else sorted(runs)
    return names + (["--timeout"] if verb in _TIMED and "--timeout" not in rest else [])


def _names_and_timeout(verb: str, words: list[str]) -> tuple[list[str], float | None]:
    names: list[str] = []
    timeout: float | None = None
    rest = iter(words)
    for word in rest:
        option, given, value = word.partition("=")
        if not word.startswith("-"):
            names.append(word)
        elif option == "--timeout" and verb in _TIMED:
            timeout = _seconds(value if given else next(rest, ""))
        else:
            has = "one option, --timeout" if verb in _TIMED else "no options"
            raise NotUnderstoodError(f"%weave {verb} has {has}, and no {option}")
    return names, timeout


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise NotUnderstoodError(f"--timeout takes a number of seconds, not {text!r}")
    return seconds


__all__ = ["VERBS", "NotUnderstoodError", "Order", "go_on", "nearest", "understand"]
