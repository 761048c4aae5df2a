"""What `%weave` shows: text that stays the same, tables without scripts, and reports to be awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future
from html import escape
from typing import Any

from streamweave_lab.engine.status import Status
from streamweave_lab.engine.status_text import lost


class Asked:
    """A verb that a run was asked for and now carries out. `await` it for its report, or ask for `.report`.

    It looks the same before and after the verb is done, so that a saved notebook does not depend on how fast it was.
    """

    def __init__(self, verb: str, run: str, future: Future[Any]) -> None:
        self.verb, self.run = verb, run
        self._future = future

    def __await__(self) -> Generator[Any, None, Any]:
        # Interrupting the cell that waits must not call off what was asked.
        return asyncio.shield(asyncio.wrap_future(self._future)).__await__()

    @property
    def done(self) -> bool:
        """The report is there."""
        return self._future.done()

    @property
    def report(self) -> Any:
        """The report; None while it is not there. Raises what the verb raised."""
        return self._future.result() if self._future.done() else None

    def __repr__(self) -> str:
        return f"run {self.run!r} was asked to {self.verb}; await this for its report"

    def _repr_html_(self) -> str:
        said = f"Run <b>{escape(self.run)}</b> was asked to {escape(self.verb)}."
        return f"<p>{said} <code>await _</code> gives its report.</p>"


class Table:
    """Rows of text under headings, after a sentence."""

    def __init__(self, sentence: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.sentence, self.headings, self.rows = sentence, headings, rows

    def __repr__(self) -> str:
        if not self.rows:
            return self.sentence
        lines = [self.headings, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        drawn = (
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )
        return "\n".join([self.sentence, *drawn])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(cell)}</th>" for cell in self.headings)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if self.rows else ""
        return f"<p>{escape(self.sentence)}</p>{table}"


class StatusTable(Table):
    """A run as it was when it was asked; `.status` is the whole document."""

    def __init__(self, status: Status) -> None:
        self.status = status
        headings = ("node", "kind", "state", "in", "out", "errors", "late")
        rows = [
            (n.name, n.kind, n.state, _sum(n.items_in), _sum(n.items_out), f"{n.errors:,}", f"{n.late:,}")
            for n in status.nodes
        ]
        super().__init__(sentence(status), headings, rows)


def sentence(status: Status) -> str:
    """A run's state and readiness, and why it is not ready, or what it dropped, in a sentence."""
    if status.state == "stopped":
        dropped = lost(status)
        return f"run {status.graph!r} has stopped{f'; {dropped:,} items were dropped' if dropped else ''}"
    if status.stale_seconds is not None:
        return f"run {status.graph!r} was {status.state} when it was last heard of, {status.stale_seconds:.0f} s ago"
    if status.ready:
        return f"run {status.graph!r} is {status.state} and ready"
    return f"run {status.graph!r} is not ready: {'; '.join(status.reasons)}"


def runs_table(statuses: Sequence[Status], attached: Mapping[str, Status] | None = None) -> Table:
    """The runs of this process, one a row, and those of others it is `attached` to, by name."""
    away = attached or {}
    if not statuses and not away:
        return Table("there is no run in this kernel; start one with graph.start()", (), ())
    rows: list[tuple[str, ...]] = [(s.graph, s.state, "yes" if s.ready else "no", s.host) for s in statuses]
    rows += [(name, _heard(s), "yes" if s.ready else "no", "another process") for name, s in away.items()]
    count = f"{len(statuses) or 'no'} run{'' if len(statuses) == 1 else 's'} in this kernel"
    elsewhere = f", attached to {len(away)} of other processes" if away else ""
    return Table(count + elsewhere, ("run", "state", "ready", "lives on"), rows)


def _heard(status: Status) -> str:
    return status.state if status.stale_seconds is None else f"{status.state}, {status.stale_seconds:.0f} s ago"


def _sum(ports: dict[str, int]) -> str:
    return f"{sum(ports.values()):,}" if ports else ""


__all__ = ["Asked", "StatusTable", "Table", "runs_table", "sentence"]
