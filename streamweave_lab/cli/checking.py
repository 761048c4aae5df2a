"""A graph and its configuration, or everything that is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streamweave_lab.cli.loading import Target
from streamweave_lab.config.model import Config
from streamweave_lab.errors import ConfigError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.ops.config.validation import Validation, validate

if TYPE_CHECKING:
    from streamweave_lab.state.store import Store


def examined(
    target: Target,
    file: Path | None,
    config_class: str | None,
    store: Store | None = None,
    resume: bool | int = False,
    listen: tuple[str, int] | None = None,
) -> tuple[Graph | None, Validation]:
    """The graph, and what was found about it and its surroundings; None where its function could not be called.

    Raises: LoadError.
    """
    known = target.config_class(config_class, file=file)
    if known is None and file is not None:
        raise ConfigError(str(file), (
            f"nothing in {target.spec} says which Config class it is read with; say --config-class NAME",
        ))  # fmt: skip
    if not target.takes_config:
        graph = target.graph()
        return graph, validate(graph, known, file, store=store, resume=resume, listen=listen)
    try:
        config = known.load(file) if known else None
    except ConfigError as error:
        return None, Validation(correct=error.problems)
    graph = target.graph(config)
    return graph, validate(graph, config, store=store, resume=resume, listen=listen)


def checked(
    target: Target,
    file: Path | None,
    config_class: str | None,
    store: Store | None = None,
    resume: bool | int = False,
) -> tuple[Graph, Config | None]:
    """A graph that can be run, and its configuration. Raises: ConfigError with all problems; LoadError."""
    graph, found = examined(target, file, config_class, store, resume)
    if graph is None or not found.ok:
        raise ConfigError(str(file if file and found.config is None else target.spec), found.problems)
    return graph, found.config


__all__ = ["checked", "examined"]
