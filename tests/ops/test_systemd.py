from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import streamweave_lab as sw
from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.errors import ConfigError, RunFailedError
from streamweave_lab.ops.notify_socket import NotifySocket, status_line, watchdog_seconds
from streamweave_lab.ops.systemd import notifier_of, notifying

Message = dict[str, str]


class Settings(sw.Config):
    limit: int = sw.live(3, ge=1)
    fixed: int = 1


class Manager:
    """A service manager's end of the notify socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.environ = {"NOTIFY_SOCKET": address}
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address[0] == "@" else address)
        self.socket.setblocking(False)

    def go(self) -> None:
        self.socket.close()
        Path(self.address).unlink()

    def heard(self) -> list[Message]:
        """Every message so far, each as assignments."""
        found: list[Message] = []
        while True:
            try:
                message = self.socket.recv(10_000).decode()
            except BlockingIOError:
                return found
            found.append(dict(line.split("=", 1) for line in message.split("\n")))


@pytest.fixture
def manager() -> Iterator[Manager]:
    with tempfile.TemporaryDirectory() as folder:  # a path of at most 107 bytes, which tmp_path may exceed
        manager = Manager(str(Path(folder) / "notify"))
        with manager.socket:
            yield manager


async def ticks() -> AsyncIterator[int]:
    while True:
        yield 1
        await asyncio.sleep(0.001)


async def forever(_: int) -> None:
    await asyncio.Event().wait()


def endless(name: str = "endless", *, held: bool = False) -> sw.Graph:
    sink: sw.Sink[int] = sw.ForEach("sink", forever) if held else sw.Count("sink")
    return sw.Graph(name, sw.Replay("ticks", ticks()) >> sink)


def test_a_run_is_ready_then_stopping_and_both_once(manager: Manager) -> None:
    async def main() -> None:
        run = endless().start()
        with notifying(run, manager.environ):
            await run.drain()
            assert not any("STOPPING" in message for message in manager.heard()[1:]), "the process may live on"

    asyncio.run(main())
    (stopping,) = manager.heard()
    assert stopping["STOPPING"] == "1"
    assert stopping["STATUS"].startswith("drained, 0 items dropped; ")


def test_ready_is_said_at_once_with_a_sentence_for_systemctl_status(manager: Manager) -> None:
    async def main() -> None:
        run = endless().start(Settings())
        with notifying(run, manager.environ):
            (first,) = manager.heard()
            assert first == {"READY": "1", "STATUS": "running; 0 items in; configuration version 1"}
            await run.stop()

    asyncio.run(main())


def test_a_reload_from_elsewhere_is_reloading_then_ready_again(manager: Manager) -> None:
    async def main() -> None:
        run = endless().start(Settings())
        with notifying(run, manager.environ):
            manager.heard()
            before = SYSTEM_CLOCK.now()
            await run.configure(limit=5)
            reloading, again = manager.heard()
            assert reloading["RELOADING"] == "1"
            assert before * 1e6 <= int(reloading["MONOTONIC_USEC"]) + 1 <= SYSTEM_CLOCK.now() * 1e6 + 1
            assert again["READY"] == "1"
            assert "configuration version 2" in again["STATUS"]
            await run.stop()

    asyncio.run(main())


def test_a_refused_reload_is_ready_again_too_and_status_says_why_until_one_is_applied(manager: Manager) -> None:
    async def main() -> None:
        run = endless().start(Settings())
        with notifying(run, manager.environ):
            manager.heard()
            await run.configure(limit=0)
            reloading, again = manager.heard()
            assert (reloading["RELOADING"], again["READY"]) == ("1", "1")
            assert "reload refused: limit" in again["STATUS"]
            await run.configure(limit=7)
            assert "refused" not in manager.heard()[-1]["STATUS"]
            await run.stop()

    asyncio.run(main())


def test_around_a_reload_that_a_signal_began_nothing_is_said_twice(manager: Manager) -> None:
    async def main() -> None:
        run = endless().start(Settings())
        with notifying(run, manager.environ):
            notifier = notifier_of(run)
            assert notifier is not None
            manager.heard()
            notifier.reload_begins()
            await run.configure(limit=9)
            notifier.reload_ended()
            assert ["READY" in message for message in manager.heard()] == [False, True]
            await run.stop()
        assert notifier_of(run) is None

    asyncio.run(main())


def test_a_long_drain_asks_for_more_time_again_and_again(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamweave_lab.ops.systemd.LOOK_SECONDS", 0.02)

    async def main() -> None:
        run = endless(held=True).start()
        with notifying(run, manager.environ):
            await asyncio.sleep(0.05)
            assert not any("EXTEND_TIMEOUT_USEC" in message for message in manager.heard())
            await run.drain(timeout=0.3)
            extended = [message for message in manager.heard() if "EXTEND_TIMEOUT_USEC" in message]
            assert len(extended) >= 3
            assert {message["EXTEND_TIMEOUT_USEC"] for message in extended} == {"15000000"}
            assert extended[-1]["STATUS"].startswith("draining for 0 s, now ")

    asyncio.run(main())
    assert "items dropped" in manager.heard()[-1]["STATUS"]


def test_the_watchdog_hears_from_the_loop_at_half_of_its_time_and_not_while_the_loop_is_blocked(
    manager: Manager,
) -> None:
    environ = manager.environ | {"WATCHDOG_USEC": "100000", "WATCHDOG_PID": str(os.getpid())}

    async def main() -> None:
        run = endless().start()
        with notifying(run, environ):
            await asyncio.sleep(0.3)
            beats = manager.heard().count({"WATCHDOG": "1"})
            assert 3 <= beats <= 8, "every 50 ms"
            blocked = SYSTEM_CLOCK.now() + 0.3
            while SYSTEM_CLOCK.now() < blocked:
                pass
            assert manager.heard() == []
            await asyncio.sleep(0.06)
            assert {"WATCHDOG": "1"} in manager.heard()
            await run.stop()

    asyncio.run(main())


def test_the_watchdog_of_another_process_is_not_ours() -> None:
    assert watchdog_seconds({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}) is None
    assert watchdog_seconds({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}) == 3.0
    assert watchdog_seconds({"WATCHDOG_USEC": "3000000"}) == 3.0
    assert watchdog_seconds({}) is None


@pytest.mark.parametrize("value", ["", "soon", "0", "-5"])
def test_a_watchdog_time_that_is_none_is_a_configuration_error(value: str) -> None:
    with pytest.raises(ConfigError, match=rf"environment WATCHDOG_USEC: '{value}' is no number of microseconds"):
        watchdog_seconds({"WATCHDOG_USEC": value})


def test_a_socket_address_that_systemd_would_not_set_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="environment NOTIFY_SOCKET: 'vsock:2:1' is no socket"):
        NotifySocket("vsock:2:1")


def test_an_abstract_socket_is_reached() -> None:
    manager = Manager(f"@streamweave-test-{os.getpid()}")
    with manager.socket:
        out = NotifySocket(manager.address)
        out.say("READY=1", "STATUS=here")
        out.close()
        assert manager.heard() == [{"READY": "1", "STATUS": "here"}]


def test_what_a_busy_manager_has_no_room_for_is_said_later_but_no_old_watchdogs(manager: Manager) -> None:
    out = NotifySocket(manager.address)
    for number in range(50):
        out.say(f"STATUS={number}")
    for _ in range(50):
        out.say("WATCHDOG=1")
    first = manager.heard()
    assert 0 < len(first) < 50, "the socket's queue is short"
    rest: list[Message] = []
    while len(first) + len(rest) < 50:
        out.say_kept()
        rest += manager.heard()
    assert [message["STATUS"] for message in first + rest] == [str(number) for number in range(50)]
    out.close()


def test_a_manager_that_is_gone_harms_nothing(manager: Manager) -> None:
    async def main() -> None:
        run = endless().start()
        with notifying(run, manager.environ):
            manager.go()
            assert (await run.drain()).complete

    asyncio.run(main())


def test_without_a_manager_nothing_is_done() -> None:
    async def main() -> None:
        run = endless().start()
        with notifying(run, {"WATCHDOG_USEC": "nonsense"}):
            assert notifier_of(run) is None
            await run.stop()

    asyncio.run(main())


def test_in_a_jupyter_kernel_that_a_service_began_nothing_is_said(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = SimpleNamespace(IPKernelApp=SimpleNamespace(initialized=lambda: True))
    monkeypatch.setitem(sys.modules, "ipykernel.kernelapp", kernel)

    async def main() -> None:
        run = endless().start()
        with notifying(run, manager.environ):
            await run.stop()

    asyncio.run(main())
    assert manager.heard() == []


def test_a_failure_is_told_without_the_item_that_the_error_quotes(manager: Manager) -> None:
    async def main() -> None:
        run = sw.Graph("g", sw.Replay("in", ["secret"]) >> sw.Map("parse", int) >> sw.Count("n")).start()
        with notifying(run, manager.environ), pytest.raises(RunFailedError):
            await run.done()

    asyncio.run(main())
    last = manager.heard()[-1]
    assert (last["STOPPING"], last["STATUS"]) == ("1", "failed in parse; see the log; 1 items in")


def test_a_run_that_ends_before_anybody_looks_was_ready_all_the_same(manager: Manager) -> None:
    async def main() -> None:
        run = sw.Graph("g", sw.Replay("in", [1]) >> sw.Count("n")).start()
        await run.done()
        with notifying(run, manager.environ):
            pass

    asyncio.run(main())
    assert [next(iter(message)) for message in manager.heard()] == ["STATUS", "READY", "STOPPING"]


@pytest.mark.parametrize("said", ["a\nREADY=1\r\n\u2028b", "\ud800 broken", "€" * 4000])
def test_a_status_is_one_line_of_a_length_that_systemd_takes(said: str) -> None:
    line = status_line(said)
    assert len(line.splitlines()) == 1
    assert len(line.encode()) <= 510
    assert line.startswith("STATUS=")
