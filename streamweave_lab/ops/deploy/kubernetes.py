"""Manifests for Kubernetes: one pod at a time, that keeps its checkpoints on a volume, and ends in time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from streamweave_lab.ops.deploy import names
from streamweave_lab.ops.deploy.deployment import Deployment, refuse
from streamweave_lab.ops.deploy.job import WHY_CLAIM, WHY_JOB, claim, job
from streamweave_lab.ops.deploy.pod import pod
from streamweave_lab.ops.deploy.text import to_yaml

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Kubernetes:
    """What Kubernetes must be told beside the deployment itself.

    Raises: ConfigError, all at once, for what the API server would refuse or the pod would not survive.
    """

    deployment: Deployment
    image: str
    namespace: str | None = None
    grace: int | None = None
    """Seconds from the signal to the kill; by default what the budget needs."""
    cpu: str | None = None
    """Processors asked for; by default one, and one for each worker process of the graph."""
    memory: str = "512Mi"
    """Asked for, and the limit: a process that would be killed for another's sake is not told before."""
    volume: str = "1Gi"
    storage_class: str | None = None
    startup: int = 300
    """Seconds that it may take to restore the last checkpoint and start."""
    pod_monitor: bool = False
    """Write a PodMonitor, for the Prometheus operator, in the place of the annotations for one without it."""
    token_secret: str = field(default="", repr=False)
    """The Secret with the key `token`; by default `<name>-token`."""
    job: bool = False
    """Write a Job, for a graph that comes to its end."""

    def __post_init__(self) -> None:
        own = self.deployment
        refuse(own.name, [
            names.name_problem(own.name),
            names.image_problem(self.image),
            self.namespace and names.namespace_problem(self.namespace),
            self.cpu and names.quantity_problem("cpu", self.cpu),
            names.quantity_problem("memory", self.memory),
            names.quantity_problem("volume", self.volume),
            names.key_problem(own.config.name) if own.config else None,
            _config_too_large(own),
            _target_problem(own.target),
        ])  # fmt: skip
        own.budget.grace(self.grace)

    @property
    def labels(self) -> dict[str, str]:
        """What finds the pod."""
        return {"app.kubernetes.io/name": self.deployment.name, "app.kubernetes.io/component": "streamweave"}

    @property
    def claim(self) -> str:
        """What the volume of a Job is called."""
        return f"{self.deployment.name}-checkpoints"

    def meta(self, name: str | None = None, **more: Any) -> Manifest:
        """The metadata of an object."""
        placed = {"namespace": self.namespace} if self.namespace else {}
        return {"name": name or self.deployment.name, **placed, "labels": self.labels, **more}


def manifests(asked: Kubernetes) -> dict[str, str]:
    """The manifests as text, by file name; each file holds one object."""
    own = asked.deployment
    written = {
        "serviceaccount.yaml": to_yaml(_account(asked), ["It may ask the API server for nothing."]),
        "service.yaml": to_yaml(_service(asked), _WHY_SERVICE),
        **(_once(asked) if asked.job else _for_ever(asked)),
    }
    if own.config is not None:
        written["configmap.yaml"] = to_yaml(_config_map(asked), _WHY_CONFIG)
    if asked.pod_monitor:
        written["podmonitor.yaml"] = to_yaml(_monitor(asked), ["For the Prometheus operator (monitoring.coreos.com)."])
    return written


def _for_ever(asked: Kubernetes) -> dict[str, str]:
    return {
        "poddisruptionbudget.yaml": to_yaml(_disruption(asked), _WHY_DISRUPTION),
        "statefulset.yaml": to_yaml(_stateful_set(asked), _why_grace(asked)),
    }


def _once(asked: Kubernetes) -> dict[str, str]:
    """Without a PodDisruptionBudget: of the pods of a Job it could only say how many must never be moved."""
    return {
        "job.yaml": to_yaml(job(asked, _pod_meta(asked)), [*_why_grace(asked), *WHY_JOB]),
        "persistentvolumeclaim.yaml": to_yaml(claim(asked, _volume(asked)), WHY_CLAIM),
    }


_WHY_SERVICE = [
    "Also while it is not ready: a run that drains, or restores its state, is the one to be looked at.",
]
_WHY_DISRUPTION = [
    "One pod, which may be moved: it drains, keeps a checkpoint, and goes on from it elsewhere. With maxUnavailable 0",
    "no machine below it could ever be emptied.",
]
_WHY_CONFIG = [
    "Mounted as a folder: when this changes, the kubelet swaps a symlink, and the run reloads without a restart.",
]


def _why_grace(asked: Kubernetes) -> list[str]:
    budget = asked.deployment.budget
    sums = " + ".join(f"{what} {seconds:g}" for what, seconds in budget.parts().items())
    return [f"Seconds to end in: {sums} = {budget.seconds:g} < terminationGracePeriodSeconds."]


def _account(asked: Kubernetes) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": asked.meta(),
        "automountServiceAccountToken": False,
    }


def _config_map(asked: Kubernetes) -> Manifest:
    config = asked.deployment.config
    assert config is not None  # noqa: S101 - the caller has looked
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": asked.meta(f"{asked.deployment.name}-config"),
        "data": {config.name: config.text},
    }


def _service(asked: Kubernetes) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": asked.meta(),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": asked.labels,
            "ports": [{"name": "http", "port": asked.deployment.port, "targetPort": "http"}],
        },
    }


def _disruption(asked: Kubernetes) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": asked.meta(),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": asked.labels},
        },
    }


def _stateful_set(asked: Kubernetes) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": asked.meta(),
        "spec": {
            "serviceName": asked.deployment.name,
            "replicas": 1,
            "revisionHistoryLimit": 10,
            "updateStrategy": {"type": "RollingUpdate"},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "selector": {"matchLabels": asked.labels},
            "template": {"metadata": _pod_meta(asked), "spec": pod(asked)},
            "volumeClaimTemplates": [{"metadata": {"name": "checkpoints"}, "spec": _volume(asked)}],
        },
    }


def _volume(asked: Kubernetes) -> Manifest:
    placed = {"storageClassName": asked.storage_class} if asked.storage_class else {}
    return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": asked.volume}}, **placed}


def _pod_meta(asked: Kubernetes) -> Manifest:
    scrape = {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(asked.deployment.port),
        "prometheus.io/path": "/metrics",
    }
    # With a PodMonitor a Prometheus that looks for annotations too would scrape it twice.
    return {"labels": asked.labels} | ({} if asked.pod_monitor else {"annotations": scrape})


def _monitor(asked: Kubernetes) -> Manifest:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": asked.meta(),
        "spec": {
            "selector": {"matchLabels": asked.labels},
            "podMetricsEndpoints": [{"port": "http", "path": "/metrics", "interval": "15s"}],
        },
    }


def _target_problem(target: str) -> str | None:
    """A file is looked for in the folder in which the image begins, so what leads out of this one leads nowhere."""
    if ".." not in PurePosixPath(target.rpartition(":")[0] or target).parts:
        return None
    return f"graph {target!r}: leads to a folder that the image need not have; write its whole path there, or a module"


def _config_too_large(own: Deployment) -> str | None:
    size = 0 if own.config is None else len(own.config.text.encode())
    if size < names.CONFIG_LIMIT:
        return None
    return f"the configuration file has {size:,} bytes; a ConfigMap holds {names.CONFIG_LIMIT:,}"


__all__ = ["Kubernetes", "manifests"]
