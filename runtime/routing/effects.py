"""What handling a message wants done in the world."""

from __future__ import annotations

from typing import Final, final

from runtime.routing.sockets import ListenSocket
from runtime.sip.address import Address


@final
class Send:
    """Send `data` from `socket` to `destination`."""

    def __init__(self, data: bytes, destination: Address, socket: ListenSocket) -> None:
        self.data: Final = data
        self.destination: Final = destination
        self.socket: Final = socket
