"""What is missing in the logic of a node, as far as its class tells: known before anything runs."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from streamweave_lab.graph.node import Node
from streamweave_lab.graph.source import AsyncSource, Source


def faults_of(node: Node) -> Iterator[str]:
    """A sentence for each method that the engine would call in vain."""
    kind: Any = type(node)
    if isinstance(node, AsyncSource):
        if kind.stream is AsyncSource.stream:
            yield f"{node!r} must define stream(), which yields lists of items{_meant(node, 'stream')}"
    elif isinstance(node, Source):
        if kind.poll is Source.poll:
            yield f"{node!r} must define poll(limit), which returns items, Wait(seconds) or END{_meant(node, 'poll')}"
    elif kind.on_batch is Node.on_batch and "on_batch" not in vars(node) and not node.awaits:
        for port in node.inputs:
            yield from _faults_of_method(node, port, "on_item" if port == "in" else f"on_{port}")


def _faults_of_method(node: Node, port: str, name: str) -> Iterator[str]:
    method = vars(node).get(name) or getattr(type(node), name, None)
    if method is None or method is Node.on_item:
        meant = _meant(node, name)
        if meant or method is None or not _acts_unasked(node):
            yield f"{node!r} must define {name}(item), which takes the items of its port {port}{meant}"
    elif inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
        yield (
            f"{node!r} has an async {name}, and logic is not awaited; use sw.MapAsync or sw.ForEach with an async "
            f"function for what must be awaited, or make {name} a plain method"
        )
    elif not _takes_an_item(getattr(node, name)):
        signature = inspect.signature(getattr(type(node), name, method))
        yield f"{node!r} has {name}{signature}, and is given one item: define {name}(self, item)"


def _acts_unasked(node: Node) -> bool:
    """It has logic beside that for items, of which perhaps none ever come."""
    hooks = ("opened", "woken", "advanced", "finished", "closed")
    return any(getattr(type(node), hook) is not getattr(Node, hook) for hook in hooks)


def _takes_an_item(method: object) -> bool:
    try:
        inspect.signature(method).bind(None)  # type: ignore[arg-type]
    except TypeError:
        return False
    except ValueError:  # written in C: it does not say
        return True
    return True


def _meant(node: Node, name: str) -> str:
    own = [n for n in dir(type(node)) if callable(getattr(type(node), n)) and not hasattr(Node, n) and n != name]
    close = get_close_matches(name, own, n=1, cutoff=0.75)
    return f"; is {close[0]} meant to be it?" if close else ""


__all__ = ["faults_of"]
