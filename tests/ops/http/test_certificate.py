"""A certificate that is renewed while a run is served, and the end of a server that speaks TLS."""

from __future__ import annotations

import gc
import shutil
import socket
import ssl
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from time import sleep

import pytest

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.ops.http import certificate
from streamweave_lab.ops.http.certificate import Certificate
from streamweave_lab.ops.server import serve
from tests.ops.http.conftest import TOKEN

EC = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
RSA = ("rsa:2048",)
Made = Callable[..., tuple[str, str]]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Write a certificate of that name and its key; the paths of both."""

    def make(name: str, *kind: str) -> tuple[str, str]:
        cert, key = str(tmp_path / f"{name}.pem"), str(tmp_path / f"{name}.key")
        to = ["-subj", f"/CN={name}", "-keyout", key, "-out", cert]
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", *(kind or EC), "-nodes", *to], check=True, capture_output=True
        )
        return cert, key

    return make


def shown(port: int) -> bytes:
    """The certificate that a new connection meets."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 20) as plain, trusting.wrap_socket(plain) as connection:
        found = connection.getpeercert(binary_form=True)
    assert found is not None
    return found


def der(cert: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert(Path(cert).read_text())


def until(true: Callable[[], bool]) -> None:
    end = SYSTEM_CLOCK.now() + 30
    while not true():
        assert SYSTEM_CLOCK.now() < end
        sleep(0.05)


def test_new_connections_meet_a_renewed_certificate_and_a_broken_one_leaves_the_one_before(
    run: LocalRun, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificate, "LOOK_SECONDS", 0.05)
    (cert, key), renewed = made("first"), made("second")
    with serve(run, token=TOKEN, certfile=cert, keyfile=key) as server:
        assert shown(server.port) == der(cert)
        shutil.copy(renewed[0], cert)
        shutil.copy(renewed[1], key)
        until(lambda: shown(server.port) == der(renewed[0]))
        until(lambda: "tls.renewed" in [event.event for event in run.events])
        Path(key).write_text("no key")
        until(lambda: run.events[0].event == "tls.refused")
        assert cert in run.events[0].message
        assert run.events[0].message.endswith("; connections go on with the certificate before")
        assert shown(server.port) == der(renewed[0])


def test_one_that_is_still_being_written_is_left_alone_and_one_of_another_kind_takes_its_place(made: Made) -> None:
    told: list[str] = []
    (cert, key), other = made("first"), made("second", *RSA)
    found = Certificate(cert, key)
    listening = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    listening.load_cert_chain(cert, key)
    found.used_by(listening)

    def look() -> list[str]:
        found.look(lambda event, _message, _level: told.append(event))
        return told

    assert look() == []
    shutil.copy(other[0], cert)
    assert look() == [], "it may be that the key comes in a moment"
    shutil.copy(other[1], key)
    assert look() == []
    assert look() == ["tls.renewed"]
    assert look() == ["tls.renewed"]
    assert met(listening) == der(cert)


def met(listening: ssl.SSLContext) -> bytes:
    """What a client of it meets, without a network."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    server, client = listening.wrap_bio(up, down, server_side=True), trusting.wrap_bio(down, up)
    for _ in range(3):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    found = client.getpeercert(binary_form=True)
    assert found is not None
    return found


def test_a_server_that_closes_leaves_no_connection_of_who_does_not_answer_its_farewell(
    run: LocalRun, made: Made
) -> None:
    cert, key = made("first")
    trusting = ssl.create_default_context(cafile=cert)
    trusting.check_hostname = False
    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always")
        server = serve(run, token=TOKEN, certfile=cert, keyfile=key)
        with (
            socket.create_connection(("127.0.0.1", server.port), 20) as plain,
            trusting.wrap_socket(plain) as silent,
        ):
            silent.sendall(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert silent.recv(8) == b"HTTP/1.1"
            server.close()
            gc.collect()
    assert [str(each.message) for each in left if each.category is ResourceWarning] == []
