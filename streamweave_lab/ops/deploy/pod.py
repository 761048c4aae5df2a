"""The pod: what runs in it, what it may do, how it is asked how it is, and what is mounted where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamweave_lab.config.source import variable_of

if TYPE_CHECKING:
    from streamweave_lab.ops.deploy.kubernetes import Kubernetes

USER = 10001
"""Nobody's number in common images; the volume is made the group's."""

CONFIG_FOLDER = "/etc/streamweave/config"
TOKEN_FOLDER = "/etc/streamweave/token"  # noqa: S105 - where it is mounted, not what it is
SECRETS_FOLDER = "/etc/streamweave/secrets"
STATE = "/var/lib/streamweave"
CONTAINER = "run"

HOST = "0.0.0.0"  # noqa: S104 - all addresses of the pod, for the kubelet; what acts needs the token

_STARTUP_PERIOD = 5
_GROUP_ONLY = 0o440


def pod(asked: Kubernetes) -> dict[str, Any]:
    """The specification of the pod."""
    own = asked.deployment
    return {
        "serviceAccountName": own.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,  # else variables named after services, which may begin with STREAMWEAVE_
        "terminationGracePeriodSeconds": own.budget.grace(asked.grace),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(asked)],
        "volumes": _volumes(asked),
    }


def _container(asked: Kubernetes) -> dict[str, Any]:
    own = asked.deployment
    config = f"{CONFIG_FOLDER}/{own.config.name}" if own.config else None
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": asked.image,
        "command": ["streamweave-lab"],
        "args": own.arguments(host=HOST, state=STATE, config=config, watch=True, to_end=asked.job),
        "env": _environment(asked),
        "ports": [{"name": "http", "containerPort": own.port}],
        "startupProbe": _probe("/startup", _STARTUP_PERIOD, -(-asked.startup // _STARTUP_PERIOD)),
        "livenessProbe": _probe("/live", 10, 3),
        "readinessProbe": _probe("/ready", 5, 1),
        "resources": _resources(asked),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": _mounts(asked),
    }
    if own.budget.pre_stop:
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": own.budget.pre_stop}}}
    return container


def _probe(path: str, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 1,
        "failureThreshold": failures,
    }


def _resources(asked: Kubernetes) -> dict[str, Any]:
    """No limit of processors: one that is throttled does not answer in time, and is then restarted for it."""
    cpu = asked.cpu or str(asked.deployment.cores)
    return {"requests": {"cpu": cpu, "memory": asked.memory}, "limits": {"memory": asked.memory}}


def _environment(asked: Kubernetes) -> list[dict[str, str]]:
    own = asked.deployment
    files = {"STREAMWEAVE_TOKEN_FILE": f"{TOKEN_FOLDER}/token"} | own.log
    files |= {f"{variable_of(name)}_FILE": f"{SECRETS_FOLDER}/{name}" for name in own.secrets}
    return [{"name": name, "value": value} for name, value in files.items()]


def _mounts(asked: Kubernetes) -> list[dict[str, Any]]:
    """Whole folders, never a subPath: a file that is mounted by itself is not swapped when it changes."""
    own = asked.deployment
    mounts: list[dict[str, Any]] = [
        {"name": "checkpoints", "mountPath": STATE},
        {"name": "token", "mountPath": TOKEN_FOLDER, "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
    ]
    if own.config:
        mounts.append({"name": "config", "mountPath": CONFIG_FOLDER, "readOnly": True})
    if own.secrets:
        mounts.append({"name": "secrets", "mountPath": SECRETS_FOLDER, "readOnly": True})
    return mounts


def _volumes(asked: Kubernetes) -> list[dict[str, Any]]:
    own = asked.deployment
    volumes: list[dict[str, Any]] = [
        {"name": "token", "secret": _secret(asked.token_secret or f"{own.name}-token", ["token"])},
        {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
    ]
    if asked.job:  # a StatefulSet has a template for it
        volumes.append({"name": "checkpoints", "persistentVolumeClaim": {"claimName": asked.claim}})
    if own.config:
        volumes.append({"name": "config", "configMap": {"name": f"{own.name}-config"}})
    if own.secrets:
        volumes.append({"name": "secrets", "secret": _secret(f"{own.name}-secrets", own.secrets)})
    return volumes


def _secret(name: str, keys: list[str] | tuple[str, ...]) -> dict[str, Any]:
    items = [{"key": key, "path": key} for key in keys]
    return {"secretName": name, "defaultMode": _GROUP_ONLY, "items": items}


__all__ = ["CONFIG_FOLDER", "CONTAINER", "SECRETS_FOLDER", "STATE", "TOKEN_FOLDER", "pod"]
