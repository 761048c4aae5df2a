"""What survives a restart: checkpoints, how state is encoded in them, and where they are kept."""

from __future__ import annotations

from streamweave_lab.state.folder_store import FolderStore
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.state.store import Checkpoint, Info, NodeState, Store

__all__ = ["Checkpoint", "FolderStore", "Info", "NodeState", "SqliteStore", "Store"]
