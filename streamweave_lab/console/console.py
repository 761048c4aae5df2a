"""The console: a widget that shows one run live, and carries what its buttons ask."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.console import assets, charts, columns
from streamweave_lab.console.controls import Controls
from streamweave_lab.console.feed import Feed
from streamweave_lab.console.snapshot import WIDGET, twin
from streamweave_lab.engine.glance import glance
from streamweave_lab.engine.run import LocalRun

if TYPE_CHECKING:
    from streamweave_lab.engine.glance import Glance
    from streamweave_lab.engine.protocol import Run
    from streamweave_lab.engine.status import Status

_ACCOUNT_SECONDS = 0.02


class Console(anywidget.AnyWidget):
    """The live console of one run. Made by `streamweave_lab.console(run)`, or by showing a run in a notebook.

    It looks at the run only from the moment when a page shows it, and lets go of it when the run has ended.
    """

    _esm = assets.module()
    _css = assets.style()

    topology = traitlets.Dict().tag(sync=True)
    """What does not change; sent once."""
    present = traitlets.Dict().tag(sync=True)
    """What is said in words. Read off the run whenever a page asks, and set when the run has ended."""
    history = traitlets.Bytes(b"").tag(sync=True)
    """The frames of the last two minutes; as `present`."""

    def __init__(self, run: Run) -> None:
        self._run: Run | None = run
        self._last = status = run.status()
        self._feed = Feed()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = _loop_for(run)
        self._text = f"console of run {run.name!r}"
        super().__init__(topology=columns.topology(status, getattr(run, "url", None)), **self._feed.whole(status))
        self._controls = None if self._loop is None else Controls(run, self._loop, self.send)
        self.on_msg(self._on_message)
        if self._loop is None or status.state in columns.ENDED:
            self._let_go()
        else:
            run.on_end(self._on_end)

    def __repr__(self) -> str:
        return f"<{self._text}>"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data: dict[str, Any] = {"text/plain": repr(self), "text/html": twin(self._status())}
        data[WIDGET] = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return data, {}

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """The state of the widget. A page that begins asks for all of it, and gets what is true at this moment."""
        state: dict[str, Any] = super().get_state(key, drop_defaults)
        return state | self._feed.whole(self._status()) if key is None else state

    def _status(self) -> Status:
        return self._last if self._run is None else self._run.status()

    # What pages say. On whatever thread the kernel likes: nothing here waits or touches the loop but to call it.

    def _on_message(self, _: Any, message: dict[str, Any], __: Any) -> None:
        match message.get("do"):
            case "see":
                self._on_see(str(message["page"]), bool(message["visible"]))
            case "charts":
                self._on_charts(str(message["id"]), bool(message["have"]))
            case _ if self._controls is not None and self._run is not None:
                self._controls.press(message)
            case verb:
                reason = f"the run is {self._last.state}"
                self.send({"answer": str(message.get("id")), "verb": verb, "stage": "refused", "reason": reason})

    def _on_see(self, page: str, visible: bool) -> None:
        first = self._feed.viewers.saw(page, visible, SYSTEM_CLOCK.now())
        if self._loop is not None and self._run is not None and (first or self._timer is None):
            self._loop.call_soon_threadsafe(self._catch_up)

    def _on_charts(self, asked: str, have: bool) -> None:
        """In a thread of its own: the first import of Bokeh takes half a second."""

        def deliver() -> None:
            try:
                documents, library = charts.documents(self._status()), b"" if have else charts.library()
            except Exception as error:
                self.send({"answer": asked, "stage": "refused", "reason": repr(error)})
            else:
                self.send({"answer": asked, "stage": "done", "charts": documents}, [library])

        pool = ThreadPoolExecutor(1, "streamweave charts")
        pool.submit(deliver)
        pool.shutdown(wait=False)

    # On the loop.

    def _catch_up(self) -> None:
        """Somebody begins to look: send what was missed, and go on at the pace of frames."""
        if self._run is not None:
            whole = self._feed.whole(self._run.status())
            self.send({"present": whole["present"]}, [whole["history"]])
            self._look()

    def _look(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._run is None or self._loop is None or self.comm is None:  # has ended, or was closed
            return
        now, seen = SYSTEM_CLOCK.now(), glance(self._run) if isinstance(self._run, LocalRun) else self._run.status()
        if seen.state in columns.ENDED:
            return  # the last look is that of `_settle`
        self._show(seen, now)
        self._timer = self._loop.call_later(self._feed.pause(now), self._look)

    def _show(self, seen: Status | Glance, now: float) -> None:
        message = self._feed.look(seen, now)
        if message is not None:
            self.send(*message)

    def _on_end(self) -> None:
        """The run has ended, and is about to make its account. On the run's own loop."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        """Look for the last time, when the account is made."""
        if self._run is None or self._loop is None:
            return
        if not self._run.settled:
            self._loop.call_later(_ACCOUNT_SECONDS, self._settle)
            return
        self._last = self._run.status()
        self._show(self._last, SYSTEM_CLOCK.now())
        self._let_go()
        whole = self._feed.whole(self._last)
        self.set_trait("present", whole["present"])  # so that a notebook which keeps widgets keeps the outcome
        self.set_trait("history", whole["history"])

    def _let_go(self) -> None:
        """A widget lives as long as its kernel; what it has shown need not."""
        if self._timer is not None:
            self._timer.cancel()
        self._run = self._controls = None


def _loop_for(run: Run) -> asyncio.AbstractEventLoop | None:
    """The kernel's loop, on which widgets are written; outside of one the run's own, or that on which it is asked."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        loop: asyncio.AbstractEventLoop | None = getattr(run, "loop", None)
        return loop
