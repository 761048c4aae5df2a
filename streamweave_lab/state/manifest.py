"""A checkpoint without its data: what it consists of, with a checksum for each part and one for the whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from importlib import metadata
from typing import Any

from streamweave_lab.errors import StateError
from streamweave_lab.state.store import FORMAT_VERSION, Checkpoint, Info, NodeState

Manifest = dict[str, Any]


def manifest_of(checkpoint: Checkpoint, files: Mapping[str, str] | None = None) -> bytes:
    """The manifest as JSON. `files` says in which file each node's data is. Raises: StateError."""
    nodes = {
        name: {
            "version": state.version,
            "encoding": state.encoding,
            "bytes": len(state.data),
            "sha256": checksum(state.data),
        }
        | ({"file": files[name]} if files else {})
        for name, state in checkpoint.nodes.items()
    }
    content: Manifest = {
        "format_version": checkpoint.format_version,
        "written_by": _written_by(),
        "id": checkpoint.id,
        "graph": checkpoint.graph,
        "epoch": checkpoint.epoch,
        "taken_at": checkpoint.taken_at,
        "reason": checkpoint.reason,
        "positions": dict(checkpoint.positions),
        "config": None if checkpoint.config is None else dict(checkpoint.config),
        "config_sha256": checkpoint.config_sha256,
        "nodes": nodes,
    }
    try:
        return json.dumps(content, indent=1).encode()
    except (TypeError, ValueError) as error:
        raise StateError(
            f"checkpoint of {checkpoint.graph!r}: configuration and positions must be JSON: {error}"
        ) from None


def parsed(text: bytes, digest: str, number: int, *, what: str) -> Manifest:
    """The manifest of checkpoint `number`. Raises: StateError naming `what`, if it is damaged or of a newer format."""
    content: Any = None
    if checksum(text) == digest:
        content = json.loads(text)
    if not isinstance(content, dict):
        raise StateError(f"{what}: its manifest is damaged (its sha256 is not the one written with it)")
    if content["format_version"] > FORMAT_VERSION:
        raise StateError(newer(what, content["format_version"], content["written_by"]))
    if content["id"] != number:
        raise StateError(f"{what}: its manifest is that of checkpoint {content['id']}")
    return content


def assembled(
    content: Manifest, data: Mapping[str, bytes | None], problems: tuple[str, ...], *, what: str
) -> Checkpoint:
    """The checkpoint, of its manifest and the data of its nodes. Raises: StateError if there are `problems`."""
    if problems:
        raise StateError(f"{what} is damaged: " + "; ".join(problems))
    nodes = {
        name: NodeState(entry["version"], entry["encoding"], data[name] or b"")
        for name, entry in content["nodes"].items()
    }
    same = ("graph", "epoch", "taken_at", "positions", "config", "config_sha256", "reason", "id", "format_version")
    return Checkpoint(nodes=nodes, **{key: content[key] for key in same})


def damages(content: Manifest, data: Mapping[str, bytes | None]) -> tuple[str, ...]:
    """A sentence for each node whose data is not there (None) or not as it was written."""
    problems = []
    for name, entry in content["nodes"].items():
        there = data.get(name)
        if there is None:
            problems.append(f"the state of node {name!r} is missing")
        elif len(there) != entry["bytes"]:
            problems.append(f"the state of node {name!r} has {len(there)} bytes instead of {entry['bytes']}")
        elif checksum(there) != entry["sha256"]:
            problems.append(f"the state of node {name!r} does not match its sha256")
    return tuple(problems)


def info_of(content: Manifest, problems: tuple[str, ...] = ()) -> Info:
    """What a list says about the checkpoint."""
    size = sum(entry["bytes"] for entry in content["nodes"].values())
    return Info(content["id"], content["taken_at"], size, content["reason"], content["epoch"], problems)


def newer(what: str, version: int, written_by: str) -> str:
    """The sentence about a format that is too new to be read."""
    install = f"streamweave_lab>={written_by}" if written_by else "streamweave_lab"
    return (
        f"{what} has format {version}, and only formats up to {FORMAT_VERSION} are known here: "
        f'pip install --upgrade "{install}"'
    )


def checksum(data: bytes) -> str:
    """The sha256 in hexadecimal."""
    return sha256(data).hexdigest()


def _written_by() -> str:
    try:
        return metadata.version("streamweave_lab")
    except metadata.PackageNotFoundError:  # run from its source
        return ""
