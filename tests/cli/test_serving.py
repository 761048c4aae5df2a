"""Where a run is served, and the token that is made for it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from streamweave_lab.cli.serving import Serving, address, made_if_missing
from streamweave_lab.errors import ConfigError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Count, Replay


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("8080", ("127.0.0.1", 8080)),
        ("0", ("127.0.0.1", 0)),
        (":8080", ("127.0.0.1", 8080)),
        ("0.0.0.0:8080", ("0.0.0.0", 8080)),
        ("[::1]:8080", ("::1", 8080)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_an_address_is_a_port_with_or_without_a_host(text: str, found: tuple[str, int]) -> None:
    assert address(text) == found


@pytest.mark.parametrize("text", ["", "host", "host:", "65536", "-1", "1.5", "8080:host", "host:80\u0665"])
def test_what_is_no_address_is_told_with_what_one_is(text: str) -> None:
    with pytest.raises(ValueError, match="is no address; write PORT or HOST:PORT"):
        address(text)


def test_a_token_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    file = tmp_path / "token"
    assert made_if_missing(file)
    text = file.read_text()
    assert len(text.strip()) >= 43
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not made_if_missing(file)
    assert file.read_text() == text
    with pytest.raises(ConfigError, match="it cannot be made: No such file or directory"):
        made_if_missing(tmp_path / "no" / "token")


def test_an_address_is_told_as_an_event_and_a_token_that_may_be_guessed_or_that_all_can_read_is_warned_of(
    tmp_path: Path,
) -> None:
    weak = tmp_path / "token"
    weak.write_text("x-weak-x\n")
    weak.chmod(0o644)
    graph = Graph("weak", Replay("n", range(3)) >> Count("count"))
    run = graph.run_to_end()
    serving = Serving("127.0.0.1", 0, weak, token_made=True)
    with serving.begin(run) as server:
        serving.tell(run, server)
    told = [(event.event, event.level, event.message) for event in run.events[:3]]
    assert told[::-1] == [
        ("server.started", "info", f"served at {server.url} (with a token; a new one was made, and is in {weak})"),
        (
            "server.weak_token",
            "warning",
            "warning: the token has fewer than 16 characters, and may be guessed; delete its file for a new one",
        ),
        ("server.weak_token", "warning", f"warning: all users of this machine can read {weak}; chmod 600 {weak}"),
    ]
    assert not any("x-weak-x" in message for _, _, message in told)
    weak.write_text("x" * 32)
    weak.chmod(0o600)
    before = len(run.events)
    with serving.begin(run) as server:
        serving.tell(run, server)
    assert [event.event for event in run.events[: len(run.events) - before]] == ["server.started"]
