"""The files of a checkpoint that is kept as a folder."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from streamweave_lab.state.manifest import checksum, manifest_of
from streamweave_lab.state.store import Checkpoint

METADATA, MANIFEST, COMMITTED = "metadata.json", "manifest.json", "COMMITTED"


def contents(checkpoint: Checkpoint) -> dict[str, bytes]:
    """The files of a checkpoint, in the order in which they are written."""
    files = _file_names(checkpoint.nodes)
    manifest = manifest_of(checkpoint, files)
    return {
        METADATA: metadata(checkpoint.id, checkpoint.positions),
        **{files[name]: state.data for name, state in checkpoint.nodes.items()},
        MANIFEST: manifest,
        COMMITTED: checksum(manifest).encode() + b"\n",
    }


def metadata(number: int, positions: Mapping[str, int]) -> bytes:
    """What other readers of this layout look for: the position of the source, null unless there is exactly one."""
    position = next(iter(positions.values())) if len(positions) == 1 else None
    return json.dumps({"id": number, "position": position}).encode()


def _file_names(nodes: Mapping[str, object]) -> dict[str, str]:
    """A file for each node: its name, or one like it where filesystems would not keep two apart."""
    files: dict[str, str] = {}
    taken: set[str] = set()
    for node in nodes:
        name = stem = re.sub(r"[^A-Za-z0-9_.-]", "_", node)[:100]
        count = 1
        while name.casefold() in taken:
            count += 1
            name = f"{stem}~{count}"
        taken.add(name.casefold())
        files[node] = f"{name}.bin"
    return files
