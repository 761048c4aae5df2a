"""What the page on deployment shows to be typed, tried on what `deploy` writes."""

import re
import shutil
import subprocess
import warnings
from pathlib import Path

import pytest
import yaml

from streamweave_lab.ops.deploy.kubernetes import Kubernetes, manifests
from streamweave_lab.ops.deploy.systemd import Systemd, unit
from tests.ops.deploy.deployed import deployed

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import kubernetes_validate

PAGE = (Path(__file__).parents[3] / "docs" / "deployment.md").read_text()
ANALYZE = shutil.which("systemd-analyze")


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def own(tmp_path):
    """The graph that the page speaks of, by its name there."""
    return deployed(tmp_path, name="flights")


def test_one_start_with_another_option_is_the_unit_with_that_option_more(own, tmp_path):
    (block,) = [block for block in blocks("sh") if "once.conf" in block]
    text = unit(Systemd(own, "/usr/bin/true", 252))
    (call,) = re.findall("^ExecStart=(.*)$", text, re.MULTILINE)
    folder = tmp_path / "system"
    folder.mkdir()
    (folder / "flights.service").write_text(text)
    typed = "\n".join(line for line in block.splitlines() if not line.startswith(("systemctl", "rm")))
    typed = typed.replace("/run/systemd/system", str(folder)).replace("/etc/systemd/system", str(folder))
    subprocess.run(["/bin/sh", "-e", "-c", typed], check=True, timeout=120)
    addition = folder / "flights.service.d" / "once.conf"
    assert addition.read_text() == f"[Service]\nExecStart=\nExecStart={call} --allow-changed\n"
    if ANALYZE:
        command = [ANALYZE, "verify", str(folder / "flights.service")]
        said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert (said.returncode, said.stderr) == (0, "")


def test_one_start_with_another_option_in_a_pod_is_an_argument_more(own):
    (block,) = [block for block in blocks("sh") if "kubectl patch" in block]
    ((operation,),) = (yaml.safe_load(text) for text in re.findall("-p '(.*)'", block))
    written = yaml.safe_load(manifests(Kubernetes(own, "registry.example/flights:1.4.0"))["statefulset.yaml"])
    place = written
    for key in operation["path"].strip("/").split("/")[:-1]:
        place = place[int(key) if isinstance(place, list) else key]
    assert place[0] == "run"
    assert (operation["op"], operation["value"]) == ("add", "--allow-changed")


def test_the_pod_that_reaches_the_volume_is_valid_and_is_the_same_user_with_the_same_volume(own):
    (pod,) = [yaml.safe_load(block) for block in blocks("yaml")]
    assert kubernetes_validate.validate(pod, "1.32", strict=True) == "1.32"
    written = yaml.safe_load(manifests(Kubernetes(own, "registry.example/flights:1.4.0"))["statefulset.yaml"])["spec"]
    template = written["template"]["spec"]
    assert pod["spec"]["securityContext"] == {
        key: value for key, value in template["securityContext"].items() if key != "fsGroupChangePolicy"
    }
    (claim,) = written["volumeClaimTemplates"]
    volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
    assert volumes["checkpoints"]["persistentVolumeClaim"]["claimName"] == f"{claim['metadata']['name']}-flights-0"
    mounts = template["containers"][0]["volumeMounts"]
    assert all(mount in mounts for mount in pod["spec"]["containers"][0]["volumeMounts"])
    assert volumes["config"] in template["volumes"]
