"""What no decent client does. The run goes on, the answer says what was wrong, and others are answered meanwhile."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from statistics import median

import httpx
import pytest

import streamweave_lab as sw
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import RemoteError
from streamweave_lab.ops.http.limits import Limits
from streamweave_lab.ops.server import Server
from tests.ops.http.conftest import NO_TLS, TOKEN

Dial = Callable[[], socket.socket]


def told(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    got = b""
    try:
        while part := connection.recv(65536):
            got += part
    except ConnectionResetError:
        pass
    return got


def ends(connection: socket.socket, words: bytes) -> bool:
    """Send `words` again and again, until the other side has cut the connection."""
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        try:
            connection.sendall(words)
        except TimeoutError:
            continue
        except OSError:
            return True
        time.sleep(0.02)
    return False


def request(*lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def test_two_hundred_scrapes_at_once_are_all_answered_and_probes_between_them(steady: Server) -> None:
    opened = [socket.create_connection(("127.0.0.1", steady.port), timeout=60) for _ in range(200)]
    took: list[float] = []
    with httpx.Client(base_url=steady.url, verify=NO_TLS, timeout=60) as probing:
        probing.get("/live")
        for each in opened:
            each.sendall(request("GET /metrics HTTP/1.1", "Host: localhost", "Connection: close"))
        for _ in range(5):
            began = time.perf_counter()
            assert probing.get("/live").status_code == 200
            took.append(time.perf_counter() - began)
    answers = [told(each) for each in opened]
    for each in opened:
        each.close()
    assert all(answer.startswith(b"HTTP/1.1 200 OK") and b"streamweave_ready" in answer for answer in answers)
    assert median(took) < 1.0, "a probe's default timeout"


@pytest.mark.parametrize("limits", [Limits(connections=4, read_seconds=60.0)])
def test_whoever_holds_connections_and_asks_nothing_makes_room_for_a_probe(server: Server, dial: Dial) -> None:
    used = dial()
    used.sendall(request("GET /live HTTP/1.1", "Host: localhost"))
    assert used.recv(65536).startswith(b"HTTP/1.1 200")
    silent = [dial() for _ in range(12)]
    for each in silent:
        with suppress(OSError):  # it has been turned away already
            each.sendall(b"GET /live HT")
    assert httpx.get(f"{server.url}/live", timeout=60, verify=NO_TLS).status_code == 200
    assert b"HTTP" not in told(used), "who was answered is closed without a word"
    head, _, body = told(silent[0]).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"application/problem+json" in head
    assert json.loads(body)["detail"] == "there are too many connections; close some, or ask again after 1 s"


@pytest.mark.parametrize("limits", [Limits(connections=0)])
def test_a_client_of_a_server_that_is_full_is_told_so(server: Server) -> None:
    with pytest.raises(RemoteError, match="has too many connections"):
        sw.attach(server.url, TOKEN)


@pytest.mark.parametrize("limits", [Limits(read_seconds=1.0)])
def test_who_never_finishes_a_request_is_cut_off(dial: Dial, run: LocalRun) -> None:
    half_a_body = request(
        "POST /drain HTTP/1.1", "Host: localhost", f"Authorization: Bearer {TOKEN}", "Content-Length: 9"
    )
    begun = [b"", b"GET /live HT", b"GET /live HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", half_a_body + b"{"]
    connections = [dial() for _ in begun]
    began = time.monotonic()
    for connection, said in zip(connections, begun, strict=True):
        connection.sendall(said)
    assert [told(connection).split()[1] for connection in connections] == [b"408"] * 4
    assert time.monotonic() - began > 0.5
    assert run.status().state == "running"


@pytest.mark.parametrize("limits", [Limits(read_seconds=1.0)])
def test_who_sends_a_byte_now_and_then_is_cut_off_too_on_a_connection_that_was_used(dial: Dial) -> None:
    connection = dial()
    connection.sendall(request("GET /live HTTP/1.1", "Host: localhost"))
    assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    assert ends(connection, b"G")


@pytest.mark.parametrize("limits", [Limits(write_seconds=0.4, rate=1e6, burst=1_000_000)])
def test_who_does_not_take_its_answers_is_cut_off(dial: Dial, server: Server) -> None:
    connection = dial()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(0.2)
    assert ends(connection, request("GET /metrics HTTP/1.1", "Host: localhost") * 50)
    assert httpx.get(f"{server.url}/live", timeout=60).status_code == 200


def test_a_body_that_is_too_large_is_refused_whether_its_length_was_told_or_not(asking: httpx.Client) -> None:
    told_length = asking.post("/configure", content=b" " * 70_000)
    assert told_length.status_code == 413
    assert told_length.json()["detail"].startswith("the body is larger than 65536 bytes")
    parts = asking.post("/configure", content=(b" " * 10_000 for _ in range(8)))
    assert parts.status_code == 413


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"timeout": NaN}', 400),
        (b"[" * 5000, 400),
        (b'{"timeout": 1e999}', 422),
        (b'{"timeout": -1}', 422),
        (b'{"timeout": "5"}', 422),
        (b'{"timeout": true}', 422),
        (b'{"tmeout": 5}', 422),
        (b"[]", 422),
        (b"null", 422),
        (b'{"timeout": ' + b"9" * 5000 + b"}", 400),
        (b'{"why": "' + b"w" * 501 + b'"}', 422),
        (b'{"why": "\\ud800", "timeout": -1}', 400),
    ],
)
def test_a_malformed_body_is_a_problem_and_nothing_happens(asking: httpx.Client, body: bytes, status: int) -> None:
    answer = asking.post("/drain", content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["detail"].startswith(("the body is", "the body does not fit"))
    assert asking.get("/operations").json() == {"operations": []}


@pytest.mark.parametrize("wait", ["-1", "31", "nan", "inf", "1e400", "x", "", "9" * 5000, "%00"])
def test_a_time_to_wait_that_is_none_is_refused(asking: httpx.Client, wait: str) -> None:
    answer = asking.post(f"/pause?wait={wait}")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:streamweave:problem:invalid")


@pytest.mark.parametrize(
    "path",
    [
        "/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/operations/../status", "/operations/..%2fstatus", "//status",
        "/status/", "/STATUS", "/status;x=1", "/status%00", "/%73tatus%2f", "/operations/%ff%fe", "/opérations",
        "/operations/" + "x" * 8000, "/%", "/status%0d%0aSet-Cookie:%20a=b",
    ],
)  # fmt: skip
def test_no_trick_with_paths_leads_anywhere(steady: Server, path: str) -> None:
    with socket.create_connection(("127.0.0.1", steady.port), timeout=60) as connection:
        raw = path.encode("utf-8")
        auth = f"Authorization: Bearer {TOKEN}".encode()
        connection.sendall(
            b"GET " + raw + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + auth + b"\r\n\r\n"
        )
        answer = told(connection)
    assert answer.split()[1] in (b"404", b"400")
    assert b"set-cookie" not in answer.lower()


@pytest.mark.parametrize("path", ["/status", "/%73tatus", "/operations", "/events", "/config", "/plan", "/topology"])
def test_nothing_but_probes_and_metrics_is_open(steady: Server, path: str) -> None:
    assert httpx.get(steady.url + path, timeout=60).status_code == 401


def test_no_header_can_be_put_into_an_answer(asking: httpx.Client, steady: Server) -> None:
    for name in ("a b", "ü", "x" * 129, "a;b", ""):
        answer = asking.get("/live", headers={"X-Request-ID": name.encode("latin-1")})
        assert len(answer.headers["x-request-id"]) == 16, "one of the server's own"
    with socket.create_connection(("127.0.0.1", steady.port), timeout=60) as folded:
        folded.sendall(b"GET /live HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: a\r\n Set-Cookie: b=c\r\n\r\n")
        folded.shutdown(socket.SHUT_WR)
        assert b"set-cookie" not in told(folded).lower()


@pytest.mark.parametrize("key", [b"\xc3\xa9", b"with space", b"x" * 256, b""])
def test_an_idempotency_key_that_is_none_is_refused(asking: httpx.Client, key: bytes) -> None:
    assert asking.post("/pause", headers={"Idempotency-Key": key}).status_code == 422


@pytest.mark.parametrize(
    "said",
    [
        request("GET /live HTTP/1.1"),
        request("GET /live HTTP/1.1", "Host: localhost", "Host: evil.example"),
        request("GET /live HTTP/1.1", "Host: localhost:evil"),
        request("POST /pause HTTP/1.1", "Host: localhost", "Content-Length: 1", "Content-Length: 2"),
        request("POST /pause HTTP/1.1", "Host: localhost", "Content-Length: -1"),
        request("POST /pause HTTP/1.1", "Host: localhost", "Content-Length: " + "9" * 5000),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        b"\x00" * 100 + b"\r\n\r\n",
    ],
)
def test_what_is_not_http_is_answered_with_400(steady: Server, said: bytes) -> None:
    with socket.create_connection(("127.0.0.1", steady.port), timeout=60) as connection:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        answer = told(connection)
    assert answer.split()[1] == b"400"
    assert b"ask by one of these names" in answer or b"ask for http://" in answer


def test_headers_that_are_too_large_are_refused(asking: httpx.Client) -> None:
    assert asking.get("/live", headers={"X-Large": "x" * 20_000}).status_code == 431


def test_a_length_and_chunks_together_do_not_smuggle_a_second_request(dial: Dial, run: LocalRun) -> None:
    connection = dial()
    connection.sendall(
        request("POST /live HTTP/1.1", "Host: localhost", "Content-Length: 4", "Transfer-Encoding: chunked")
        + b"0\r\n\r\n"
        + request("POST /stop HTTP/1.1", "Host: localhost", f"Authorization: Bearer {TOKEN}", "Connection: close")
    )
    connection.shutdown(socket.SHUT_WR)
    assert b" 405 " in told(connection).split(b"\r\n")[0]


@pytest.mark.parametrize("limits", [Limits(rate=0.001, burst=5)])
def test_who_asks_too_often_is_told_when_to_ask_again_but_probes_are_answered(client: httpx.Client) -> None:
    answers = [client.get("/metrics").status_code for _ in range(7)]
    assert answers == [200] * 5 + [429] * 2
    refused = client.get("/status")
    seconds = refused.headers["retry-after"]
    assert refused.status_code == 429
    assert 900 < int(seconds) <= 1000
    assert refused.json()["detail"] == f"too many requests from this address; ask again after {seconds} s"
    assert [client.get(probe).status_code for probe in ("/live", "/ready", "/startup") * 5] == [200] * 15


@pytest.mark.parametrize("limits", [Limits(wrong_tokens=0.01, wrong_burst=3)])
def test_who_tries_tokens_is_slowed_down_and_who_has_it_is_not(client: httpx.Client) -> None:
    wrong = [client.get("/status", headers={"Authorization": f"Bearer {n}"}) for n in range(5)]
    assert [each.status_code for each in wrong] == [401, 401, 401, 429, 429]
    assert client.get("/status").status_code == 200


def test_probes_are_answered_in_time_while_somebody_floods_the_server(asking: httpx.Client, steady: Server) -> None:
    took: list[float] = []
    with ThreadPoolExecutor(4) as pool, httpx.Client(base_url=steady.url, verify=NO_TLS, timeout=60) as probing:
        flood = [pool.submit(asking.get, "/status") for _ in range(60)]
        while not all(each.done() for each in flood):
            began = time.perf_counter()
            assert probing.get("/live").status_code == 200
            took.append(time.perf_counter() - began)
    assert {each.result().status_code for each in flood} == {200}
    assert median(took) < 1.0, "a probe's default timeout"
