"""What is to be deployed: a graph, by the name under which `streamweave-lab run` finds it, and its settings."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamweave_lab.config.fields import flat, leaves, section
from streamweave_lab.config.model import Config
from streamweave_lab.config.source import parsed, variable_of
from streamweave_lab.errors import ConfigError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.ops.deploy.budget import Budget
from streamweave_lab.ops.logs.settings import VARIABLE, LogSettings

PORT = 9464
"""Where metrics are commonly served (OpenTelemetry's default for Prometheus)."""

HISTORY = "history.jsonl"
"""The journal of configuration versions, in the folder for state: to roll back also after a restart."""


@dataclass(frozen=True)
class ConfigFile:
    """A configuration file as it is now."""

    name: str
    """Without folders, such as "flights.toml"."""
    text: str


@dataclass(frozen=True)
class Deployment:
    """Everything that Kubernetes, systemd and Prometheus are told about one process with one graph."""

    graph: str
    """The graph's own name, which is the `graph_id` of its metrics."""
    name: str
    """What the StatefulSet or unit is called."""
    target: str
    """Where the graph is found: `module:graph` or `file.py:graph`."""
    budget: Budget = field(default_factory=Budget)
    config: ConfigFile | None = None
    config_class: str | None = None
    """The name under which its class has to be asked for, where it is not plain."""
    secrets: tuple[str, ...] = ()
    """Fields of the configuration that are secret, by dotted name."""
    workers: int = 0
    """Processes that nodes of the graph start beside the run's own."""
    port: int = PORT
    on_term: str = "drain"
    """What the run does when it is told to end: "drain", or "suspend", which keeps windows open."""
    logs: bool = False
    """Its configuration says what is logged."""

    @property
    def log(self) -> dict[str, str]:
        """The variable that says what is logged; none where it would overrule the configuration."""
        return {} if self.logs else {VARIABLE: "info"}

    @property
    def cores(self) -> int:
        """Processors that it can keep busy."""
        return 1 + self.workers

    def arguments(
        self, *, host: str, state: str, config: str | None = None, watch: bool = False, to_end: bool = False
    ) -> list[str]:
        """What follows `streamweave-lab`; the token is found by the environment's STREAMWEAVE_TOKEN_FILE.

        `state` is the folder that outlives the process; with `watch` a changed configuration file is a reload.
        With `to_end` it is a failure to end before the graph has come to its end, and what ends it then suspends.
        """
        address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        given = ["run", self.target, "--serve", address, "--checkpoint", f"{state}/checkpoints"]
        given += ["--drain-timeout", f"{self.budget.drain:g}"]
        if to_end:
            given += ["--to-end", "--on-term", "suspend"]
        elif self.on_term != "drain":
            given += ["--on-term", self.on_term]
        if self.config_class is not None:
            given += ["--config-class", self.config_class]
        if config is not None:
            given += ["--config", config, "--history", f"{state}/{HISTORY}", *(["--watch-config"] if watch else [])]
        return given


def deployment(
    graph: Graph,
    target: str,
    *,
    name: str | None = None,
    budget: Budget | None = None,
    config: ConfigFile | None = None,
    config_class: type[Config] | None = None,
    named: str | None = None,
    port: int = PORT,
    on_term: str = "drain",
) -> Deployment:
    """What is to be deployed of `graph`, which stands at `target` and takes a configuration of `config_class`.

    `named` is the name of that class, where `run` has to be told.

    Raises: ConfigError for a secret that cannot be given as a file.
    """
    known = {} if config_class is None else {leaf.name: leaf for leaf in leaves(config_class)}
    secrets = tuple(name for name, leaf in known.items() if leaf.secret)
    refuse(graph.name, [_unmountable(secret) for secret in secrets if f"{secret}_file" in known])
    return Deployment(
        graph.name,
        graph.name if name is None else name,
        target,
        budget or Budget(),
        config,
        named,
        secrets,
        sum(getattr(node, "workers", None) or 0 for node in graph),
        port,
        on_term,
        config_class is not None and _has_log_section(config_class),
    )


def _unmountable(secret: str) -> str:
    return (
        f"{secret}: is a secret, whose file {variable_of(secret)}_FILE would name; but {secret}_file is a setting of "
        f"its own, which that variable sets; give one of the two another name"
    )


def _has_log_section(kind: type[Config]) -> bool:
    models = filter(None, map(section, kind.model_fields.values()))
    return any(issubclass(model, LogSettings) for model in models)


def checked(path: Path, kind: type[Config] | None) -> ConfigFile:
    """The configuration file, after it was read as a run would read it.

    Raises: ConfigError if it is wrong, for what would not start is not deployed; or for a secret in it.
    """
    if kind is None:
        raise ConfigError(str(path), ("the graph takes no configuration; leave the file out, or name its class",))
    given = flat(kind, parsed(path))
    known = {leaf.name: leaf for leaf in leaves(kind)}
    secret = [name for name, leaf in known.items() if leaf.secret]
    if problems := tuple(filter(None, (_in_the_open(name, given, known) for name in secret))):
        raise ConfigError(str(path), problems)
    kind.load(path, environ=stand_ins(kind))
    return ConfigFile(path.name, path.read_text(encoding="utf-8-sig"))


def _in_the_open(secret: str, given: Mapping[str, Any], known: Container[str]) -> str | None:
    """What is wrong with a secret, or the place of one, in a file which everybody may read."""
    if secret in given:
        return f"{secret}: is a secret, and everybody may read this file; take it out, {_MOUNTED}"
    pointer = f"{secret}_file"
    if pointer in given and pointer not in known:  # a field of that name is no place of a secret
        return f"{pointer}: names a file of this machine for the secret {secret}; take it out, {_MOUNTED}"
    return None


_MOUNTED = "what is written mounts it as a file of its own"


def stand_ins(kind: type[Config]) -> dict[str, str]:
    """A value for each secret that must be given: it is there, where this is deployed, and not here."""
    return {variable_of(leaf.name): "not here" for leaf in leaves(kind) if leaf.secret and leaf.info.is_required()}


def refuse(name: str, problems: Sequence[str | None]) -> None:
    """Raises: ConfigError if there are problems."""
    if found := tuple(filter(None, problems)):
        raise ConfigError(f"the deployment of {name!r}", found)


__all__ = ["PORT", "ConfigFile", "Deployment", "checked", "deployment", "refuse", "stand_ins"]
