"""A Job: for a graph that comes to its end, which a StatefulSet would begin again for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamweave_lab.ops.deploy.pod import CONTAINER, pod

if TYPE_CHECKING:
    from streamweave_lab.ops.deploy.kubernetes import Kubernetes, Manifest

WHY_JOB = [
    "It is done when the graph has come to its end. A pod that ends before that is replaced, and goes on from its",
    "checkpoint: not counted where it had to make room, and never where option or configuration is wrong (2, 78).",
]
WHY_CLAIM = ["The checkpoints; they outlive each pod of the Job, and the Job."]

_TRIES = 6
"""Pods that may fail, each longer after the one before, up to six minutes."""
_IN_VAIN = [2, 78]
"""Exit codes of a wrong option and of a wrong configuration: another pod would meet the same."""


def job(asked: Kubernetes, pod_meta: Manifest) -> Manifest:
    """The Job itself."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": asked.meta(),
        "spec": {
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": _TRIES,
            "podReplacementPolicy": "Failed",  # never two pods on one store
            "podFailurePolicy": {"rules": [_in_vain(), _made_room()]},
            "template": {"metadata": pod_meta, "spec": {**pod(asked), "restartPolicy": "Never"}},
        },
    }


def claim(asked: Kubernetes, spec: Manifest) -> Manifest:
    """What the pods of the Job have their volume from."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": asked.meta(asked.claim),
        "spec": spec,
    }


def _in_vain() -> dict[str, Any]:
    codes = {"containerName": CONTAINER, "operator": "In", "values": _IN_VAIN}
    return {"action": "FailJob", "onExitCodes": codes}


def _made_room() -> dict[str, Any]:
    return {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}


__all__ = ["WHY_CLAIM", "WHY_JOB", "claim", "job"]
