"""`streamweave-lab deploy`: from a graph and its configuration to files, or to a sentence and a code."""

import re
import sys

import click
import pytest
import yaml
from click.testing import CliRunner

from streamweave_lab.cli import deploy as deploy_module
from streamweave_lab.cli.main import main
from streamweave_lab.cli.outcome import Exit
from streamweave_lab.cli.run import run as run_command

FLIGHTS = "streamweave_lab.examples.flights:flights_graph"
IMAGE = "registry.example/flights:1.4.0"

PLANT = """
from pydantic import SecretStr

import streamweave_lab as sw


class PlantConfig(sw.Config):
    limit: int = sw.live(3, ge=0)
    password: SecretStr


def plant(config: PlantConfig) -> sw.Graph:
    numbers = sw.Replay("numbers", range(config.limit))
    return sw.Graph("plant", numbers >> sw.Count("all"))
"""


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Call the command in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # where the file is found is added to it
    (tmp_path / "plant.py").write_text(PLANT)
    (tmp_path / "plant.toml").write_text("schema_version = 1\nlimit = 5\n")
    return lambda *arguments: CliRunner().invoke(main, ["deploy", *arguments])


def test_kubernetes_is_written_file_by_file_and_what_is_left_to_do_is_said(call, tmp_path):
    done = call("kubernetes", "plant.py:plant", "--config", "plant.toml", "--image", IMAGE, "--to", "k8s")
    assert done.exit_code == 0, done.output
    files = ["configmap", "poddisruptionbudget", "service", "serviceaccount", "statefulset"]
    assert done.stdout.splitlines() == [f"k8s/{name}.yaml" for name in files]
    assert done.stderr.splitlines() == [
        "first, once:",
        "  kubectl create secret generic plant-token --from-file=token=FILE",
        "  kubectl create secret generic plant-secrets --from-file=password=FILE",
        "then: kubectl apply -f k8s",
    ]
    assert sorted(path.stem for path in (tmp_path / "k8s").iterdir()) == files


def arguments_of(folder, kind="statefulset"):
    (container,) = yaml.safe_load((folder / f"{kind}.yaml").read_text())["spec"]["template"]["spec"]["containers"]
    return container["args"]


@pytest.mark.parametrize(("options", "kind"), [([], "statefulset"), (["--job"], "job")])
def test_what_the_manifest_calls_is_what_run_understands(call, tmp_path, options, kind):
    call("kubernetes", "plant.py:plant", "--config", "plant.toml", "--image", IMAGE, "--to", "k8s", *options)
    name, *arguments = arguments_of(tmp_path / "k8s", kind)
    assert name == "run"
    with click.Context(run_command) as context:
        run_command.parse_args(context, arguments)
    assert "plant.py:plant" in map(str, context.params.values())


def test_what_the_unit_calls_is_what_run_understands(call, tmp_path):
    done = call("systemd", FLIGHTS, "--to", "unit", "--executable", "/usr/bin/streamweave-lab")
    assert done.exit_code == 0, done.output
    (command,) = re.findall(
        "ExecStart=/usr/bin/streamweave-lab run (.*)", (tmp_path / "unit/flights.service").read_text()
    )
    with click.Context(run_command) as context:
        run_command.parse_args(context, command.split())
    assert FLIGHTS in map(str, context.params.values())


def test_the_unit_is_for_the_systemd_of_this_machine_unless_told_otherwise(call, tmp_path, monkeypatch):
    asked = ("systemd", FLIGHTS, "--to", "unit", "--executable", "/usr/bin/streamweave-lab")
    monkeypatch.setattr(deploy_module, "_systemd_here", lambda: 252)
    assert "written for systemd 252 (Type=notify);" in call(*asked).stderr
    monkeypatch.setattr(deploy_module, "_systemd_here", lambda: None)
    assert "written for systemd 253 (Type=notify-reload);" in call(*asked).stderr
    assert "Type=notify-reload\n" in (tmp_path / "unit/flights.service").read_text()


def test_prometheus_is_written_with_rules_and_targets(call, tmp_path):
    done = call("prometheus", FLIGHTS, "--to", "prom", "--target", "flights.example:9464")
    assert done.stdout.splitlines() == ["prom/prometheus.yml", "prom/streamweave.rules.yml"]
    config = yaml.safe_load((tmp_path / "prom/prometheus.yml").read_text())
    assert config["scrape_configs"][0]["static_configs"] == [{"targets": ["flights.example:9464"]}]


def test_a_class_that_had_to_be_named_is_named_to_run_too(call, tmp_path):
    (tmp_path / "two.py").write_text(PLANT + "\n\nclass Other(sw.Config):\n    x: int = 1\n")
    asked = ["--config", "plant.toml", "--config-class", "PlantConfig", "--image", IMAGE, "--to", "k8s"]
    done = call("kubernetes", "two.py:plant", *asked)
    assert done.exit_code == 0, done.output
    arguments = arguments_of(tmp_path / "k8s")
    assert arguments[arguments.index("--config-class") + 1] == "PlantConfig"


def test_what_an_earlier_call_has_left_in_the_folder_is_said_and_stays(call, tmp_path):
    assert call("kubernetes", FLIGHTS, "--image", IMAGE, "--to", "k8s", "--pod-monitor").exit_code == 0
    (tmp_path / "k8s" / "README").write_text("ours")
    (tmp_path / "k8s" / "ingress.yaml").write_text("# ours")
    done = call("kubernetes", FLIGHTS, "--image", IMAGE, "--to", "k8s")
    left = "ingress.yaml, podmonitor.yaml"
    assert done.stderr.splitlines()[0] == (
        f"note: k8s also has {left}, not written now; remove what is left of an earlier call"
    )
    assert (tmp_path / "k8s" / "podmonitor.yaml").exists()


def test_an_image_without_a_tag_is_written_with_a_note(call):
    done = call("kubernetes", FLIGHTS, "--image", "registry.example:5000/flights", "--to", "k8s")
    assert done.exit_code == 0
    assert "registry.example:5000/flights may be another tomorrow" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--name", "Plant_EU"], "DNS-1123); give one with --name plant-eu"),
        (["--grace", "20"], "a grace period of 20 s is too short"),
        (["--drain-timeout", "-1"], "drain timeout = -1.0: must be a number of seconds, 0 or more"),
        (["--memory", "lots"], "memory 'lots': must be more than nothing"),
        (["--config", "nowhere.toml"], "streamweave-lab: nowhere.toml cannot be read: No such file or directory"),
        (["--config", "plant.py"], "a configuration file must end in .toml or .json"),
    ],
)
def test_what_would_be_refused_ends_with_78_and_a_sentence_and_writes_nothing(call, tmp_path, options, said):
    done = call("kubernetes", "plant.py:plant", "--image", IMAGE, "--to", "k8s", *options)
    assert done.exit_code == Exit.BAD_CONFIG
    assert said in done.stderr
    assert not (tmp_path / "k8s").exists()


def test_a_secret_of_the_environment_is_written_nowhere(call, tmp_path, monkeypatch):
    monkeypatch.setenv("STREAMWEAVE_PASSWORD", "hunter2")
    done = call("kubernetes", "plant.py:plant", "--config", "plant.toml", "--image", IMAGE, "--to", "k8s")
    written = "".join(path.read_text() for path in (tmp_path / "k8s").iterdir())
    assert done.exit_code == 0
    assert "hunter2" not in written + done.output
    assert "STREAMWEAVE_PASSWORD_FILE" in written


def test_a_folder_that_cannot_be_written_is_said(call, tmp_path):
    (tmp_path / "k8s").write_text("a file")
    done = call("kubernetes", FLIGHTS, "--image", IMAGE, "--to", "k8s")
    assert done.exit_code in (2, Exit.TRY_AGAIN)
    assert "k8s" in done.stderr
