"""Chains: nodes that do so little for an item that handing it on costs more, and that take a batch in one turn.

What a chain does is what its nodes would have done in turns that follow each other, and counters, failures and marks
are as if they had. While anything could tell the difference they take their turns one by one: when an edge of theirs
is tapped or not empty, when one of them rests or is drilled, when an exit has no room. So unlike the operator chains
of Flink, these are nothing that has to be known of when a graph is drawn, or looked at.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence, Sized
from operator import length_hint
from typing import TYPE_CHECKING, Any, NamedTuple

from streamweave_lab.engine.chain_code import Link, Program
from streamweave_lab.engine.node_state import BLOCKED, IDLE, TURN_SECONDS, NodeState
from streamweave_lab.graph.batch import Batch
from streamweave_lab.operators.each import Filter, Map
from streamweave_lab.operators.route import Route

if TYPE_CHECKING:
    from types import FrameType

    from streamweave_lab.config.model import Config
    from streamweave_lab.engine.channel import Channel
    from streamweave_lab.engine.core import Core

CHAINED_TURNS = 15
"""Turns of a chain between two in which its nodes go one by one, to show whose the time is."""
QUICK_ITEM, QUICK_TURN = 1e-6, 1e-4
"""Seconds that a node may take for an item, or for a turn with few of them, to be worth chaining."""
_MOST = 32
"""Nodes in a chain, and predicates of one: each is a level of the loop's text at worst."""
_SURPRISE = 4
"""A turn that took so many times as long as it should have: something has changed."""
_UNBOUND = object()


class _Edge(NamedTuple):
    """An edge within a chain."""

    sender: NodeState
    port: str
    channel: Channel
    receiver: NodeState
    exit: int | None
    """The one exit behind it, by which all leaves that passes; None where all passes that comes to the chain."""


class Chain:
    """Nodes in a row or a tree, joined by edges that each lead from one alone to one alone."""

    def __init__(self, core: Core, head: NodeState) -> None:
        self._core, self._head = core, head
        self.members: list[NodeState] = []
        """The head first."""
        self._nodes: list[Map[Any, Any] | Filter[Any] | Route[Any]] = []
        self._exits: list[tuple[NodeState, str]] = []
        self._edges: list[_Edge] = []
        self._paths: list[tuple[_Edge, ...]] = []
        """By member: the edges on the way to it."""
        self._first = self._link(head, (), decided=False)
        self._others = self.members[1:]
        inner = [edge.channel for edge in self._edges]
        self._ways_out = [c for state in self.members for c in state.out_channels if c not in inner]
        self.bits = sum(state.bit for state in self.members)
        self._decides = any(not isinstance(state.node, Map) for state in self.members)
        self._programs: dict[bool, Program] = {}
        self._functions: list[Callable[[Any], Any]] = []
        self._configured: Config | object | None = _UNBOUND
        self.running: Program | None = None
        """The loop of the turn that is under way."""
        self.unshared = 0.0
        """Seconds of earlier turns that no node has on its account yet: less than one `TURN_SECONDS`."""
        self._left = 0
        """Turns of the chain that may follow."""
        self._before: list[tuple[float, int, int]] | None = None
        """By member, before the turns that they take one by one: seconds, items, errors."""
        self._shares = [1.0, *(0.0 for _ in self._others)]
        """By member: its part of the time, when they went one by one last."""
        self._pace = 0.0
        """Seconds for an item of the head, by all of them."""

    def take(self, channel: Channel, limit: int) -> int:
        """Let the batch at the head of `channel`, at most `limit` items of it, pass. Returns how many were taken.

        0 while its nodes are to go one by one.
        """
        core = self._core
        if core.watched or self.bits & (core.resting | core.withheld):
            return 0
        if self._left <= 0 and not self._found_quick():
            return 0
        for state in self._others:
            if state.activity is not IDLE or state.discard:
                return 0
        for out in self._ways_out:
            free = out.capacity - out.queued
            if free <= 0:
                return 0
            if free < limit:
                limit = free
        self._left -= 1
        batch: Batch = channel.queue[0]  # type: ignore[assignment]  # the head's turn has looked
        n = len(batch.items)
        if n > limit:
            batch, n = batch.split(limit)[0], limit
        if self._configured is not self._head.config:
            self._bind()
        timed = self._decides and batch.times is not None
        self.running = program = self._programs.get(timed) or self._compiled(timed)
        outs: list[list[Any]] = [[] for _ in self._exits]
        out_times: list[list[float]] = [[] for _ in self._exits] if timed else []
        rest = iter(batch.items)
        try:
            program.run(rest, *self._functions, *outs, *((batch.times, *out_times) if timed else ()))
        except BaseException as error:
            self.running, self._left = None, 0
            failed = program.failed(error)
            if failed is None:
                self._count(channel, n, ())
                self._head.taken = n
                raise
            done = n - length_hint(rest) - 1
            self._pass(channel, done, outs, out_times, batch.times)
            self._refuse(channel, *failed, None if batch.times is None else batch.times[done])
            return done + 1
        self._pass(channel, n, outs, out_times, batch.times)
        return n

    def ran(self, taken: int, seconds: float) -> None:
        """A turn that took `taken` items is over."""
        self.running = None
        if self.unshared + seconds < TURN_SECONDS:
            self.unshared += seconds
        else:
            self.share_out(taken, seconds)

    def share_out(self, taken: int, seconds: float) -> None:
        """Share the time of the last turn, with `taken` items, and what is unshared, as when they went one by one."""
        whole, self.unshared = self.unshared + seconds, 0.0
        for state, share in zip(self.members, self._shares, strict=True):
            state.run_seconds += share * whole
        if seconds > _SURPRISE * self._pace * taken + TURN_SECONDS:
            self._left = 0

    def at_work(self) -> NodeState:
        """The node whose function is being called, for whoever finds the loop blocked. From any thread."""
        program = self.running
        if program is None:
            return self._head
        for top in sys._current_frames().values():
            frame: FrameType | None = top
            while frame is not None:
                if frame.f_code is program.run.__code__:
                    return self.members[program.member(frame.f_lineno) or 0]
                frame = frame.f_back
        return self._head

    # What a turn comes to

    def _bind(self) -> None:
        """Take all functions with the configuration in force: who is idle has met it, as the head has."""
        self._functions, self._configured = [f for node in self._nodes for f in node.functions], self._head.config

    def _count(self, channel: Channel, n: int, edges: Sequence[_Edge], outs: Sequence[Sized] | None = None) -> None:
        """`n` items have come, and passed `edges`; where those lead to one exit, only as many as came out there."""
        if n:
            channel.take(n)
            self._head.items_in[channel.port] += n
        if self._core.states[channel.sender].activity is BLOCKED:
            self._core.touched |= channel.sender_bit
        for sender, port, inner, receiver, leaves_by in edges:
            passed = n if leaves_by is None or outs is None else len(outs[leaves_by])
            sender.items_out[port] += passed
            inner.sent += passed
            inner.received += passed
            receiver.items_in[inner.port] += passed

    def _pass(
        self, channel: Channel, n: int, outs: list[list[Any]], out_times: list[list[float]], times: list[float] | None
    ) -> None:
        """`n` items have passed: count them wherever they were, and send what came of them."""
        self._count(channel, n, self._edges, outs)
        for number, (state, port) in enumerate(self._exits):
            if not self._decides:  # every item has left by the one exit
                state.send(port, outs[number], times if times is None or len(times) == n else times[:n])
            else:
                state.send(port, outs[number], out_times[number] if out_times else None)

    def _refuse(self, channel: Channel, member: int, item: Any, error: Exception, time: float | None) -> None:
        """An item has come as far as `member`, whose function raised."""
        self._count(channel, 1, self._paths[member])
        self._core.current = state = self.members[member]
        state.taken = 1
        state.refuse(item, error, time)
        state.taken = 0

    def _found_quick(self) -> bool:
        """The turns that the nodes have just taken one by one were so quick that they may take the next together."""
        if self.unshared:
            self.share_out(0, 0.0)
        before = self._before
        self._before = now = [(state.run_seconds, sum(state.items_in.values()), state.errors) for state in self.members]
        if before is None:
            return False
        seconds = [this[0] - then[0] for then, this in zip(before, now, strict=True)]
        items = [this[1] - then[1] for then, this in zip(before, now, strict=True)]
        if any(this[2] != then[2] for then, this in zip(before, now, strict=True)):
            return False
        if not items[0] or any(s > max(QUICK_TURN, n * QUICK_ITEM) for s, n in zip(seconds, items, strict=True)):
            return False
        whole = sum(seconds)
        self._shares = [part / whole for part in seconds] if whole else self._shares
        self._pace = whole / items[0]
        self._before, self._left = None, CHAINED_TURNS
        return True

    # How it is made

    def _link(self, state: NodeState, path: tuple[_Edge, ...], *, decided: bool) -> Link:
        member, node = len(self.members), state.node
        assert isinstance(node, Map | Filter | Route)  # noqa: S101 - or it would not be a member
        self.members.append(state)
        self._nodes.append(node)
        self._paths.append(path)
        decides = not isinstance(node, Map)
        ports = [port for port in node.outputs if port != "error"]
        follow = [self._follow(state, port, path, decided=decided or decides) for port in ports]
        return Link(member, len(node.functions), follow, decides)

    def _follow(self, state: NodeState, port: str, path: tuple[_Edge, ...], *, decided: bool) -> Link | int:
        channels = state.outs[port]
        receiver = self._core.states[channels[0].receiver] if len(channels) == 1 else None
        if receiver is None or len(self.members) >= _MOST or not _may_follow(receiver, decided=decided):
            self._exits.append((state, port))
            return len(self._exits) - 1
        edge = _Edge(state, port, channels[0], receiver, len(self._exits) if decided else None)
        self._edges.append(edge)
        return self._link(receiver, (*path, edge), decided=decided)

    def _compiled(self, timed: bool) -> Program:
        program = self._programs[timed] = Program(self._first, len(self._exits), timed=timed)
        return program


def chains(core: Core) -> Iterator[Chain]:
    """The chains of a graph. No node is in two."""
    taken = 0
    for state in core.states:  # downstream
        if not state.bit & taken and _may_follow(state, decided=False):
            chain = Chain(core, state)
            if len(chain.members) > 1:
                taken |= chain.bits
                yield chain


def _may_follow(state: NodeState, *, decided: bool) -> bool:
    """It can be a node of a chain; behind one that decides only a Map can, lest nobody know how many items it had."""
    node = state.node
    kinds = (Map,) if decided else (Map, Filter, Route)
    if type(state) is not NodeState or type(node) not in kinds or len(state.ins) != 1:
        return False
    return not isinstance(node, Route) or len(node.functions) <= _MOST


__all__ = ["Chain", "chains"]
