"""Nodes: values with a name and typed ports, and the hooks that are their logic in a run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from inspect import Signature, get_annotations, signature
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from streamweave_lab.clock import SYSTEM_CLOCK, Clock
from streamweave_lab.errors import GraphError, NotRunningError, StateError
from streamweave_lab.graph.batch import Batch, Failure
from streamweave_lab.graph.port import I_contra, In, Inlet, O_co, Out, Outlet

if TYPE_CHECKING:
    from streamweave_lab.config.model import Config
    from streamweave_lab.graph.outbox import Outbox

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_PORT = re.compile(r"^(?:\w+\.)*(In|Out)\b")


class Node:
    """Anything in a graph: a name, ports, and logic.

    A drawn node is a value and is never changed by a run: the run works on a copy, `run["name"]`, in which
    `opened` may set up state. A subclass declares ports as annotations, `hot: sw.Out[Reading]` or
    `left: sw.In[Order]`, and receives the items of an input port `left` in a method `on_left(item)`
    (those of the port `in` in `on_item(item)`).

    Raises: GraphError if `name` is not made of letters, digits, `_`, `.` and `-`.
    """

    _in_names: ClassVar[tuple[str, ...]] = ()
    _out_names: ClassVar[tuple[str, ...]] = ()

    window_granularity: float | None = None
    """Seconds between the event times at which this node needs an exact watermark; None if it needs none."""

    _drawn_with: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})

    holds: int = 0
    """Items this node has received and keeps back at the moment, as an open window does."""

    clock: Clock = SYSTEM_CLOCK
    """The clock to go by; the run sets its own, which in deterministic mode is virtual."""

    state_version: int = 1
    """The shape of what `snapshot` returns. Who changes the shape counts up, and writes `migrate`."""

    pickled_state: bool = False
    """Keep this node's state with pickle, for what cannot be kept otherwise. Then trust whoever can write the store."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Shift-Tab would show the (*args, **kwargs) of __new__.
        _, *others = signature(cls.__init__).parameters.values()
        cls.__signature__ = Signature(others)  # type: ignore[attr-defined]
        ins, outs = list(cls._in_names), list(cls._out_names)
        for attribute, annotation in get_annotations(cls).items():
            match = _PORT.match(annotation if isinstance(annotation, str) else _bare_name(annotation))
            if match:
                names = ins if match[1] == "In" else outs
                port = "in" if attribute == "in_" else attribute
                if port not in names:
                    names.append(port)
        cls._in_names, cls._out_names = tuple(ins), tuple(outs)

    if not TYPE_CHECKING:  # for checkers the classes alone say what a node takes and has

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            """Remember what the node was drawn with."""
            node = super().__new__(cls)
            node._drawn_with = args, kwargs  # graph/inference.py reads item types from the functions among them
            return node

        def __getattr__(self, name: str) -> Any:
            """Only for misses: a misspelt port is told with the nearest there is."""
            if hasattr(type(self), name):  # a property raised AttributeError itself: let its own error be seen
                return object.__getattribute__(self, name)
            if "inputs" not in self.__dict__:
                raise AttributeError(f"{type(self).__name__}: call super().__init__(name) first in its __init__")
            if name.startswith("on_") and name[3:] in self._in_names:
                raise AttributeError(f"{self!r} must define {name}(item), which takes the items of its port {name[3:]}")
            ports = ["in_" if port == "in" else port for port in (*self.inputs, *self.outputs)]
            close = get_close_matches(name, ports, n=1)
            there = f"did you mean {close[0]}?" if close else f"its ports are {', '.join(ports)}"
            raise AttributeError(f"{type(self).__name__} {self.__dict__.get('name', '')!r} has no {name!r}; {there}")

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise GraphError(
                f"{name!r} cannot name a node: use the letters A to Z and a to z, digits, '_', '.' and '-'"
            )
        self.name = name
        self.inputs: dict[str, In[Any]] = {n: In(self, n) for n in self._in_names}
        self.outputs: dict[str, Out[Any]] = {n: Out(self, n) for n in self._out_names}
        for port in (*self.inputs.values(), *self.outputs.values()):
            setattr(self, "in_" if port.name == "in" else port.name, port)
        self._outbox: Outbox | None = None
        self._item_time: float | None = None
        self._emitted: dict[str, tuple[list[Any], list[Any]]] = {}

    @property
    def kind(self) -> str:
        """What sort of node this is, for people: the name of its class."""
        return type(self).__name__

    def __repr__(self) -> str:
        return f"{self.kind}({self.name!r})"

    # Logic. Called by the engine, never two at a time, on the copy that belongs to the run.

    def opened(self) -> None:
        """The run begins: set up state here, not in `__init__`."""

    def configure(self, config: Config) -> None:
        """From the next item on `config` holds. Called once before the first item, and at each change."""

    def on_batch(self, port: str, batch: Batch) -> None:
        """Take the items of one batch. The default calls `on_item` or `on_<port>` for each of them."""
        take = self.on_item if port == "in" else getattr(self, f"on_{port}")
        times = batch.times or [None] * len(batch.items)  # type: ignore[list-item]
        for item, self._item_time in zip(batch.items, times, strict=True):
            try:
                if (answer := take(item)) is not None:
                    raise TypeError(f"on_item returned {answer!r}; send it with self.emit(self.out, …) instead")
            except Exception as error:
                self.refuse(item, error, self._item_time)
        self.flush()

    def on_item(self, item: Any) -> None:
        """Take one item of the port `in`. What it raises sends the item to the `error` port."""
        raise NotImplementedError(f"{type(self).__name__} must define on_item or on_batch")

    def advanced(self, frontier: float) -> None:
        """The frontier has moved: nothing earlier than `frontier` (seconds of event time) will come."""

    def frontier_out(self, frontier: float) -> float:
        """The frontier to promise downstream: earlier than `frontier` while items are held back."""
        return frontier

    def finished(self) -> None:
        """Every input has ended: send what is still held back."""

    def closed(self) -> None:
        """The run is over, however it ended: release what `opened` took."""

    def check_outside(self) -> Iterable[str]:
        """A sentence for everything outside that this node would miss. Opens and changes nothing; for `validate`."""
        return ()

    # Inputs that wait for each other, as those of a Zip do. Where `choosy` is true the engine asks and tells.

    choosy: bool = False

    def takes(self, port: str) -> bool:
        """Whether a batch of the input port `port` may come now; where not, it waits on its edge.

        While a barrier is on its way, and when another input has ended, it comes all the same.
        """
        return True

    def ended(self, port: str) -> None:
        """Nothing more will come by the input port `port`."""

    # State that outlives the run. Called by the engine between two items.

    def snapshot(self) -> Any:
        """What this node must know to go on from here; None if that is nothing.

        Plain data (None, bool, numbers, str, bytes, list, tuple, dict, set), or dataclasses and named tuples of it.
        It is encoded later, elsewhere: return copies of whatever changes.
        """
        return None

    def secure(self) -> None:
        """Bring what the last snapshot speaks of to where it lasts, as a sink does whose rows are not on the disk yet.

        Called after `snapshot` and before the checkpoint is written, in another thread, while items go on coming:
        here belongs what a snapshot would have to wait for. It is not called where the checkpoint does not come to
        be, and `closed` may come first, or meanwhile. Whatever it raises fails the run.
        """

    def restore(self, state: Any) -> None:
        """Go on from `state`, which `snapshot` once returned and which is not None. Called right after `opened`."""
        raise NotImplementedError(f"{self.kind} has no state to restore; define restore(state) beside snapshot()")

    def brought_up(self, state: Any, version: int) -> Any:
        """A kept `state` in the shape of this `state_version`, which `migrate` gives it if it is older.

        Raises: StateError if newer code wrote it.
        """
        if version > self.state_version:
            raise StateError(
                f"{self.name}: newer code wrote its state, in version {version}, and this {self.kind} knows versions "
                f"up to {self.state_version}; install that code again, or go on from an older checkpoint"
            )
        return state if version == self.state_version else self.migrate(state, version)

    def migrate(self, state: Any, version: int) -> Any:
        """The `state` that an older `state_version` wrote, in the shape of this one. Pure."""
        raise StateError(
            f"{self.name}: its state has version {version} and {self.kind} is at version {self.state_version}; "
            f"define migrate(state, version) on it"
        )

    def restart_from(self, kept: Any) -> Any:
        """The state to begin again from where supervision restarts this node, while the rest of the run goes on.

        Called before `closed`, `opened` and `restore`; None to begin empty. `kept` is what it kept at the last
        checkpoint, and the default: what came since is forgotten, and with it what made the node fail. Sources do not
        bring it again, as they do in a resumed run; so a Sink goes on from where it is.
        """
        return kept

    # Time. A node that must act at a certain moment asks for a turn.

    def wake_at(self, when: float) -> None:
        """Let `woken` be called when `self.clock.now()` has reached `when` (seconds).

        Of several times each counts; those that are due at once are one call.
        """
        self._running("wake_at").wake_at(when)

    def woken(self, now: float) -> None:
        """A time asked for with `wake_at` has come; it is `now` (seconds of `self.clock`)."""

    # Logic that must be awaited. Where `awaits` is true the engine calls `work` instead of `on_batch`.

    awaits: bool = False
    concurrency: int = 1
    """Items in flight at any moment, at most."""
    ordered: bool = True
    """Results leave in the order in which their items came."""

    async def work(self, item: Any) -> Any:
        """The result for one item, sent on `out` where there is one. What it raises sends the item to `error`."""
        raise NotImplementedError(f"{type(self).__name__} must define work")

    # What logic may call.

    def emit(self, port: Out[T], item: T, time: float | None = None) -> None:
        """Send one item, with the event time `time` (seconds).

        Without it that is the event time of the item now being taken; where none is, as in `advanced`, `woken` and
        `finished`, it is the frontier, and none before there is one.
        """
        try:
            items, times = self._emitted.setdefault(port.name, ([], []))
        except AttributeError:
            raise TypeError(f"emit takes an output port first, such as self.out, not {port!r}") from None
        items.append(item)
        times.append(self._item_time if time is None else time)

    def flush(self) -> None:
        """Send on what `emit` has gathered. The engine does so after every batch."""
        if self._emitted:
            gathered, self._emitted = self._emitted, {}
            for port, (items, times) in gathered.items():
                self.send(port, items, None if None in times else times)

    def send(self, port: str, items: list[Any], times: list[float] | None = None) -> None:
        """Send a list of items on the output port named `port`; the list must not be changed afterwards."""
        self._running("send").send(port, items, times)

    def refuse(self, item: Any, error: BaseException, time: float | None = None) -> None:
        """Let `item` leave by the `error` port as a Failure; where that is not wired the run fails."""
        self._running("refuse").refuse(item, error, time)

    def enough(self) -> None:
        """Tell that nothing that still comes makes a difference here: sources that no other node needs then end.

        What is on its way comes all the same. Not in `opened` or `restore`: ask there to be woken.
        """
        self._running("enough").enough()

    def _running(self, what: str) -> Outbox:
        if self._outbox is None:
            raise NotRunningError(self.name, what)
        return self._outbox


class Step(Node, Inlet[I_contra], Outlet[O_co]):
    """A node that takes items and sends items. A subclass defines `on_item(item)` and calls `emit`."""

    in_: In[I_contra]
    out: Out[O_co]
    error: Out[Failure[Any]]

    def _head(self) -> In[Any]:
        return self.in_

    def _tail(self) -> Out[O_co]:
        return self.out


class Sink(Node, Inlet[I_contra]):
    """A node where items leave the graph. A subclass defines `on_item(item)`."""

    in_: In[I_contra]
    error: Out[Failure[Any]]

    guarantee: str = "at least once"
    """How often an item takes effect when a run goes on from a checkpoint."""

    def restart_from(self, kept: Any) -> Any:
        """What it would keep now: what this run has written stays, for nobody would write it again."""
        return self.snapshot()

    def _head(self) -> In[Any]:
        return self.in_

    if not TYPE_CHECKING:

        def __rshift__(self, target: object) -> object:
            raise GraphError(f"{self.name} is a sink and has no output port to draw {target!r} from")


def _bare_name(annotation: Any) -> str:
    origin = getattr(annotation, "__origin__", annotation)
    return getattr(origin, "__name__", "")


__all__ = ["Node", "Sink", "Step"]
