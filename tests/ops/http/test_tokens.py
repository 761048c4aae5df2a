from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import ConfigError
from streamweave_lab.ops.http.tokens import Token, find_token
from streamweave_lab.ops.server import Server, serve
from tests.ops.http.conftest import NO_TLS, TOKEN

LONG = "x" * 43


def test_a_token_comes_from_the_argument_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"  {LONG}\n")
    assert find_token("short", None, {}, exposed=False).text == "short"
    assert find_token(None, file, {"STREAMWEAVE_TOKEN": "other"}, exposed=True).text == LONG
    assert find_token(None, None, {"STREAMWEAVE_TOKEN": LONG}, exposed=True).text == LONG
    assert find_token(None, None, {"STREAMWEAVE_TOKEN_FILE": str(file)}, exposed=True).text == LONG


def test_without_any_a_new_one_is_made_each_time() -> None:
    one, other = (find_token(None, None, {}, exposed=False) for _ in range(2))
    assert one.made
    assert len(one.text) == 43
    assert one.text != other.text


@pytest.mark.parametrize(
    ("token", "environ", "exposed", "said"),
    [
        ("", {}, False, "token: it is empty; make one with: python -c"),
        ("two words", {}, False, "without spaces, on one line"),
        ("tökén", {}, False, "visible ASCII characters"),
        ("a\r\nX: b", {}, False, "visible ASCII characters"),
        ("abc123", {}, True, "too short to keep anybody out: 16 characters at least"),
        (None, {"STREAMWEAVE_TOKEN": LONG, "STREAMWEAVE_TOKEN_FILE": "f"}, False, "are both set; unset one of them"),
    ],
)
def test_what_cannot_be_a_token_is_refused_and_never_shown(
    token: str | None, environ: dict[str, str], exposed: bool, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        find_token(token, None, environ, exposed=exposed)
    assert token is None or len(token) < 5 or token not in str(raised.value)


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"token file .*/none: it cannot be read: No such file or directory; see"):
        find_token(None, tmp_path / "none", {}, exposed=False)
    with pytest.raises(ConfigError, match="Is a directory"):
        find_token(None, tmp_path, {}, exposed=False)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="it is not text"):
        find_token(None, tmp_path / "binary", {}, exposed=False)
    with pytest.raises(ConfigError, match="both given"):
        find_token(LONG, tmp_path, {}, exposed=False)


def test_a_secret_that_is_exchanged_in_its_file_is_the_token_from_then_on(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("the-first")
    token = find_token(None, file, {}, exposed=False)
    assert token.fits("the-first")
    (tmp_path / "next").write_text("the-second-one")
    (tmp_path / "next").replace(file)
    assert token.fits("the-second-one")
    assert not token.fits("the-first")
    file.unlink()
    assert token.fits("the-second-one"), "while it cannot be read the old one holds"


@pytest.mark.parametrize("given", ["", "a", "A-token-of-a-test-0123456789", TOKEN + "x", "ü", "\udcff"])
def test_what_is_not_the_token_does_not_fit(given: str) -> None:
    assert not Token(TOKEN).fits(given)


def test_a_token_is_in_no_repr(steady: Server) -> None:
    assert TOKEN not in repr(Token(TOKEN)) + repr(steady) + str(steady)
    assert steady.token == TOKEN


@pytest.mark.parametrize(
    "sent", ["", "Bearer", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer ü", f"Bearer {TOKEN},x"]
)
def test_whoever_has_not_the_token_is_told_what_to_send(steady: Server, sent: str) -> None:
    headers = {"Authorization": sent.encode("latin-1")} if sent else {}
    answer = httpx.post(f"{steady.url}/drain", headers=headers, verify=NO_TLS, timeout=60)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="streamweave"')
    assert "Authorization: Bearer TOKEN" in answer.text or "not the token of this server" in answer.text
    assert TOKEN not in answer.text


def test_two_tokens_in_one_request_are_none(steady: Server) -> None:
    both = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer x")]
    assert httpx.get(f"{steady.url}/status", headers=both, verify=NO_TLS, timeout=60).status_code == 401


def test_what_a_node_raised_is_told_only_to_those_who_have_the_token(server: Server, run: LocalRun) -> None:
    run.failed("parse", {"card": "4111"}, ValueError("4111 is no card"))
    everybody = httpx.get(f"{server.url}/ready?verbose", timeout=60)
    assert everybody.status_code == 503
    assert everybody.json()["reasons"] == ["failed in node parse; GET /status tells why, to those who have the token"]
    assert "4111" not in everybody.text
    known = httpx.get(f"{server.url}/ready", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)
    assert known.json()["reasons"] == ["failed: parse: ValueError('4111 is no card')"]


def asked_as(name: str, server: Server, path: str) -> int:
    return httpx.get(server.url + path, headers={"Host": name}, timeout=60).status_code


def test_other_machines_are_served_with_a_token_by_whatever_name_they_ask(run: LocalRun) -> None:
    with serve(run, host="0.0.0.0", token=LONG) as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert asked_as("flights.default.svc:80", server, "/ready") == 200
    with serve(run, host="0.0.0.0", token=LONG, hosts=("flights.example.org",)) as server:
        assert asked_as("flights.example.org", server, "/ready") == 200
        assert asked_as("10.2.3.4:80", server, "/ready") == 200, "a probe"
        assert asked_as("other.example.org", server, "/metrics") == 400


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*made, *name], check=True, capture_output=True)
    return cert, key


def test_with_a_certificate_it_speaks_tls_and_nothing_else(run: LocalRun, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    with run.serve(token=TOKEN, certfile=cert, keyfile=key) as server:
        assert server.url.startswith("https://127.0.0.1:")
        trusted = ssl.create_default_context(cafile=str(cert))
        with httpx.Client(base_url=server.url, verify=trusted, timeout=60) as client:
            assert client.get("/status", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
        with pytest.raises(httpx.TransportError):
            httpx.get(server.url.replace("https", "http") + "/live", timeout=60)


def test_a_certificate_that_cannot_be_used_is_refused_before_anything_listens(
    run: LocalRun, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    cert, key = certificate
    with pytest.raises(ConfigError, match=r"none.pem: No such file or directory; see that both are PEM files"):
        serve(run, certfile=tmp_path / "none.pem")
    with pytest.raises(ConfigError, match="is given without certfile; give both"):
        serve(run, keyfile=key)
    (tmp_path / "no.pem").write_text("hello")
    with pytest.raises(ConfigError, match="they belong together"):
        serve(run, certfile=cert, keyfile=tmp_path / "no.pem")
    locked = tmp_path / "locked.pem"
    subprocess.run(
        ["openssl", "pkey", "-in", str(key), "-aes256", "-passout", "pass:secret", "-out", str(locked)], check=True
    )
    with pytest.raises(ConfigError, match="encrypted with a password; write it out without one"):
        serve(run, certfile=cert, keyfile=locked)
