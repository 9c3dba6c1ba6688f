"""What lies between the bytes of a connection and the messages in them; compiled in the native build.

A channel touches no socket: it is given what came, and says what to write. Plain TCP passes messages on as they are. A transport
that shakes hands first, or wraps its messages, is another file with a subclass, and a line in `channels.py`.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import mypyc_attr

from runtime.sip.framing import Framer


@mypyc_attr(allow_interpreted_subclasses=True)
class Channel:
    """One side of one connection. `is_ready` False: it shakes hands, and messages have to wait."""

    def __init__(self) -> None:
        self.is_ready = True

    def feed(self, data: bytes) -> None:
        """What came. Raises BadMessage where the peer does not keep to the transport."""
        raise NotImplementedError

    def take(self) -> bytes:
        """The next whole message of those that came, b"" if there is none. Raises BadMessage."""
        raise NotImplementedError

    def is_between(self) -> bool:
        """True if nothing has come that is not a whole message."""
        raise NotImplementedError

    def wrap(self, message: bytes) -> bytes:
        """The bytes to write for a message. Asked once for each, in their order, and only while `is_ready`."""
        raise NotImplementedError

    def own_bytes(self) -> bytes:
        """What is to be written for the channel's own sake, b"" if nothing is; it goes before the next message. Each byte is
        given once."""
        return b""

    def end(self) -> None:
        """Nothing more is read; when what is left is written the connection closes. Last words can be `own_bytes`."""


@final
class PlainChannel(Channel):
    """SIP over TCP: messages one after the other, as Content-Length divides them."""

    def __init__(self) -> None:
        super().__init__()
        self._framer: Final = Framer()

    def feed(self, data: bytes) -> None:
        self._framer.feed(data)

    def take(self) -> bytes:
        return self._framer.take()

    def is_between(self) -> bool:
        return self._framer.is_empty()

    def wrap(self, message: bytes) -> bytes:
        return message
