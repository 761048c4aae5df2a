"""One run at a time keeps the state of a graph in a store."""

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from streamweave_lab.errors import StateError, StoreHeldError
from streamweave_lab.state import Checkpoint, FolderStore, Info, SqliteStore, Store
from streamweave_lab.state import remote_place as remote
from streamweave_lab.state.folder_files import RemoteFiles
from streamweave_lab.state.local_place import LocalPlace
from streamweave_lab.state.place import Holder, always
from streamweave_lab.testing.stores import example

HOLDER = """
import sys, time
from streamweave_lab.state import FolderStore, SqliteStore
from streamweave_lab.testing.stores import example
store = SqliteStore(sys.argv[1]) if sys.argv[1].endswith(".db") else FolderStore(sys.argv[1])
place = store.hold("flights")
place.write(example("flights"))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture(params=["kept.db", "kept", "file://kept"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    kind: str = request.param
    return f"file://{tmp_path}/kept" if "://" in kind else str(tmp_path / kind)


def store_at(where: str) -> Store:
    return SqliteStore(where) if where.endswith(".db") else FolderStore(where)


@pytest.fixture
def holding() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start another process that has the place, and wait until it has."""
    started: list[subprocess.Popen[str]] = []

    def start(where: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, "-c", HOLDER, where], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_second_process_is_refused_and_told_who_is_there_until_that_is_killed(
    where: str, holding: Callable[[str], subprocess.Popen[str]]
) -> None:
    process, store = holding(where), store_at(where)
    with pytest.raises(StoreHeldError) as refused:
        store.hold("flights")
    assert "a run of 'flights' keeps its state there already" in str(refused.value)
    assert f"process {process.pid} on " in str(refused.value)
    assert "end that run first, or give this one another store" in str(refused.value)
    assert isinstance(refused.value.__cause__, BlockingIOError)
    store.hold("weather").leave()
    process.send_signal(signal.SIGKILL)
    process.wait()
    with store.hold("flights") as place:
        assert place.write(example("flights", 2)).id == 2
    store.close()


def test_a_process_that_stands_still_keeps_its_place(
    where: str, holding: Callable[[str], subprocess.Popen[str]]
) -> None:
    process = holding(where)
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(StoreHeldError, match=f"process {process.pid} on"):
        store_at(where).hold("flights")


def test_another_run_in_the_same_process_is_told_as_such(where: str) -> None:
    store = store_at(where)
    with store.hold("flights"), pytest.raises(StoreHeldError, match="another run in this process, since 2"):
        store_at(where).hold("flights")
    store.close()


def test_nothing_stays_beside_a_store_when_the_place_is_left(where: str, tmp_path: Path) -> None:
    store = store_at(where)
    with store.hold("Flüge/nach Oslo") as place:
        place.write(example("Flüge/nach Oslo"))
    store.close()
    assert not [path for path in tmp_path.rglob("*") if "held" in path.name]


def test_a_place_whose_file_was_deleted_is_lost(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "kept.db")
    place = store.hold("flights")
    (tmp_path / "kept.db-flights.held").unlink()
    other = store.hold("flights")
    with pytest.raises(StoreHeldError, match=r"has lost its place there \(its file was deleted or replaced\)"):
        place.write(example("flights"))
    place.leave()
    assert other.write(example("flights")).id == 1
    other.leave()
    store.close()


def test_a_place_on_a_full_disk_says_what_helps(tmp_path: Path) -> None:
    def write(_: Checkpoint) -> Info:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with (
        LocalPlace(tmp_path / "lock", "plant", "the store", write, always).take() as place,
        pytest.raises(StateError, match=r"the store cannot be written: .*No space left .*; make room on its disk"),
    ):
        place.write(example("plant"))


def test_two_names_that_differ_in_case_or_signs_only_have_two_places(where: str) -> None:
    store = store_at(where)
    places = [store.hold(graph) for graph in ("a b", "a_b", "A_b", "a/b")]
    for place in places:
        place.leave()
    store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is one kind of lock")
def test_who_only_looks_whether_a_place_is_held_keeps_nobody_from_taking_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    store = SqliteStore(tmp_path / "kept.db")
    lock = tmp_path / "kept.db-flights.held"
    lock.touch()  # of a run that was killed
    looker, flock = os.open(lock, os.O_RDONLY), fcntl.flock
    fcntl.flock(looker, fcntl.LOCK_SH)

    def first_met_by_a_looker(handle: int, how: int) -> None:
        try:
            flock(handle, how)
        finally:
            if how & fcntl.LOCK_SH:  # it has looked
                flock(looker, fcntl.LOCK_UN)

    monkeypatch.setattr(fcntl, "flock", first_met_by_a_looker)
    with store.hold("flights") as place:
        place.write(example("flights"))
    os.close(looker)


def test_a_link_to_a_store_leads_to_the_same_place(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "kept.db")
    store = SqliteStore(tmp_path / "kept.db")
    store.write(example("flights"))
    with store.hold("flights"), pytest.raises(StoreHeldError):
        SqliteStore(tmp_path / "link.db").hold("flights")
    store.close()


class Waiting(FolderStore):
    """Its writes wait until they may go on."""

    def __init__(self, base: str) -> None:
        super().__init__(base)
        self.begun, self.may = threading.Event(), threading.Event()

    def write(self, checkpoint: Checkpoint) -> Info:
        self.begun.set()
        assert self.may.wait(60)
        return super().write(checkpoint)


def test_who_comes_next_waits_for_the_last_write_of_who_has_left(tmp_path: Path) -> None:
    store = Waiting(f"{tmp_path}/kept")
    place = store.hold("flights")
    writing = threading.Thread(target=place.write, args=(example("flights", 1),))
    writing.start()
    assert store.begun.wait(60)
    place.leave()
    threading.Timer(0.05, store.may.set).start()
    after = FolderStore(store.base).hold("flights")
    assert [info.epoch for info in FolderStore(store.base).list("flights")] == [1]
    writing.join()
    after.leave()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_forked_child_does_not_keep_the_place_of_its_parent(tmp_path: Path) -> None:
    code = """
import os, sys, time
from streamweave_lab.state import SqliteStore
place = SqliteStore(sys.argv[1]).hold("flights")
if os.fork():
    os._exit(1)
print(os.getpid(), flush=True)
time.sleep(30)
"""
    path = tmp_path / "kept.db"
    parent = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.wait()
    try:
        SqliteStore(path).hold("flights").leave()
    finally:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        parent.stdout.close()


# Where nothing can be locked.


def folder() -> tuple[FolderStore, str]:
    where = f"memory://{uuid4().hex}"
    return FolderStore(where), where


def note(where: str, **changes: object) -> None:
    """Say that another machine has the place."""
    there = Holder("elsewhere", 7, "", 1_700_000_000.0, remote.SYSTEM_CLOCK.wall(), "theirs")
    content = {**{name: getattr(there, name) for name in Holder.__slots__}, **changes}
    RemoteFiles(where, {}).note(".held-flights", Holder(**content).written())  # type: ignore[arg-type]


def test_at_a_url_who_shows_signs_of_life_keeps_the_place_and_who_does_not_loses_it() -> None:
    store, where = folder()
    note(where)
    told = r"process 7 on elsewhere, since 2023-11-14T22:13:20\+00:00; .* its place is free 60 s after its last sign"
    with pytest.raises(StoreHeldError, match=told):
        store.hold("flights")
    note(where, seen=remote.SYSTEM_CLOCK.wall() - 61)
    with store.hold("flights") as place:
        assert place.write(example("flights")).id == 1


def test_at_a_url_who_has_died_on_this_machine_is_followed_at_once() -> None:
    store, where = folder()
    me = Holder.me()
    note(where, host=me.host, pid=me.pid, process=f"{me.process.split()[0]} 1")
    store.hold("flights").leave()
    note(where, host=me.host, pid=me.pid, process=me.process)  # this very process, but no run in it
    store.hold("flights").leave()


def test_at_a_url_who_has_lost_the_place_keeps_nothing_any_more() -> None:
    store, where = folder()
    place = store.hold("flights")
    place.write(example("flights"))
    note(where)
    with pytest.raises(StoreHeldError, match=r"has lost its place there \(it went to process 7 on elsewhere"):
        place.write(example("flights", 2))
    assert [info.epoch for info in store.list("flights")] == [1]
    place.leave()
    with pytest.raises(StoreHeldError, match="elsewhere"):
        store.hold("flights")


class Overtaken(FolderStore):
    """Another machine takes the place while it writes."""

    def write(self, checkpoint: Checkpoint) -> Info:
        info = super().write(checkpoint)
        note(self.base)
        return info


def test_at_a_url_what_was_written_while_the_place_was_lost_is_withdrawn() -> None:
    store = Overtaken(folder()[1])
    place = store.hold("flights")
    with pytest.raises(StoreHeldError, match="has lost its place"):
        place.write(example("flights"))
    assert store.list("flights") == ()


def until(fact: Callable[[], object]) -> None:
    waiting = threading.Event()
    for _ in range(6000):
        if fact():
            return
        waiting.wait(0.01)
    raise AssertionError("it did not come to be within a minute")


def sign_of_life(where: str) -> float | None:
    """When the last one was; None where nobody has the place."""
    holder = Holder.read(RemoteFiles(where, {}).read(".held-flights"))
    return None if holder is None else holder.seen


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "RENEWED", 0.01)


@pytest.mark.usefixtures("often")
def test_at_a_url_signs_of_life_are_renewed_while_the_run_is_alive() -> None:
    store, where = folder()
    alive = [True]
    place = store.hold("flights", lambda: bool(alive))
    first = sign_of_life(where) or 0.0
    until(lambda: (sign_of_life(where) or 0.0) > first)
    alive.clear()
    until(lambda: sign_of_life(where) is None)
    with pytest.raises(StoreHeldError):
        place.write(example("flights"))


@pytest.mark.usefixtures("often")
def test_at_a_url_a_write_that_takes_long_keeps_the_place_also_of_a_run_that_has_left_it() -> None:
    store = Waiting(folder()[1])
    place = store.hold("flights")
    writing = threading.Thread(target=place.write, args=(example("flights"),))
    writing.start()
    assert store.begun.wait(60)
    for leave in (lambda: None, place.leave):
        leave()
        before = sign_of_life(store.base) or 0.0
        until(lambda before=before: (sign_of_life(store.base) or 0.0) > before)
    store.may.set()
    writing.join()
    until(lambda: sign_of_life(store.base) is None)
    assert [info.epoch for info in store.list("flights")] == [1]


def test_at_a_url_who_leaves_does_not_wait_for_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    store, where = folder()
    place, may = store.hold("flights"), threading.Event()
    release = place._release
    monkeypatch.setattr(place, "_release", lambda: may.wait(60) and release())
    place.leave()
    assert sign_of_life(where) is not None
    may.set()
    until(lambda: sign_of_life(where) is None)


@pytest.mark.usefixtures("often")
def test_at_a_url_who_has_lost_the_place_knows_it_before_the_next_write() -> None:
    store, where = folder()
    place = store.hold("flights")
    assert not place.is_lost
    note(where)
    until(lambda: place.is_lost)
    place.leave()
    assert sign_of_life(where) is not None
