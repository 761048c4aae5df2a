"""The `%weave` magic and its tab completion. Nothing here waits: what takes time is asked for, and goes on."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class

from streamweave_lab.engine.actor import acting
from streamweave_lab.engine.registry import runs
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import StreamweaveError
from streamweave_lab.ipython.answers import Asked, StatusTable, Table, runs_table
from streamweave_lab.ipython.words import NotUnderstoodError, Order, go_on, nearest, understand
from streamweave_lab.ops.explain.explain import Explained
from streamweave_lab.remote.attached import attached

if TYPE_CHECKING:
    from streamweave_lab.remote.run import RemoteRun

Matcher = Callable[[CompletionContext], SimpleMatcherResult]


@magics_class
class WeaveMagics(Magics):
    """What `%load_ext streamweave_lab` adds to IPython."""

    @line_magic
    def weave(self, line: str) -> Asked | Explained | Table:
        """Look at the runs of this kernel and act on them.

            %weave runs                           all runs of this kernel, and those it is attached to
            %weave status [name]                  what a run is now
            %weave explain [name]                 why its frontier stands, what slows it, why it is not ready
            %weave drain  [name] [--timeout 30]   take in nothing new, finish what is in flight, stop
            %weave suspend [name] [--timeout 30]  finish what is in flight, keep the rest in a checkpoint, stop
            %weave checkpoint [name]              keep the state of the whole graph, and go on
            %weave reload [name]                  read the configuration again and apply it
            %weave stop   [name]                  stop now; what is in flight is lost, and counted

        The name can be left out where there is one run only. A run of another process, to which `sw.attach` has
        attached this kernel, is named like one of its own, or name@host:port where that name is taken.

        Nothing waits: `drain`, `reload` and `stop` return at once while the run does what it was asked. `await _`
        in the next cell gives the report, and `await run.done()` waits for the end.
        """
        try:
            return _carry_out(understand(line))
        except (NotUnderstoodError, StreamweaveError) as error:
            raise UsageError(str(error)) from None


def _carry_out(order: Order) -> Asked | Explained | Table:
    if order.verb == "runs":
        here = runs()
        away = {name: run.status() for name, run in attached(here).items()}
        return runs_table([run.status() for run in here.values()], away)
    run = _the_run(order)
    if order.verb == "status":
        return StatusTable(run.status())
    if order.verb == "explain":
        return run.explain()
    if why := _why_not(order.verb, run):
        raise NotUnderstoodError(f"run {run.name!r} cannot {order.verb}: {why}")
    wishes = {} if order.timeout is None else {"timeout": order.timeout}
    with acting("magic"):
        return Asked(order.verb, run.name, run.ask(order.verb, **wishes))  # type: ignore[arg-type]


def _why_not(verb: str, run: LocalRun | RemoteRun) -> str | None:
    """Why a run surely refuses a verb. What only shows on its way is in the answer."""
    state = run.status().state
    if state in ("stopped", "failed"):
        return f"it has {state}; start it again with graph.start()"
    if isinstance(run, LocalRun):
        if verb in ("checkpoint", "suspend") and run.checkpoints is None:
            return "it was started without a store; pass store= to graph.start()"
        if verb == "reload" and run.config is None:
            return "it was started without a configuration; pass one to graph.start()"
    return None


def _known() -> dict[str, LocalRun | RemoteRun]:
    here = runs()
    return {**here, **attached(here)}


def _the_run(order: Order) -> LocalRun | RemoteRun:
    known = _known()
    if order.name is not None:
        if order.name not in known:
            raise NotUnderstoodError(f"no run of this kernel is named {order.name!r}; {_hint(order.name, known)}")
        return known[order.name]
    # A run that has ended can still be looked at, but what acts is meant for one that has not.
    meant = [name for name, run in known.items() if run.status().state not in ("stopped", "failed")] or list(known)
    if len(meant) != 1:
        raise NotUnderstoodError(_hint("", known) if not meant else _which(order.verb, meant))
    return known[meant[0]]


def _hint(name: str, known: Collection[str]) -> str:
    return nearest(name, known) if known else "there is no run in this kernel; start one with graph.start()"


def _which(verb: str, meant: list[str]) -> str:
    return f"which run? say %weave {verb} " + " or ".join(meant)


def make_matcher() -> Matcher:
    """A matcher for IPython's completer: verbs, names of runs and options after `%weave`."""

    @context_matcher(identifier="streamweave_lab.weave")  # type: ignore[untyped-decorator]
    def weave_matcher(context: CompletionContext) -> SimpleMatcherResult:
        begun, words = go_on(context.text_until_cursor, _known())
        completions = [SimpleCompletion(word, type="weave") for word in words]
        return SimpleMatcherResult(completions=completions, matched_fragment=begun, suppress=bool(words))

    matcher: Matcher = weave_matcher
    return matcher


__all__ = ["WeaveMagics", "make_matcher"]
