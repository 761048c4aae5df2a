"""Who is let in, and what is said where something is wrong: one sentence, without the token."""

from __future__ import annotations

import logging
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import httpx
import pytest

from streamweave_lab.errors import NotAllowedError, UnreachableError
from streamweave_lab.remote.access import Bearer, address, bearer, trusted
from streamweave_lab.remote.attach import attach
from tests.remote.conftest import TOKEN, Process, until

WRONG = "another-token-that-is-wrong"


def sent(given: Bearer) -> str:
    return next(given.auth_flow(httpx.Request("GET", "http://here"))).headers.get("authorization", "none")


def test_the_token_comes_from_the_argument_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-file\n")
    both = {"STREAMWEAVE_TOKEN_FILE": str(file), "STREAMWEAVE_TOKEN": "from-environment"}
    assert sent(bearer("given", file, both)) == "Bearer given"
    assert sent(bearer(None, file, {})) == "Bearer from-file"
    assert sent(bearer(None, None, both)) == "Bearer from-file"
    assert sent(bearer(None, None, {"STREAMWEAVE_TOKEN": "from-environment"})) == "Bearer from-environment"
    assert sent(bearer(None, None, {})) == "none"


@pytest.mark.parametrize("text", ["", " ", "two words", "a\nb", "schlüssel"])
def test_what_cannot_be_a_token_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(NotAllowedError, match="holds no token: one is a single word of ASCII characters"):
        bearer(text, None)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("127.0.0.1:8080", "is no address of a run; one is such as http://127.0.0.1:8080"),
        ("ftp://127.0.0.1", "is no address of a run"),
        ("", "is no address of a run"),
        ("http://me:secret@127.0.0.1", "has no user, no password and no query"),
        ("http://127.0.0.1/?token=secret", "has no user, no password and no query"),
        ("http://127.0.0.1:port", "is such as http"),
    ],
)
def test_an_address_that_is_none_is_refused_without_its_secrets(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        address(url)
    assert "secret" not in str(caught.value)


def test_an_address_may_have_a_path_and_a_slash_at_its_end() -> None:
    assert address(" https://example.org:8443/runs/flights/ ") == "https://example.org:8443/runs/flights"


def test_each_thing_that_is_wrong_is_one_sentence(process: Process) -> None:
    def said(error: type[Exception], url: str, token: str | None = TOKEN) -> str:
        with pytest.raises(error) as caught:
            attach(url, token)
        assert type(caught.value) is error
        return str(caught.value)

    url = process.url
    assert said(NotAllowedError, url, WRONG) == (
        f"the run at {url} refuses the token: it is not the one that it is served with"
    )
    assert said(NotAllowedError, url, None).startswith(f"the run at {url} wants a token: give it as token=")
    secure = url.replace("http", "https")
    assert said(UnreachableError, secure) == f"{secure} does not speak TLS; is it served as http?"
    assert said(UnreachableError, url + "/nowhere") == (
        f"what answers at {url}/nowhere is not a run: /status gave HTTP status 404"
    )
    process.kill()
    assert said(UnreachableError, url) == f"nothing answers at {url}: no process listens there"


def test_what_answers_and_is_no_run_is_named(tmp_path: Path) -> None:
    served = subprocess.Popen(
        ["python3", "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"], cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert served.stdout is not None
    port = served.stdout.readline().split("port ")[1].split()[0]
    with pytest.raises(UnreachableError, match="is not a run: /status gave HTTP status 404, text/html"):
        attach(f"http://127.0.0.1:{port}", TOKEN)
    served.kill()
    served.wait()
    served.stdout.close()


def test_a_certificate_of_its_own_is_trusted_when_it_is_named(tmp_path: Path) -> None:
    pem, made = tmp_path / "server.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=here", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(pem), "-out", str(made)],
        check=True, capture_output=True,
    )  # fmt: skip
    pem.write_text(pem.read_text() + made.read_text())
    served = Process(tmp_path)
    served.certificate = str(pem)
    served.start()
    assert served.url.startswith("https://")
    with pytest.raises(UnreachableError, match="is not trusted: self-signed certificate; name its authority's file"):
        served.attach()
    assert served.attach(verify=made).status().graph == "ticking"
    assert served.attach(verify=trusted(made)).status().graph == "ticking"
    with pytest.raises(UnreachableError, match="if it is served with TLS, the address begins with https"):
        attach(served.url.replace("https", "http"), TOKEN)
    with pytest.raises(ValueError, match=r"nothing.pem' cannot be used: No such file or directory"):
        served.attach(verify=tmp_path / "nothing.pem")
    with pytest.raises(ValueError, match="cannot be used: it holds no certificate in PEM form"):
        served.attach(verify=served.token_file)
    served.kill()


def test_a_token_file_that_is_given_a_new_token_is_read_again(process: Process, tmp_path: Path) -> None:
    run = attach(process.url, token_file=process.token_file)
    process.kill()
    process.token_file.write_text("a-new-token-for-the-next-process")
    process.start()
    until(lambda: run.status().stale_seconds is None and run.status().events[0].event != "run.stopped")
    assert run.ask("pause").result(30) is None


def test_of_two_requests_that_are_refused_at_once_both_are_sent_again_with_the_new_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    given = bearer(None, file, {})
    requests = [httpx.Request("GET", "http://here") for _ in range(2)]
    flows = [given.auth_flow(request) for request in requests]
    for flow in flows:
        next(flow)
    file.write_text("new")
    for flow in flows:
        assert flow.send(httpx.Response(401)).headers["authorization"] == "Bearer new"


def test_the_token_is_nowhere_to_be_seen(process: Process, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    run = process.attach()
    seen = [repr(run), str(run.status()), run.status().model_dump_json(), str(run._repr_mimebundle_()), repr(vars(run))]
    try:
        run.ask("resume").result(30)
    except Exception as error:
        seen.append("".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()))
    try:
        attach(process.url, WRONG)
    except NotAllowedError as error:
        seen.append("".join(traceback.TracebackException(*_shown(error), capture_locals=True).format()))
    process.kill()
    until(lambda: run.status().stale_seconds)
    seen += [str(run.status()), *run.status().reasons, str(run.explain()), caplog.text]
    assert len(caplog.records) > 0
    assert not [text for text in seen if TOKEN in text or WRONG in text.replace("WRONG", "")]


def _shown(error: BaseException) -> tuple[Any, Any, Any]:
    """Without the frame of this test, whose own variables have it."""
    return type(error), error, error.__traceback__ and error.__traceback__.tb_next


def test_without_httpx_it_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['httpx'] = None\n"
        "import streamweave_lab as sw\n"
        "try: sw.attach('http://127.0.0.1:1')\n"
        "except sw.errors.MissingExtraError as error: print(error)"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout == 'attach() needs the extra "remote": pip install "streamweave_lab[remote]"\n'
