"""For Prometheus: the alert rules of the package, and where to scrape."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any

from streamweave_lab.ops.deploy.deployment import Deployment, refuse
from streamweave_lab.ops.deploy.text import to_yaml

RULES = "streamweave.rules.yml"

_TARGET = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):(\d{1,5})")


PROCEDURES = {
    "StreamweaveUnreachable": "the-process-was-killed",
    "StreamweaveRestarting": "it-starts-again-and-again",
    "StreamweaveFailed": "a-poison-item",
    "StreamweaveNotReady": "not-ready",
    "StreamweaveFrontierStuck": "the-frontier-stands-still",
    "StreamweaveBackpressure": "backpressure",
    "StreamweaveErrors": "items-are-refused",
    "StreamweaveCheckpointTooOld": "the-checkpoint-is-too-old-or-fails",
    "StreamweaveReloadFailed": "a-reload-was-refused",
    "StreamweaveMetricsFolded": "metrics-are-folded",
}
"""The heading of docs/failures.md under which each alert is dealt with."""


def rules(runbooks: str | None = None) -> str:
    """The alert rules that the package ships; each alert links to its procedure if these are published at a URL."""
    text = (resources.files("streamweave_lab.ops") / "alerts" / RULES).read_text(encoding="utf-8")
    return text if runbooks is None else "".join(_linked(text.splitlines(keepends=True), runbooks))


def _linked(lines: list[str], runbooks: str) -> Iterator[str]:
    """Line by line, so that the comments stay."""
    alert = ""
    for line in lines:
        yield line
        if found := re.match(r"\s*- alert: (\w+)", line):
            alert = found[1]
        elif alert in PROCEDURES and line.strip() == "annotations:":
            indent = line[: len(line) - len(line.lstrip())]
            yield f'{indent}  runbook_url: "{runbooks}#{PROCEDURES[alert]}"\n'


def scrape_files(
    own: Deployment, targets: Sequence[str] = (), interval: int = 15, runbooks: str | None = None
) -> dict[str, str]:
    """A configuration of Prometheus that scrapes `targets` (`host:port`), and the rules beside it, by file name.

    Without targets it is the port of the deployment on this machine.

    Raises: ConfigError for a target that is no host and port, or `runbooks` that are no URL.
    """
    refuse(own.name, [
        *map(_target_problem, targets),
        None if interval > 0 else f"interval {interval}: must be 1 second or more",
        None if runbooks is None else _url_problem(runbooks),
    ])  # fmt: skip
    return {RULES: rules(runbooks), "prometheus.yml": to_yaml(_config(own, targets, interval), _WHY)}


_WHY = [
    "Whole as it stands, for `prometheus --config.file=prometheus.yml`; into a Prometheus that is there already go the",
    "entry of scrape_configs and the file of rules. On Kubernetes pods are found by annotations or a PodMonitor.",
]


def _config(own: Deployment, targets: Sequence[str], interval: int) -> dict[str, Any]:
    job = {
        "job_name": own.name,
        "metrics_path": "/metrics",
        "static_configs": [{"targets": list(targets) or [f"localhost:{own.port}"]}],
    }
    every = {"scrape_interval": f"{interval}s", "evaluation_interval": f"{interval}s"}
    return {"global": every, "rule_files": [RULES], "scrape_configs": [job]}


def _target_problem(target: str) -> str | None:
    found = _TARGET.fullmatch(target)
    if found and 0 < int(found[2]) < 65536:
        return None
    return f"target {target!r}: must be a host and a port, such as flights.example:9464"


def _url_problem(url: str) -> str | None:
    if re.fullmatch(r"https?://[^\s\"\\#]+", url):
        return None
    return f"runbooks {url!r}: must be the URL of a page, such as https://docs.example/failures.html, without #"


__all__ = ["PROCEDURES", "RULES", "rules", "scrape_files"]
