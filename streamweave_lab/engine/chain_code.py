"""The loop that takes items through the nodes of a chain one by one, written for the shape of the chain.

Nothing of the user's is in its text: functions and lists are its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Link:
    """A node of a chain, and what follows behind each of its ports: another, or the number of an exit.

    Its functions are the predicates of its ports, where it `decides`; the last port may do without one, and what no
    port takes goes no further. Else what its one function returns takes the item's place.
    """

    member: int
    """Its place in the chain."""
    functions: int
    follow: Sequence[Link | int]
    decides: bool


class Program:
    """The compiled loop: `run(items, *functions, *outs)`, or `run(items, *functions, *outs, times, *out_times)`.

    `outs` and `out_times` are a list for each exit. An exception of a function leaves the loop; everything from
    earlier items is then in the lists, and no later item is taken from the iterator `items`.
    """

    def __init__(self, first: Link, exits: int, *, timed: bool) -> None:
        self._timed = timed
        self._members: dict[int, int] = {}
        """By line."""
        self._given: dict[int, str] = {}
        """The variable that holds what a member was given."""
        links = sorted(_links(first), key=lambda link: link.member)
        arguments = [f"f{link.member}_{number}" for link in links for number in range(link.functions)]
        arguments += [f"out{number}" for number in range(exits)]
        arguments += ["times", *(f"times{number}" for number in range(exits))] if timed else []
        self._lines = [
            f"def chain(items, {', '.join(arguments)}):",
            "    for item, time in zip(items, times):" if timed else "    for item in items:",
        ]
        self._write(first, "item", 2)
        made: dict[str, Any] = {}
        exec(compile("\n".join(self._lines), "<chain>", "exec"), made)  # noqa: S102 - the text is of this file alone
        self.run: Callable[..., None] = made["chain"]

    def member(self, line: int) -> int | None:
        """The place in the chain of the node whose function a line of the loop calls, if it calls one."""
        return self._members.get(line)

    def failed(self, error: BaseException) -> tuple[int, Any, Exception] | None:
        """Which member's function raised `error`, which left the loop, and on what item; None if none did."""
        at = error.__traceback__ and error.__traceback__.tb_next  # behind the frame of the loop's caller
        member = at and self.member(at.tb_lineno)
        if at is None or member is None or not isinstance(error, Exception):
            return None
        return member, at.tb_frame.f_locals[self._given[member]], error

    def _write(self, follow: Link | int, item: str, depth: int) -> None:
        if isinstance(follow, int):
            self._line(depth, f"out{follow}.append({item})")
            if self._timed:
                self._line(depth, f"times{follow}.append(time)")
        elif follow.decides:
            self._decide(follow, item, depth)
        else:
            self._given[follow.member] = item
            made = f"item{follow.member}"
            self._line(depth, f"{made} = f{follow.member}_0({item})", follow.member)
            self._write(follow.follow[0], made, depth)

    def _decide(self, link: Link, item: str, depth: int) -> None:
        self._given[link.member] = item
        for port, follow in enumerate(link.follow):
            if port < link.functions:
                self._line(depth, f"{'elif' if port else 'if'} f{link.member}_{port}({item}):", link.member)
            else:
                self._line(depth, "else:")
            self._write(follow, item, depth + 1)

    def _line(self, depth: int, text: str, member: int | None = None) -> None:
        self._lines.append("    " * depth + text)
        if member is not None:
            self._members[len(self._lines)] = member


def _links(follow: Link | int) -> Iterator[Link]:
    if isinstance(follow, Link):
        yield follow
        for further in follow.follow:
            yield from _links(further)


__all__ = ["Link", "Program"]
