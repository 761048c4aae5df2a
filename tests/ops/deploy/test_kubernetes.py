"""Manifests, checked against the schemas of Kubernetes' own API."""

import re
import warnings
from dataclasses import replace

import pytest
import yaml
from click import UsageError
from pydantic import SecretStr

import streamweave_lab as sw
from streamweave_lab.cli.outcome import Exit
from streamweave_lab.errors import ConfigError
from streamweave_lab.ops.deploy.deployment import deployment
from streamweave_lab.ops.deploy.kubernetes import Kubernetes, manifests
from streamweave_lab.ops.deploy.systemd import Systemd, unit
from tests.ops.deploy.deployed import DeployedConfig, checked, deployed, deployed_graph

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import kubernetes_validate

IMAGE = "registry.example/plant:1.4.0"


@pytest.fixture
def written(tmp_path):
    """The manifests of the graph, by kind."""
    asked = Kubernetes(deployed(tmp_path, drain=40, checkpoint=20, pre_stop=3, margin=5), IMAGE, pod_monitor=True)
    found = map(yaml.safe_load, manifests(asked).values())
    return {each["kind"]: each for each in found}


def pod_of(written):
    return written["StatefulSet"]["spec"]["template"]["spec"]


def container_of(written):
    return pod_of(written)["containers"][0]


@pytest.mark.parametrize("job", [False, True])
@pytest.mark.parametrize("version", ["1.32", "1.37"])
def test_every_manifest_is_valid_to_the_letter(tmp_path, version, job):
    asked = Kubernetes(deployed(tmp_path, pre_stop=3), IMAGE, namespace="plants", storage_class="fast", job=job)
    for name, text in manifests(asked).items():
        assert kubernetes_validate.validate(yaml.safe_load(text), version, strict=True) == version, name


def test_there_is_one_of_each_kind(written):
    assert sorted(written) == [
        "ConfigMap", "PodDisruptionBudget", "PodMonitor", "Service", "ServiceAccount", "StatefulSet",
    ]  # fmt: skip


def test_a_job_is_done_at_the_graph_s_end_and_its_next_pod_goes_on_from_the_checkpoint(tmp_path):
    asked = Kubernetes(deployed(tmp_path), IMAGE, job=True)
    found = {name: yaml.safe_load(text) for name, text in manifests(asked).items()}
    assert sorted(found) == [
        "configmap.yaml", "job.yaml", "persistentvolumeclaim.yaml", "service.yaml", "serviceaccount.yaml",
    ]  # fmt: skip
    spec = found["job.yaml"]["spec"]
    pod = spec["template"]["spec"]
    assert (pod["restartPolicy"], spec["podReplacementPolicy"]) == ("Never", "Failed")
    (container,) = pod["containers"]
    assert " --to-end --on-term suspend " in " ".join(container["args"])
    (volume,) = [each for each in pod["volumes"] if each["name"] == "checkpoints"]
    claim = found["persistentvolumeclaim.yaml"]["metadata"]["name"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim == "plant-checkpoints"
    assert found["service.yaml"]["spec"]["selector"].items() <= spec["template"]["metadata"]["labels"].items()
    wrong, moved = spec["podFailurePolicy"]["rules"]
    assert (wrong["action"], wrong["onExitCodes"]["containerName"]) == ("FailJob", container["name"])
    assert wrong["onExitCodes"]["values"] == [UsageError.exit_code, Exit.BAD_CONFIG]
    assert (moved["action"], moved["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")


def test_the_grace_period_is_longer_than_all_that_happens_in_it(written):
    hook = container_of(written)["lifecycle"]["preStop"]
    assert hook == {"sleep": {"seconds": 3}}
    assert pod_of(written)["terminationGracePeriodSeconds"] == 69
    arguments = container_of(written)["args"]
    assert arguments[arguments.index("--drain-timeout") + 1] == "40"


def test_each_probe_asks_its_own_question_within_a_second(written):
    probes = {name: container_of(written)[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}
    assert [probe["httpGet"]["path"] for probe in probes.values()] == ["/startup", "/live", "/ready"]
    assert {probe["timeoutSeconds"] for probe in probes.values()} == {1}
    assert probes["startup"]["periodSeconds"] * probes["startup"]["failureThreshold"] == 300


def test_the_configuration_is_a_mounted_folder_and_the_run_is_told_the_file(written):
    (mount,) = [each for each in container_of(written)["volumeMounts"] if each["name"] == "config"]
    assert mount == {"name": "config", "mountPath": "/etc/streamweave/config", "readOnly": True}
    (volume,) = [each for each in pod_of(written)["volumes"] if each["name"] == "config"]
    assert volume["configMap"]["name"] == written["ConfigMap"]["metadata"]["name"] == "plant-config"
    arguments = container_of(written)["args"]
    assert arguments[arguments.index("--config") + 1] == "/etc/streamweave/config/plant.toml"
    assert written["ConfigMap"]["data"] == {"plant.toml": "schema_version = 1\nspeed = 60\n"}


def test_token_and_secrets_are_files_and_only_their_names_are_written(written):
    environment = {each["name"]: each["value"] for each in container_of(written)["env"]}
    assert environment == {
        "STREAMWEAVE_TOKEN_FILE": "/etc/streamweave/token/token",
        "STREAMWEAVE_LOG": "info",
        "STREAMWEAVE_SINK__PASSWORD_FILE": "/etc/streamweave/secrets/sink.password",
    }
    secrets = [each["secret"] for each in pod_of(written)["volumes"] if "secret" in each]
    assert [(each["secretName"], each["items"][0]["path"]) for each in secrets] == [
        ("plant-token", "token"),
        ("plant-secrets", "sink.password"),
    ]
    assert {oct(each["defaultMode"]) for each in secrets} == {"0o440"}


def test_the_container_may_do_next_to_nothing(written):
    assert container_of(written)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    pod = pod_of(written)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    writable = {each["mountPath"] for each in container_of(written)["volumeMounts"] if not each.get("readOnly")}
    assert writable == {"/tmp", "/var/lib/streamweave"}


def test_checkpoints_are_on_the_volume_which_outlives_the_pod(written):
    spec = written["StatefulSet"]["spec"]
    assert spec["volumeClaimTemplates"][0]["metadata"]["name"] == "checkpoints"
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    arguments = container_of(written)["args"]
    assert arguments[arguments.index("--checkpoint") + 1].startswith("/var/lib/streamweave/")


def test_a_core_is_asked_for_the_run_and_for_each_worker_of_the_graph_and_none_is_a_limit(written):
    assert container_of(written)["resources"] == {
        "requests": {"cpu": "3", "memory": "512Mi"},
        "limits": {"memory": "512Mi"},
    }


def test_the_one_pod_may_be_moved_and_is_found_also_while_it_is_not_ready(written):
    assert written["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    assert written["PodDisruptionBudget"]["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert written["Service"]["spec"]["publishNotReadyAddresses"] is True
    labels = written["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    for selector in (
        written["Service"]["spec"]["selector"],
        written["StatefulSet"]["spec"]["selector"]["matchLabels"],
        written["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        written["PodMonitor"]["spec"]["selector"]["matchLabels"],
    ):
        assert selector == labels


def test_prometheus_finds_the_pod_by_annotations(tmp_path):
    plain = yaml.safe_load(manifests(Kubernetes(deployed(tmp_path), IMAGE))["statefulset.yaml"])["spec"]["template"]
    assert plain["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(plain["spec"]["containers"][0]["ports"][0]["containerPort"]),
        "prometheus.io/path": "/metrics",
    }


def test_a_pod_with_a_monitor_is_not_scraped_a_second_time_by_annotations(written):
    port = container_of(written)["ports"][0]
    assert written["PodMonitor"]["spec"]["podMetricsEndpoints"][0]["port"] == port["name"]
    assert "annotations" not in written["StatefulSet"]["spec"]["template"]["metadata"]


def test_the_same_graph_is_written_the_same_every_time(tmp_path):
    asked = Kubernetes(deployed(tmp_path), IMAGE)
    assert manifests(asked) == manifests(asked)


def test_everything_that_is_wrong_is_said_at_once(tmp_path):
    with pytest.raises(ConfigError) as refused:
        Kubernetes(deployed(tmp_path, name="Plant_EU"), "not an image", "no space", cpu="many", memory="0")
    assert refused.value.problems == (
        (
            "name 'Plant_EU': Kubernetes takes small letters, digits and dashes, beginning with a letter and ending "
            "with a letter or digit, at most 52 characters (DNS-1123); give one with --name plant-eu"
        ),
        "image 'not an image': must be a repository and a tag or digest, such as registry.example/flights:1.4.0",
        "namespace 'no space': must be small letters, digits and dashes, at most 63 characters (DNS-1123)",
        "cpu 'many': must be more than nothing, as Kubernetes writes it, such as 500m, 2, 512Mi or 1Gi",
        "memory '0': must be more than nothing, as Kubernetes writes it, such as 500m, 2, 512Mi or 1Gi",
    )


@pytest.mark.parametrize("name", ["-plant", "plant-", "9plants", "p" * 53, "plant.eu", "plänt", "plant\n", ""])
def test_a_name_that_kubernetes_would_refuse_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="DNS-1123"):
        Kubernetes(deployed(tmp_path, name=name), IMAGE)


def test_the_longest_name_leaves_room_for_the_hash_in_the_labels_of_its_pods(tmp_path):
    Kubernetes(deployed(tmp_path, name="p" * 52), IMAGE)


def test_a_grace_period_in_which_the_drain_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="a grace period of 30 s is too short"):
        Kubernetes(deployed(tmp_path), IMAGE, grace=30)


def test_a_configuration_larger_than_a_configmap_is_refused(tmp_path):
    text = "schema_version = 1\n#" + "é" * 600_000
    with pytest.raises(ConfigError, match="a ConfigMap holds 1,048,576"):
        Kubernetes(deployed(tmp_path, text), IMAGE)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('sink = {password = "hunter2"}', "sink.password: is a secret, and everybody may read this file; take it out"),
        (
            'sink = {password_file = "pw"}',
            "sink.password_file: names a file of this machine for the secret sink.password; take it out",
        ),
    ],
)
def test_a_secret_in_the_configuration_file_or_its_place_is_refused_and_not_repeated(tmp_path, line, said):
    path = tmp_path / "plant.toml"
    path.write_text(f"schema_version = 1\n{line}\n")
    with pytest.raises(ConfigError, match=re.escape(said)) as refused:
        checked(path, DeployedConfig)
    assert "hunter2" not in str(refused.value)


def test_a_setting_that_is_called_like_the_file_of_a_secret_is_a_setting_and_the_secret_cannot_be_mounted(tmp_path):
    class Keyed(sw.Config):
        key: SecretStr = SecretStr("")
        key_file: str = "none"

    path = tmp_path / "plant.toml"
    path.write_text('schema_version = 1\nkey_file = "certificate.pem"\n')
    config = checked(path, Keyed)
    with pytest.raises(ConfigError, match=r"key_file is a setting of its own.*give one of the two another name"):
        deployment(deployed_graph(), "plant.app:graph", config=config, config_class=Keyed)


@pytest.mark.parametrize("target", ["../svc/plant.py:graph", "svc/../../plant.py"])
def test_a_file_outside_of_the_folder_in_which_the_image_begins_is_refused(tmp_path, target):
    with pytest.raises(ConfigError, match="leads to a folder that the image need not have; write its whole path"):
        Kubernetes(replace(deployed(tmp_path), target=target), IMAGE)


@pytest.mark.parametrize("target", ["plant.py:graph", "/app/plant.py:graph", "plant.app:graph"])
def test_a_file_of_the_image_is_taken(tmp_path, target):
    written = manifests(Kubernetes(replace(deployed(tmp_path), target=target), IMAGE))
    assert f"- {target}" in written["statefulset.yaml"]


def test_what_the_configuration_says_of_the_log_is_not_overruled(tmp_path):
    class Logged(sw.Config):
        log: sw.LogSettings = sw.LogSettings()

    own = deployment(deployed_graph(), "plant.app:graph", config_class=Logged)
    assert "STREAMWEAVE_LOG" not in manifests(Kubernetes(own, IMAGE))["statefulset.yaml"]
    assert "STREAMWEAVE_LOG" not in unit(Systemd(own, "/usr/bin/true"))
    assert "STREAMWEAVE_LOG=info" in unit(Systemd(deployed(tmp_path), "/usr/bin/true"))


def test_a_configuration_with_which_the_run_would_not_start_is_not_deployed(tmp_path):
    path = tmp_path / "plant.toml"
    path.write_text("schema_version = 1\nspede = 3\n")
    with pytest.raises(ConfigError, match="did you mean speed"):
        checked(path, DeployedConfig)
