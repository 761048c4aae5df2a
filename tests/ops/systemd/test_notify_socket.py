"""The notify socket and its variables."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from streamweave_lab.errors import ConfigError
from streamweave_lab.ops.systemd.notify_socket import NotifySocket, status_line, watchdog_seconds
from tests.ops.systemd.notify_manager import Manager, Message, managing


@pytest.fixture
def manager() -> Iterator[Manager]:
    with managing() as manager:
        yield manager


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


@pytest.mark.parametrize("said", ["a\nREADY=1\r\n\u2028b", "\ud800 broken", "€" * 4000])
def test_a_status_is_one_line_of_a_length_that_systemd_takes(said: str) -> None:
    line = status_line(said)
    assert len(line.splitlines()) == 1
    assert len(line.encode()) <= 510
    assert line.startswith("STATUS=")
