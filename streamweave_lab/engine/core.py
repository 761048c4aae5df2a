"""The synchronous heart of a run: all its nodes, and which of them may take a turn. No I/O, no waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from streamweave_lab.clock import Clock, HeldClock
from streamweave_lab.engine.async_state import AsyncState
from streamweave_lab.engine.chain import chains
from streamweave_lab.engine.kept import Kept, give_back, take
from streamweave_lab.engine.making import connected, state_of
from streamweave_lab.engine.node_state import BLOCKED, BUSY, IDLE, TURN_SECONDS, NodeFailed, NodeState, adapt
from streamweave_lab.engine.restarts import Restarts
from streamweave_lab.engine.source_state import SourceState
from streamweave_lab.engine.supervise import Supervisor
from streamweave_lab.engine.surroundings import Host, Listener
from streamweave_lab.graph.batch import Barrier, Failure, Watermark
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Node, Sink
from streamweave_lab.graph.source import Source
from streamweave_lab.progress.frontier import Frontier
from streamweave_lab.progress.grid import Grid, exact
from streamweave_lab.progress.window import granularity


class Core:
    """Nodes, sources first and then downstream, and a bit mask of those that may take a turn.

    `batch_size` fixes the size of batches (deterministic mode); None lets them adapt.
    """

    def __init__(
        self,
        graph: Graph,
        nodes: Sequence[Node],
        clock: Clock,
        host: Host,
        listener: Listener,
        batch_size: int | None = None,
    ) -> None:
        self.graph, self.clock, self.host, self.listener, self.batch_size = graph, clock, host, listener, batch_size
        self.held_clock = HeldClock(clock)
        """The clock of sources for which no time passes while the run is paused."""
        self.runnable = self.touched = 0
        self.begun = self.paused = self.halted = self.let = False
        """`let`: the sources are let in."""
        self.flushing = self._ending = False
        """A barrier is on its way: no node leaves an input alone."""
        self.epoch = 0
        self.granularity = granularity(*(node.window_granularity or 0.0 for node in nodes))
        self.grid = None if self.granularity is None else Grid(exact(self.granularity))
        self.current: NodeState | None = None
        self.turn_began = 0.0
        self.opening: str | None = None
        self.failed_node: str | None = None
        ordered = sorted(nodes, key=lambda node: not isinstance(node, Source))
        self.states = [state_of(self, index, node) for index, node in enumerate(ordered)]
        self.by_name = {state.node.name: state for state in self.states}
        self.sources = [state for state in self.states if isinstance(state, SourceState)]
        self._source_mask = (1 << len(self.sources)) - 1
        self._last_source = 0
        self.sinks = {state.index for state in self.states if isinstance(state.node, Sink)}
        self.progress = Frontier(self.sinks)
        """The frontier of the run: that of a node to which all the sinks would lead."""
        self.channels = [connected(self.by_name, edge) for edge in graph.edges]
        for state in self.states:
            state.wired()
        for chain in chains(self):
            chain.members[0].chain = chain
        self._plain = sum(state.bit for state in self.states if type(state) is NodeState and len(state.ins) == 1)
        """Bits of nodes that an entry reaches by one way alone, and that have a turn for nothing else."""
        self._stepping = False
        self.failing: list[tuple[NodeState, BaseException, Any, int]] = []
        """Nodes that are to begin again when the turn is over, why, on which item, and how many items that cost."""
        dice = Random(0 if batch_size else None)  # noqa: S311 - for waits
        self.restarts = Restarts(self, Supervisor(graph.supervise, dice))
        self.resting = 0
        """Bits of nodes that get no turn before they begin again."""
        self.withheld = 0
        """Bits of nodes to which a drill gives no turn now."""
        self.watched = 0
        """Taps and drills under way: every node takes its own turns."""
        self.keeping = False
        """Nodes that end keep their last state."""
        self.cut: dict[str, Kept] = {}
        """What nodes kept at the barrier of the newest epoch that takes snapshots."""
        self.final: dict[str, Kept] = {}
        """What nodes had when they ended."""
        self.kept: dict[str, Kept] = {}
        """What each node kept last."""

    def open(self, config: Any, kept: Mapping[str, Kept] | None = None) -> None:
        """Set up every node's state, sinks first, from what was kept of it if anything. No turns before `let_in`."""
        self.begun = True
        now = self.clock.now()
        for state in self.states:
            state.since = now
        self.withheld = (1 << len(self.states)) - 1
        for state in reversed(self.states):
            self.opening = state.node.name
            state.node.opened()
            state.open = True
            if kept and state.node.name in kept:
                give_back(self, state, kept[state.node.name])
            if config is not None:
                state.config = config
                state.node.configure(config)

    def let_in(self) -> None:
        """From now on the sources bring items."""
        if self.halted:
            return
        self.let, self.withheld = True, 0
        for source in self.sources:
            if not source.finished:
                source.opened()
        self.touch((1 << len(self.states)) - 1)

    def go(self, now: float, until: float) -> float:
        """Give turns, downstream first, until nothing can run or the clock passes `until`. Returns the time."""
        clock_now, states, sources = self.clock.now, self.states, self._source_mask
        adapting = self.batch_size is None
        self._stepping = True
        self.turn_began = now
        try:
            while (runnable := self.runnable) and now < until and not self.paused:
                state = states[runnable.bit_length() - 1] if runnable > sources else self._next_source(runnable)
                self.current = state
                began = now
                taken = state.step()
                now = clock_now()
                self.turn_began, seconds = now, now - began
                if (chain := state.chain) is None or chain.running is None:
                    state.run_seconds += seconds
                else:
                    chain.ran(taken, seconds)
                if self.failing:
                    self.restarts.begin_again()
                if adapting and (taken >= state.limit or seconds > TURN_SECONDS) and taken:
                    adapt(state, taken, seconds)
                self.settle(self.touched | state.bit, now)
        except BaseException as error:
            self._raised(error)
        finally:
            self._stepping = False
            self.current = None
        if self.touched:
            self.settle(self.touched, now)
        return now

    def rush(self, source: SourceState) -> None:
        """Let what `source` has just sent, when nobody had anything to do, pass all that wait for nothing else.

        Each has its turn at once; the account, and what they are doing now, come when that is done. An item that
        comes alone finds nothing in the processor's cache, and all this would take longer than the turns.
        """
        states, clock_now, now = self.states, self.clock.now, self.clock.now()
        turns: list[tuple[NodeState, int, float, float]] = [(source, 0, source.quiet_since, now)]
        until = now + TURN_SECONDS
        reached, able = 0, self._plain & ~(self.resting | self.withheld)
        self._stepping = True
        try:
            while (touched := self.touched) and now < until:
                if self.paused or self.halted or self.failing:
                    break
                state = states[touched.bit_length() - 1]
                reached |= state.bit
                self.touched = touched ^ state.bit
                if not state.bit & able or state.activity is not IDLE or not state.ins[0].queue:
                    continue
                able ^= state.bit
                for out in state.out_channels:
                    if out.queued >= out.capacity:
                        break
                else:
                    self.current, self.turn_began = state, now
                    taken, turn_began, now = state.step(), now, clock_now()
                    turns.append((state, taken, turn_began, now))
            if self.failing:
                self.restarts.begin_again()
        except BaseException as error:
            self._raised(error)
        finally:
            self._stepping = False
            self.current = None
        for state, taken, turn_began, ended in turns:
            self._account_turn(state, taken, turn_began, ended)
        self.settle(self.touched | reached, now)

    def settle(self, touched: int, now: float) -> None:
        """Look again at what these nodes are doing, and account for the time until now."""
        self.touched = 0
        if self.halted:
            return
        states = self.states
        while touched:
            low = touched & -touched
            touched ^= low
            state = states[low.bit_length() - 1]
            was = state.activity
            activity = state.assess()
            if activity is not was:
                state.seconds[IDLE if self.paused else was] += now - state.since
                state.since = now
                state.activity = activity
            if activity is BLOCKED or was is BLOCKED:
                _account_blocked(state, now)
            if (
                activity is BUSY
                and not low & (self.resting | self.withheld)
                and (not state.node.awaits or state.can_run())
            ):
                self.runnable |= low
            else:
                self.runnable &= ~low

    def touch(self, bits: int, *, hurry: bool = False) -> None:
        """Something changed outside a turn: look again, and wake the host if there is work.

        With `hurry` the caller can wait while the work is done at once, if the loop has nothing else to do for it.
        """
        if self.halted:
            return
        if self._stepping:
            self.touched |= bits
            return
        self.settle(self.touched | bits, self.clock.now())
        if self.runnable and not self.paused:
            self.host.hurry() if hurry else self.host.wake()

    def inject(self, barrier: Barrier) -> None:
        """Let every source that still runs send a barrier."""
        self.epoch = barrier.epoch
        self.flushing, self._ending = True, self._ending or barrier.last
        if barrier.snapshot:
            self.cut = {}
        for source in self.sources:
            self._inject_into(source, barrier)
        self.touch((1 << len(self.states)) - 1)

    def end_unneeded(self) -> None:
        """End the sources of which nothing can reach the end of a path but through a node that has enough."""
        needed = {state.index for state in self.states if not state.out_channels and not state.sated}
        for state in reversed(self.states):  # upstream
            if not state.sated and any(channel.receiver in needed for channel in state.out_channels):
                needed.add(state.index)
        for source in self.sources:
            if source.index not in needed and not source.finished:
                name = source.node.name
                self.tell("source.ended", f"{name} ends, for nobody needs more of it", node=name)
                self._inject_into(source, Barrier(self.epoch, last=True))

    def flushed(self) -> None:
        """The barrier has passed."""
        self.flushing = self._ending
        self.touch((1 << len(self.states)) - 1)

    def pause(self) -> None:
        """No more turns, until `resume`."""
        self.stand()
        self.held_clock.hold()

    def resume(self) -> None:
        """Go on after `pause`."""
        self.held_clock.go_on()
        self.flow()

    def stand(self) -> None:
        """No more turns: until `flow`, all nodes are idle, whatever they have before them."""
        if not self.paused:
            self._account()
            self.paused = True

    def flow(self) -> None:
        """Give turns again, while no time passes for the sources whose clock is held."""
        self._account()
        self.paused = False
        for state in self.states:
            if isinstance(state, AsyncState):
                state.wake()
        self.touch(0)

    def _account(self) -> None:
        now = self.clock.now()
        for state in self.states if self.begun else ():
            state.seconds[IDLE if self.paused else state.activity] += now - state.since
            state.since = now
            if isinstance(state, AsyncState):
                state.clock_work(now)

    def halt(self, *, unkept: bool = False) -> dict[str, int]:
        """Stop now: no node gets another turn. Returns what was left, by edge and by node that held items.

        `unkept`: what nodes held that ended in a suspend is lost too.
        """
        self.halted, self.runnable = True, 0
        self.restarts.cancel()
        self._account()
        now = self.clock.now()
        dropped: dict[str, int] = {}
        for state in self.states:
            left = state.taken + (state.in_slots() if isinstance(state, AsyncState) else state.node.holds)
            if left and (unkept or not state.ended):
                dropped[state.node.name] = left
                state.dropped += left
            self._release(state)
        for channel in self.channels:
            if channel.blocked_since is not None:
                channel.blocked_seconds += now - channel.blocked_since
                channel.blocked_since = None
            if left := channel.drop_all():
                dropped[channel.name] = left
        return dropped

    def _inject_into(self, source: SourceState, barrier: Barrier) -> None:
        try:
            source.inject(barrier)
        except NodeFailed as failed:
            self.fail(source.node.name, failed.failure.item, failed.failure.error)
        except Exception as error:
            self.fail(source.node.name, None, error)

    # What states report

    def tell(self, event: str, message: str, *, level: str = "info", node: str | None = None) -> None:
        """Something happened."""
        self.listener.told(event, message, level=level, node=node)

    def reached(self, sink: int, mark: Watermark | Barrier) -> None:
        """A mark has passed a sink."""
        if isinstance(mark, Watermark):
            if mark.time is None:
                self.progress.idle(sink)
            else:
                self.progress.promise(sink, mark.time)
        elif mark.last:
            self.progress.end(sink)

    def confirmed(self, node: int, epoch: int) -> None:
        """A node has met the barrier of an epoch."""
        self.listener.confirmed(node, epoch)

    def refused(self, failure: Failure[Any]) -> None:
        """An item leaves by an error port."""
        self.listener.refused(failure)

    def keep(self, state: NodeState) -> None:
        """A node has met a barrier that takes snapshots."""
        self.cut[state.node.name] = self.kept[state.node.name] = take(state)

    def keep_beginning(self) -> dict[str, Kept]:
        """What all nodes have before the first item."""
        beginning = {}
        for state in reversed(self.states):
            self.opening = state.node.name
            beginning[state.node.name] = take(state)
        return beginning

    def keep_final(self, state: NodeState) -> None:
        """A node has met its last barrier."""
        if self.keeping:
            self.final[state.node.name] = take(state)

    def node_ended(self, state: NodeState) -> None:
        """A node has finished all its work."""
        self._release(state)
        self.listener.node_ended(state.index)

    def fail(self, node: str, item: Any, error: BaseException, why: str = "") -> None:
        """A node has failed, and with it the run; `why` it was not let go on."""
        if not self.halted:
            self.listener.failed(node, item, error, why)

    # Inside

    def _account_turn(self, state: NodeState, taken: int, began: float, ended: float) -> None:
        if (chain := state.chain) is None or chain.running is None:
            state.run_seconds += ended - began
        else:
            chain.ran(taken, ended - began)
        if state.since <= began:  # else the run was paused, or ended, and all time until then is accounted for
            state.seconds[IDLE] += began - state.since
            state.seconds[BUSY] += ended - began
            state.since = ended

    def _raised(self, error: BaseException) -> None:
        """A turn has raised: logic, outside the handling of one item, or whoever interrupts. That fails the run."""
        current = self.current
        if isinstance(error, NodeFailed):
            self._failed(error.failure.item, error.failure.error)
        elif isinstance(error, Exception) and current is not None and self.restarts.tolerate(current, error):
            self.restarts.begin_again()
            self.touched |= current.bit
        else:
            self._failed(None, error)
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise error

    def _failed(self, item: Any, error: BaseException) -> None:
        self.fail(self.current.node.name if self.current else "?", item, error)

    def _release(self, state: NodeState) -> None:
        state.cancel()
        if not state.open:
            return
        state.open = False
        try:
            state.node.closed()
        except Exception as error:
            said = f"{state.node.name}: {self.graph.error_shown(error)} while closing"
            self.tell("node.close_failed", said, level="error", node=state.node.name)

    def _next_source(self, runnable: int) -> NodeState:
        """Sources take turns, so that none starves the others."""
        later = runnable >> (self._last_source + 1) << (self._last_source + 1)
        bit = (later or runnable) & -(later or runnable)
        self._last_source = bit.bit_length() - 1
        return self.states[self._last_source]


def _account_blocked(state: NodeState, now: float) -> None:
    for channel in state.out_channels:
        full = state.activity is BLOCKED and channel.queued >= channel.capacity
        if full and channel.blocked_since is None:
            channel.blocked_since = now
        elif not full and channel.blocked_since is not None:
            channel.blocked_seconds += now - channel.blocked_since
            channel.blocked_since = None
