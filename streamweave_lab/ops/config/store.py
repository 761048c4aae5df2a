"""The journal of configuration versions: one line of JSON for each step of each, on the disk before it counts.

Every line holds the checksum of itself and of the line before, so that a line that was changed, cut or taken out is
found; a damaged journal is named, set aside and never gone on from. Secrets are masked before they come here.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from hashlib import sha256
from io import FileIO
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamweave_lab.config.history import OUTCOMES, Version
from streamweave_lab.config.plan import Change
from streamweave_lab.errors import ConfigError, StateError

if TYPE_CHECKING:
    from streamweave_lab.engine.run import LocalRun

FORMAT = 1
_KNOWN = {each.name for each in fields(Version)}
_JOURNAL = re.compile(rb"^[0-9a-f]{64} \{|\A[0-9a-f]{0,64}\0*\Z", re.MULTILINE)
"""What only a journal holds: a line of it, or what a power cut has left of its first."""


class DamagedError(StateError):
    """A line of a journal was torn, changed or taken out. `mend` makes good what can be."""

    def __init__(self, path: Path, number: int, how: str, *, torn: bool = False) -> None:
        self.number, self.how, self.torn = number, how, torn
        then = "drops that line" if torn else "sets it aside and begins a new one; nothing of it is trusted"
        super().__init__(f"{path}: line {number} is damaged, {how}; the next run that is given it as --history {then}")


class Journal:
    """The file `path` with the configuration versions of `graph`. It is made, with its folder, where it is missing.

    With None it may be of any graph, and is only read.
    """

    def __init__(self, path: str | os.PathLike[str], graph: str | None) -> None:
        self.path, self.graph = Path(path), graph

    def __repr__(self) -> str:
        return f"Journal({str(self.path)!r}, {self.graph!r})"

    def versions(self) -> tuple[Version, ...]:
        """All that were written, the newest first, each with its last outcome; none where there is no file.

        Raises: StateError naming the line that is damaged, or if it is no journal at all or another graph's.
        """
        content = self._content()
        if damage := self._damage(content):
            raise damage
        # Not by id alone: two processes that overlap, as in a rolling upgrade, give the same ids.
        found = {(version.id, version.at): version for _, version in self._lines(content)}
        return tuple(found[place] for place in sorted(found, reverse=True))

    def check(self) -> None:
        """Look whether it can be gone on from, perhaps once it is mended; nothing is touched. Raises: as `mend`."""
        self._damage(self._content())

    def mend(self) -> str:
        """Make it one that can be gone on from. Returns: what was wrong and what was done; "" if it was sound.

        A last line that was not written to its end is cut off. A journal that is damaged elsewhere is set aside,
        beside its place, so that a new one can begin.

        Raises: StateError, and nothing is touched, if it is no journal at all or another graph's; OSError.
        """
        if not self.path.exists():
            return ""
        with self._alone() as file:
            content = file.read()
            damage = self._damage(content)
            if damage is None:
                return ""
            if damage.torn:
                file.truncate(content.rfind(b"\n") + 1)
                os.fsync(file.fileno())
                return f"{self.path}: line {damage.number}, its last, was not written to its end, and is dropped"
            aside = _free(self.path)
            self.path.rename(aside)
            _secure_folder(self.path.parent)
            what = f"line {damage.number} is damaged, {damage.how}"
            return f"{self.path}: {what}; it is set aside as {aside.name}, and a new one begins"

    def write(self, version: Version) -> None:
        """Add a line, and see it onto the disk. No line is lost where two processes write to one journal for a while.

        Raises: StateError if the journal is damaged; OSError if it cannot be written.
        """
        with self._alone() as file:
            before = "".join([check for check, _ in self._lines(file.read())][-1:])
            body = {"format": FORMAT, "graph": self.graph, **version.public()}
            text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=repr)
            line = f"{_checksum(before, text)} {text}\n".encode("utf-8", "backslashreplace")
            file.seek(0, os.SEEK_END)
            start = file.tell()
            try:
                if file.write(line) < len(line):
                    raise OSError(errno.ENOSPC, "there was no room for all of it")
                os.fsync(file.fileno())
            except OSError:
                file.truncate(start)  # a full disk must not leave half a line
                raise

    def _content(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH)  # nobody is in the midst of a line
                return file.read()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise StateError(f"{self.path} cannot be read: {error.strerror}") from None

    def _damage(self, content: bytes) -> DamagedError | None:
        """What `mend` would make good. Raises: StateError where it would not."""
        try:
            for _ in self._lines(content):
                pass
        except DamagedError as damage:
            if not _JOURNAL.search(content):
                raise StateError(f"{self.path} is no journal of a configuration; name another file") from None
            return damage
        return None

    def _lines(self, content: bytes) -> Iterator[tuple[str, Version]]:
        before = ""
        *lines, rest = content.split(b"\n")
        for number, line in enumerate(lines, 1):
            check, _, text = line.decode("utf-8", "replace").partition(" ")
            if _checksum(before, text) != check:
                how = "its checksum is wrong: it was changed, or a line before it taken out"
                raise DamagedError(self.path, number, how)
            yield check, self._version(json.loads(text), number)
            before = check
        if rest:
            raise DamagedError(self.path, len(lines) + 1, "it was not written to its end", torn=True)

    def _version(self, body: dict[str, Any], number: int) -> Version:
        if body.get("format") != FORMAT:
            raise StateError(
                f"{self.path}: line {number} was written by a newer release; install that, or move it away"
            )
        if self.graph is not None and body["graph"] != self.graph:
            raise StateError(f"{self.path} is the journal of graph {body['graph']!r}, not {self.graph!r}; name another")
        known = {name: value for name, value in body.items() if name in _KNOWN}
        known["changes"] = tuple(Change(**change) for change in known["changes"])
        known["notes"] = tuple(known["notes"])
        if known["outcome"] not in OUTCOMES:
            raise DamagedError(self.path, number, f"{known['outcome']!r} is no outcome")
        return Version(**known)

    @contextmanager
    def _alone(self) -> Iterator[FileIO]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            new = not self.path.exists()
            with self.path.open("a+b", buffering=0) as file:  # what could not be written must not wait in a buffer
                fcntl.flock(file, fcntl.LOCK_EX)
                if not self._is(file):
                    continue  # it was set aside while we waited
                if new:
                    _secure_folder(self.path.parent)
                file.seek(0)
                yield file
                return

    def _is(self, file: FileIO) -> bool:
        try:
            return os.path.samestat(os.fstat(file.fileno()), self.path.stat())
        except FileNotFoundError:
            return False


def keep_history(run: LocalRun, path: str | os.PathLike[str]) -> None:
    """See `LocalRun.keep_history`."""
    if run.config is None:
        raise ConfigError(f"run {run.name!r}", ("it was started without a configuration; pass config= to start",))
    history = run.history
    if len(history) != 1 or history.keeper is not None:
        raise StateError(f"run {run.name!r} has a history already; keep it from its beginning, before any change")
    journal = Journal(path, run.name)
    try:
        mended = journal.mend()
    except OSError as error:
        raise _unwritable(journal, error) from error
    earlier, first = journal.versions(), history.versions[0]
    last = next((version for version in earlier if version.was_in_force), None)
    number = max((version.version or 0 for version in earlier), default=0) + 1
    if last is not None and last.version is not None and last.fingerprint == first.fingerprint:
        number = last.version
    restores = last.restores if last is not None and last.version == number else None
    started = replace(first, id=earlier[0].id + 1 if earlier else 1, version=number, restores=restores)
    try:
        journal.write(started)
    except OSError as error:
        raise _unwritable(journal, error) from error
    history.goes_on(earlier, started)
    history.keeper, history.place = journal.write, str(journal.path)
    run.config_version = number
    if mended:
        run.told("config.journal_mended", mended, level="warning")


def _unwritable(journal: Journal, error: OSError) -> StateError:
    return StateError(f"{journal.path} cannot be written: {error.strerror or error}")


def _free(path: Path) -> Path:
    """A name beside `path` that nothing has."""
    names = (path.with_name(f"{path.name}.damaged-{number}") for number in count(1))
    return next(name for name in names if not name.exists())


def _checksum(before: str, text: str) -> str:
    return sha256(f"{before} {text}".encode("utf-8", "backslashreplace")).hexdigest()


def _secure_folder(folder: Path) -> None:
    """A new file is there after a power cut only if its folder was brought to the disk too."""
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


__all__ = ["DamagedError", "Journal", "keep_history"]
