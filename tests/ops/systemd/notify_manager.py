"""A service manager's end of the notify socket."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

Message = dict[str, str]


class Manager:
    """What listens there."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.environ = {"NOTIFY_SOCKET": address}
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address[0] == "@" else address)
        self.socket.setblocking(False)

    def go(self) -> None:
        """As if it had never been."""
        self.socket.close()
        Path(self.address).unlink()

    async def hears(self) -> list[Message]:
        """Wait for a message, and return every one so far."""
        heard = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self.socket, heard.set)
        await heard.wait()
        loop.remove_reader(self.socket)
        return self.heard()

    def heard(self) -> list[Message]:
        """Every message so far, each as assignments."""
        found: list[Message] = []
        while True:
            try:
                message = self.socket.recv(10_000).decode()
            except BlockingIOError:
                return found
            found.append(dict(line.split("=", 1) for line in message.split("\n")))


@contextmanager
def managing() -> Iterator[Manager]:
    """A manager on a socket in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:  # a path of at most 107 bytes, which tmp_path may exceed
        manager = Manager(str(Path(folder) / "notify"))
        with manager.socket:
            yield manager
