"""A line that can be cut: what is sent over it arrives, and the answer is lost."""

from __future__ import annotations

import socket
import threading


class Lossy:
    """Stands between a client and a server on this machine, a connection for each request."""

    def __init__(self, port: int) -> None:
        self.lose = 0
        """How many answers to a POST are to be lost from now on."""
        self.looks = 0
        """How many GET have arrived."""
        self.posted: list[bytes] = []
        """The first line of each POST that has arrived."""
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._to)) as server:
            while request := _message(client):
                server.sendall(request)
                answer = _message(server)
                self.looks += request.startswith(b"GET")
                if request.startswith(b"POST"):
                    self.posted.append(request.split(b"\r\n")[0])
                    if self.lose > 0:
                        self.lose -= 1
                        return
                client.sendall(answer)


def _message(stream: socket.socket) -> bytes:
    """One request or answer, whole; nothing at the end."""
    text = b""
    while b"\r\n\r\n" not in text:
        if not (more := stream.recv(65536)):
            return b""
        text += more
    head, _, body = text.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    missing = int(fields.get(b"content-length", b"0")) - len(body)
    while missing > 0:
        more = stream.recv(65536)
        text, missing = text + more, missing - len(more)
    return text
