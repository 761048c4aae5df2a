"""`streamweave-lab deploy`: manifests and units, written into a folder."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from streamweave_lab.cli.deploy_options import process_options, target_options
from streamweave_lab.cli.loading import load
from streamweave_lab.config.model import Config
from streamweave_lab.ops.deploy import folder as written_to
from streamweave_lab.ops.deploy.budget import Budget
from streamweave_lab.ops.deploy.deployment import Deployment, checked, deployment, stand_ins
from streamweave_lab.ops.deploy.names import movable_image


@click.group()
def deploy() -> None:
    """Write manifests for Kubernetes, a unit for systemd, or the files of Prometheus.

    They are made from the graph and its configuration, which is checked first: with what would not start nothing
    is written. Nothing is applied. Exit codes: 0 written, 78 something that would be refused.
    """


@deploy.command()
@target_options
@process_options
@click.option("--image", required=True, help="The image, with a tag or digest; it has streamweave-lab and the graph.")
@click.option("--namespace", help="The namespace; by default that of whoever applies it.")
@click.option("--cpu", help="Processors asked for; by default 1, and 1 for each worker process of the graph.")
@click.option("--memory", default="512Mi", show_default=True, help="Memory asked for, which is also the limit.")
@click.option("--volume", default="1Gi", show_default=True, help="Size of the volume for checkpoints.")
@click.option("--storage-class", help="Of the volume; by default the cluster's own.")
@click.option("--pre-stop", type=click.IntRange(0), default=2, show_default=True, metavar="SECONDS",
              help="Between the pod being taken from its Service and the signal.")  # fmt: skip
@click.option("--job", is_flag=True, help="A Job instead, for a graph that comes to its end; SIGTERM then suspends it.")
@click.option("--pod-monitor", is_flag=True, help="Also write a PodMonitor, for the Prometheus operator.")
def kubernetes(target: str, folder: Path, image: str, pre_stop: int, **asked: Any) -> None:
    """Write a StatefulSet or a Job, and what belongs to it, for Kubernetes 1.30 or newer.

    GRAPH is module:graph or file.py:graph, as the image knows it. The grace period is computed from the drain's
    and the checkpoint's timeout, preStop and a margin, or refused. Secrets are named, never written.
    A StatefulSet begins a graph again that has come to its end; a Job does not.
    """
    from streamweave_lab.ops.deploy.kubernetes import Kubernetes, manifests

    own, asked = _deployment(target, pre_stop, asked)
    found = Kubernetes(own, image, **asked)
    _write(folder, manifests(found))
    namespace = f" -n {found.namespace}" if found.namespace else ""
    _say(
        movable_image(image) and f"note: {image} may be another tomorrow; with a tag of its own you can go back to it",
        "first, once:",
        f"  kubectl create secret generic {own.name}-token{namespace} --from-file=token=FILE",
        own.secrets
        and f"  kubectl create secret generic {own.name}-secrets{namespace} "
        + " ".join(f"--from-file={name}=FILE" for name in own.secrets),
        f"then: kubectl apply -f {folder}",
    )


@deploy.command()
@target_options
@process_options
@click.option(
    "--executable",
    type=click.Path(path_type=Path),
    help="streamweave-lab, where the unit is to run; by default this one.",
)
@click.option("--working-directory", help="The folder in which module or file of the graph are found.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to serve on.")
@click.option("--watchdog", type=click.IntRange(0), default=60, show_default=True, metavar="SECONDS",
              help="Silence of the event loop after which it is started again; 0 for never.")  # fmt: skip
@click.option("--systemd-version", type=int, help="Where the unit is to run; by default this machine's, or 253.")
def systemd(target: str, folder: Path, executable: Path | None, systemd_version: int | None, **asked: Any) -> None:
    """Write a unit.

    GRAPH is module:graph or file.py:graph. From systemd 253 on it is of Type=notify-reload, before that of
    Type=notify with ExecReload=, which does not wait for the outcome of a reload.
    """
    from streamweave_lab.ops.deploy.systemd import NOTIFY_RELOAD, Systemd, units

    version = systemd_version or _systemd_here() or NOTIFY_RELOAD
    own, asked = _deployment(target, 0, asked)
    _write(folder, units(Systemd(own, str(executable or _executable()), version, **asked)))
    kind = "notify-reload" if version >= NOTIFY_RELOAD else "notify"
    place = f"/etc/streamweave/{own.name}"
    _say(
        f"written for systemd {version} (Type={kind}); --systemd-version writes for another",
        f"first, once: install -d {place}, with the token in {place}/token (mode 0600)"
        + "".join(f", and {name} in {place}/{name}" for name in own.secrets),
        own.config and f"then: install -m 644 {folder / own.config.name} {place}/",
        f"then: install -m 644 {folder / own.name}.service /etc/systemd/system/ && systemctl daemon-reload && "
        f"systemctl enable --now {own.name}",
    )


@deploy.command()
@target_options
@click.option(
    "--target", "targets", multiple=True, metavar="HOST:PORT", help="Where it is served; may be given more than once."
)
@click.option(
    "--interval", type=click.IntRange(1), default=15, show_default=True, metavar="SECONDS", help="Between two scrapes."
)
@click.option(
    "--runbooks", metavar="URL", help="Where docs/failures.md is published: each alert then links to its procedure."
)
def prometheus(target: str, folder: Path, targets: tuple[str, ...], **asked: Any) -> None:
    """Write a scrape configuration and the alert rules."""
    from streamweave_lab.ops.deploy.prometheus import scrape_files

    named = asked["config_class"]
    found = load(target, named)
    kind = found.config_class(named) if found.takes_config else None
    graph = found.graph(_stand_in(kind))
    own = deployment(graph, target, name=asked["name"], port=asked["port"])
    _write(folder, scrape_files(own, targets, asked["interval"], asked["runbooks"]))
    _say(f"check with: promtool check config {folder / 'prometheus.yml'}")


def _deployment(target: str, pre_stop: int, asked: Mapping[str, Any]) -> tuple[Deployment, dict[str, Any]]:
    """What is to be deployed, and the options that are not about it."""
    more = dict(asked)
    take = more.pop
    budget = Budget(take("drain_timeout"), take("checkpoint_timeout"), pre_stop, take("margin"))
    path, named = take("settings"), take("config_class")
    found = load(target, named)
    kind = found.config_class(named)
    config = None if path is None else checked(path, kind)
    graph = found.graph(_stand_in(kind, path)) if found.takes_config else found.graph()
    own = deployment(
        graph,
        target,
        name=take("name"),
        budget=budget,
        config=config,
        config_class=kind,
        named=named,
        port=take("port"),
        on_term=take("on_term"),
    )
    return own, more


def _stand_in(kind: type[Config] | None, path: Path | None = None) -> Config | None:
    """The configuration as far as it is known here: secrets are not."""
    return None if kind is None else kind.load(path, environ=stand_ins(kind))


def _systemd_here() -> int | None:
    """The version of systemd on this machine."""
    program = shutil.which("systemctl")
    if program is None:
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout  # noqa: S603
    found = re.match(r"systemd (\d+)", said)
    return int(found[1]) if found else None


def _executable() -> Path:
    """The command beside this interpreter, which need not be on the path of a service."""
    return Path(sys.executable).with_name("streamweave-lab")


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for path in written_to.write(folder, files):
        click.echo(path)
    if others := written_to.others(folder, files):
        names = ", ".join(path.name for path in others)
        _say(f"note: {folder} also has {names}, not written now; remove what is left of an earlier call")


def _say(*lines: object) -> None:
    """What is left to be done, apart from the list of what was written."""
    for line in filter(None, lines):
        click.echo(line, err=True)


__all__ = ["deploy"]
