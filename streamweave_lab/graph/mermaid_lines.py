"""One line of a Mermaid flowchart: nodes, and links between them."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from streamweave_lab.errors import GraphError

_ID = re.compile(r"\s*(?P<id>[\w.]+(?:-\w[\w.]*)*)")
_BOX = re.compile(r"""\s*(?:[\[({]+[/\\]?|>)\s*(?:"(?P<quoted>[^"]*)"|(?P<bare>[^"\[\](){}]*?))\s*[/\\]?[\])}]+""")
_CLASS = re.compile(r":::[\w-]+")
_AND = re.compile(r"\s*&")
_END = re.compile(r"\s*(?:;|$)")
_LINK = re.compile(r"""\s*(?P<back><|[ox](?=-))?(?:-{2,}|={2,}|-\.+-)(?P<head>[>ox]?)""")
_LABEL = re.compile(r"""\s*\|\s*(?:"(?P<quoted>[^"]*)"|(?P<bare>[^|]*?))\s*\|""")
_WRITTEN_IN = re.compile(
    r"""\s*(?:--|==|-\.)\s+(?:"(?P<quoted>[^"]*)"|(?P<bare>\S.*?))\s+(?:-{2,}|={2,}|\.+-)(?P<head>>)"""
)


@dataclass(frozen=True)
class Named:
    """A node as a line names it, with the label of its box if it has one there."""

    id: str
    label: str | None


@dataclass(frozen=True)
class Link:
    """An arrow from one node to another, with its label if it has one."""

    source: str
    target: str
    label: str | None


def read_line(text: str) -> Iterator[Named | Link]:
    """The nodes and links of one line, in order. Raises: GraphError saying what cannot be read."""
    at = 0
    while at < len(text.rstrip().rstrip(";")):
        befores, at = yield from _group(text, at)
        while not (end := _END.match(text, at)):
            label, at = _arrow(text, at)
            afters, at = yield from _group(text, at)
            for source in befores:
                for target in afters:
                    yield Link(source, target, label)
            befores = afters
        at = end.end()


def _group(text: str, at: int) -> Generator[Named, None, tuple[list[str], int]]:
    """Nodes with `&` between them."""
    ids = []
    while True:
        found = _ID.match(text, at)
        if not found:
            raise GraphError(f"cannot read {text[at:].strip() or 'the end of the line'!r}; a node should stand there")
        at, box = found.end(), _BOX.match(text, found.end())
        yield Named(found["id"], _text(box) if box else None)
        ids.append(found["id"])
        at = box.end() if box else at
        at = named.end() if (named := _CLASS.match(text, at)) else at
        more = _AND.match(text, at)
        if not more:
            return ids, at
        at = more.end()


def _arrow(text: str, at: int) -> tuple[str | None, int]:
    if found := _WRITTEN_IN.match(text, at):
        return _text(found), found.end()
    link = _LINK.match(text, at)
    if not link:
        raise GraphError(f"cannot read {text[at:].strip()!r}; an arrow such as -->|out->in| should stand there")
    if link["back"] or link["head"] != ">":
        raise GraphError(f"{link[0].strip()!r} does not lead from one node to another; draw an edge with -->")
    found = _LABEL.match(text, link.end())
    return (_text(found), found.end()) if found else (None, link.end())


def _text(found: re.Match[str]) -> str:
    """A label without the quotes around it."""
    text = found["quoted"] if found["quoted"] is not None else found["bare"]
    return text.strip().strip("`")


__all__ = ["Link", "Named", "read_line"]
