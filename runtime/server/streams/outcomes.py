"""What has become of connections and of what was sent on them."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.server.streams.connection import Connection, Outgoing


@final
class Received:
    """A whole message and the connection that it came by; b"" if that is to be closed, for what follows is no message."""

    def __init__(self, connection: Connection, data: bytes) -> None:
        self.connection: Final = connection
        self.data: Final = data


@final
class Failed:
    """A message that could not be delivered, and why."""

    def __init__(self, out: Outgoing, error: int) -> None:
        self.out: Final = out
        self.error: Final = error


@final
class Reached:
    """What process `sender` has asked with `question`: 0 if there is a connection, else the errno."""

    def __init__(self, sender: i64, question: i64, error: int) -> None:
        self.sender: Final = sender
        self.question: Final = question
        self.error: Final = error
