"""A pod's life without a cluster: what its manifest says is done to a real process, as the kubelet would."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest
import yaml
from click.testing import CliRunner

from streamweave_lab.cli.main import main
from streamweave_lab.cli.outcome import Exit

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
TOKEN = "of-the-test-of-a-pod-1234567890"

PLANT = """
from pydantic import SecretStr

import streamweave_lab as sw
from tests.journeys.upgraded_graph import Readings


class PlantConfig(sw.Config):
    least: int = sw.live(0, ge=0)
    password: SecretStr


def enough(reading: int, config: PlantConfig) -> bool:
    assert config.password.get_secret_value() == "hunter2"
    return reading >= config.least


plant = sw.Graph("plant", Readings("readings") >> sw.Filter("enough", enough, config=PlantConfig) >> sw.Count("all"))
"""


class Kubelet:
    """Mounts volumes, sets the environment, asks the probes, swaps the configuration, ends the pod."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        written = yaml.safe_load((folder / "k8s/statefulset.yaml").read_text())
        self.pod = written["spec"]["template"]["spec"]
        (self.container,) = self.pod["containers"]
        self.mounts = {each["mountPath"]: folder / each["name"] for each in self.container["volumeMounts"]}
        for place in self.mounts.values():
            place.mkdir()
        (folder / "token/token").write_text(TOKEN)
        (folder / "secrets/password").write_text("hunter2")
        self.versions = 0
        self.put(yaml.safe_load((folder / "k8s/configmap.yaml").read_text())["data"])

    def put(self, files: dict[str, str]) -> None:
        """Another version of the ConfigMap: a folder beside the old one, and one rename of a symlink."""
        self.versions += 1
        config = self.folder / "config"
        version = config / f"..version_{self.versions}"
        version.mkdir()
        for name, text in files.items():
            (version / name).write_text(text)
            if not (config / name).is_symlink():
                (config / name).symlink_to(f"..data/{name}")
        (config / "..data_tmp").symlink_to(version.name)
        (config / "..data_tmp").rename(config / "..data")

    def inside(self, text: str) -> str:
        """A path of the pod, where it is here."""
        for place, here in self.mounts.items():
            if text == place or text.startswith(f"{place}/"):
                return text.replace(place, str(here), 1)
        return text

    def start(self) -> subprocess.Popen[str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("STREAMWEAVE_")}
        environ |= {each["name"]: self.inside(each["value"]) for each in self.container["env"]}
        environ["PYTHONPATH"] = str(ROOT)
        call = [sys.executable, "-m", "streamweave_lab.cli.main", *map(self.inside, self.container["args"])]
        return subprocess.Popen(
            call, cwd=self.folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def probe(self, name: str) -> int:
        """The answer to a probe, which comes under the pod's own address; 0 for none in time."""
        asked = self.container[f"{name}Probe"]
        url = f"http://127.0.0.1:{self.port}{asked['httpGet']['path']}"
        try:
            host = {"Host": f"10.42.0.17:{self.port}"}
            return httpx.get(url, headers=host, timeout=asked["timeoutSeconds"], trust_env=False).status_code
        except httpx.HTTPError:
            return 0

    def status(self) -> dict[str, object]:
        """What whoever has the token sees."""
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        asked = httpx.get(f"http://127.0.0.1:{self.port}/status", headers=bearer, trust_env=False, timeout=60)
        found: dict[str, object] = asked.raise_for_status().json()
        return found


def wait_for(what, process):
    until = monotonic() + PATIENCE
    while not what():
        assert process.poll() is None, process.communicate()
        assert monotonic() < until
        sleep(0.05)


@pytest.fixture
def kubelet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "plant.py").write_text(PLANT)
    (tmp_path / "plant.toml").write_text("schema_version = 1\nleast = 1\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    asked = ["plant.py:plant", "--config", "plant.toml", "--image", "registry.example/plant:1", "--port", str(port)]
    done = CliRunner().invoke(main, ["deploy", "kubernetes", *asked, "--to", "k8s"])
    assert done.exit_code == 0, done.output
    return Kubelet(tmp_path, port)


def test_what_the_manifest_says_starts_answers_reloads_ends_in_time_and_goes_on(kubelet):
    process = kubelet.start()
    try:
        wait_for(lambda: kubelet.probe("startup") == 200, process)
        wait_for(lambda: kubelet.probe("readiness") == 200, process)
        wait_for(lambda: kubelet.probe("liveness") == 200, process)

        kubelet.put({"plant.toml": "schema_version = 1\nleast = 7\n"})
        wait_for(lambda: kubelet.status()["config"]["version"] == 2, process)
        assert kubelet.status()["config"]["values"] == {"least": 7, "password": "**********"}

        began = monotonic()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == Exit.DRAINED, err
        assert monotonic() - began < kubelet.pod["terminationGracePeriodSeconds"]
        assert "hunter2" not in out + err
        assert TOKEN not in out + err
    finally:
        process.kill()
        process.communicate()

    process = kubelet.start()
    try:
        wait_for(lambda: kubelet.probe("readiness") == 200, process)
        assert "from checkpoint" in str(kubelet.status()["events"])
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == Exit.DRAINED, err
    finally:
        process.kill()
        process.communicate()
