"""Watching the files of a configuration, and reloading when their content has changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamweave_lab.config.model import files_of
from streamweave_lab.engine.actor import acting
from streamweave_lab.errors import ConfigError, IllegalMoveError, MissingExtraError

if TYPE_CHECKING:
    from streamweave_lab.config.plan import Plan
    from streamweave_lab.engine.reports import Reloaded
    from streamweave_lab.engine.run import LocalRun

_LOOK_ANYWAY = 1.0
"""Seconds: folders that come and go, network drives, and a run that was paused send no word."""
_SETTLED = 0.1
"""Seconds without further word until what was written is looked at."""


class Watch:
    """Reloads a run when a file of its configuration changes, until it is closed or the run ends."""

    def __init__(self, run: LocalRun, files: tuple[Path, ...], verify: float) -> None:
        self._run, self._verify = run, verify
        self.files = tuple(path.absolute() for path in files)
        """The files that are watched: the configuration's own, and those of its secrets."""
        self._seen: tuple[bytes | None, ...] | None = None
        self._was_refused = False
        self._over = threading.Event()
        run.on_end(self._over.set)
        threading.Thread(target=self._watch, name=f"watch {files[0].name}", daemon=True).start()

    def __repr__(self) -> str:
        return f"<Watch of {', '.join(path.name for path in self.files)}: {'closed' if self.closed else 'watching'}>"

    @property
    def closed(self) -> bool:
        """It watches no more."""
        return self._over.is_set()

    def close(self) -> None:
        """Watch no more. At once: a change that is under way goes on without it."""
        self._over.set()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # In its thread.

    def _watch(self) -> None:
        while not self._over.is_set():
            folders = [folder for folder in dict.fromkeys(path.parent for path in self.files) if folder.is_dir()]
            if not folders:
                self._over.wait(_SETTLED)
                self._look()
                continue
            try:
                for _ in self._words(folders):
                    self._look()
                    if not all(folder.is_dir() for folder in folders):
                        break
            except (OSError, RuntimeError):  # a folder has gone meanwhile; or the system gives no more words
                self._over.wait(_LOOK_ANYWAY)
                self._look()

    def _words(self, folders: list[Path]) -> Iterator[object]:
        """A word from the system, or the time for a look without one.

        Folders and not files: editors put a new file in the place of the old one, and Kubernetes another link
        `..data` beside the links that a mounted folder shows.
        """
        from watchfiles import watch

        settled = int(_SETTLED * 1000)
        return watch(
            *folders, watch_filter=None, recursive=False, stop_event=self._over, raise_interrupt=False, debounce=1600,
            step=settled, rust_timeout=int(_LOOK_ANYWAY * 1000), yield_on_timeout=True, ignore_permission_denied=True,
        )  # fmt: skip

    def _look(self) -> None:
        if self._over.is_set() or self._run.status().state != "running":
            return  # a paused run takes no configuration: it is asked when it goes on
        content = self._content()
        with (
            acting(f"file {self.files[0].name}"),
            suppress(IllegalMoveError, CancelledError, RuntimeError),  # the run has ended meanwhile
        ):
            if self._is_due(content):
                self._seen = content
                self._reload()

    def _is_due(self, content: tuple[bytes | None, ...]) -> bool:
        """There is something new to be applied, or to be refused."""
        if self._seen is None:  # changed after it was read, and before it was watched?
            self._seen = content
            return self._planned(if_wrong=True)
        # What was refused may have become right without it: when a secret that it names is there at last.
        return content != self._seen or (self._was_refused and self._planned(if_wrong=False))

    def _planned(self, *, if_wrong: bool) -> bool:
        try:
            plan: Plan | None = self._answer(self._run.ask("plan"))
        except ConfigError:
            return if_wrong
        return plan is not None and bool(plan.changes) and (if_wrong or not plan.refused)

    def _reload(self) -> None:
        report: Reloaded | None = self._answer(self._run.ask("reload", verify=self._verify))
        self._was_refused = report is not None and not report.applied and not report.rolled_back
        config = self._run.config
        files = tuple(path.absolute() for path in files_of(config)) if config is not None else ()
        if files and files != self.files:
            self.files, self._seen = files, None

    def _answer(self, asked: Future[Any]) -> Any:
        """What the run answers; None if this is closed before: a loop that is closed answers nobody."""
        while not self._over.is_set():
            with suppress(TimeoutError):
                return asked.result(_LOOK_ANYWAY)
        return None

    def _content(self) -> tuple[bytes | None, ...]:
        """Digests of all the files; None for one that cannot be read."""
        return tuple(map(_digest, self.files))


def watch_config(run: LocalRun, *, verify: float = 5.0) -> Watch:
    """See `LocalRun.watch_config`."""
    try:
        import watchfiles  # noqa: F401 - to say at once that it is not there
    except ImportError:
        raise MissingExtraError("watching configuration files", "ops") from None
    files = files_of(run.config) if run.config is not None else ()
    if not files:
        said = "there is no file to watch; start it with a configuration from Config.load(path)"
        raise ConfigError(f"run {run.name!r}", (said,))
    if run.loop is None:
        raise IllegalMoveError(run.name, "watch its configuration", "virtual")
    return Watch(run, files, verify)


def _digest(path: Path) -> bytes | None:
    try:
        return sha256(path.read_bytes()).digest()
    except OSError:
        return None


__all__ = ["Watch", "watch_config"]
