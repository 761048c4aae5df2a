"""What goes over a page's websocket to its kernel, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page, WebSocket


class Traffic:
    """Sizes in bytes of the comm messages of a page. Make it before the page is loaded, or reload the page."""

    def __init__(self, page: Page) -> None:
        self.received: list[int] = []
        self.sent: list[int] = []
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda payload: self._note(self.received, payload))
        socket.on("framesent", lambda payload: self._note(self.sent, payload))

    @staticmethod
    def _note(sizes: list[int], payload: str | bytes) -> None:
        data = payload if isinstance(payload, bytes) else payload.encode()
        if b"comm_msg" in data:
            sizes.append(len(data))

    def clear(self) -> None:
        """Forget what was so far."""
        self.received.clear()
        self.sent.clear()
