"""The commands that ask a run in another process, where an authority of one's own has signed its certificate."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamweave_lab.cli.main import main
from tests.cli.test_process_commands import Ask
from tests.remote.conftest import TOKEN, Process

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificate of an authority, `ca.pem`, and what it has signed, with its key: `server.pem`."""
    folder = tmp_path_factory.mktemp("tls")
    ca, request = ("-CA", folder / "ca.pem", "-CAkey", folder / "ca.key"), folder / "request.pem"
    for_signing = ("-addext", "keyUsage=critical,keyCertSign")
    made = ("-keyout", folder / "ca.key", "-out", folder / "ca.pem", "-days", "2", "-subj", "/CN=our own")
    openssl("req", "-x509", *KEY, *made, *for_signing)
    openssl("req", *KEY, "-keyout", folder / "key.pem", "-out", request, "-subj", "/CN=here")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    signed = ("-out", folder / "cert.pem", "-days", "2", "-extfile", folder / "names")
    openssl("x509", "-req", "-in", request, *ca, *signed)
    (folder / "server.pem").write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return folder


@pytest.fixture
def ask(authority: Path, tmp_path: Path) -> Iterator[Ask]:
    """Carry out `streamweave-lab <arguments>` with the address and token of a run in the environment."""
    served = Process(tmp_path)
    served.settings.write_text("schema_version = 1\nlimit = 7\n")
    served.certificate = str(authority / "server.pem")
    served.start()
    environ = {"STREAMWEAVE_URL": served.url, "STREAMWEAVE_TOKEN_FILE": str(served.token_file)}
    yield lambda *arguments: CliRunner().invoke(main, arguments, env={**environ, "STREAMWEAVE_TOKEN": None})
    served.kill()


def test_with_the_authority_s_file_every_kind_of_command_has_its_answer(ask: Ask, authority: Path) -> None:
    ca = ("--ca", str(authority / "ca.pem"))
    assert json.loads(ask("status", "--json", *ca).stdout)["graph"] == "ticking"
    assert '"here"' in ask("config", "show", *ca).stdout
    assert "ready" in ask("top", "--once", "--every", "0.1", *ca).stdout
    assert ask("pause", *ca).stdout == "ticking: paused\n"
    assert ask("stop", *ca).stdout.startswith("ticking: stopped; ")


def test_without_it_nothing_is_sent_and_the_option_is_named(ask: Ask, authority: Path) -> None:
    for command in (("status",), ("config", "show"), ("drain",)):
        untrusted = ask(*command)
        assert (untrusted.exit_code, untrusted.stdout) == (75, "")
        assert "the certificate of https://127.0.0.1" in untrusted.stderr
        assert "--ca" in untrusted.stderr
        assert TOKEN not in untrusted.stderr
    another = ask("status", "--ca", str(authority / "cert.pem"))
    assert (another.exit_code, "is not trusted" in another.stderr) == (75, True)
    nothing = ask("status", "--ca", str(authority / "nothing.pem"))
    assert (nothing.exit_code, "--ca" in nothing.stderr) == (2, True)
