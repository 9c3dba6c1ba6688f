"""What the TCP connections of one process may take."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

IDLE_MS: Final[i64] = 120_000

# What may wait for all peers of a process together, unless told otherwise.
QUEUED_MAX_BYTES: Final[i64] = 64 << 20


@final
class Limits:
    """Of a process: `connections` at a time, `one_host` of them that one host has opened, or that were opened to it, so that none can
    take all; how long connect(2) and a peer that does not read may take; how many bytes may wait for all peers together.
    """

    def __init__(
        self,
        connections: i64,
        connect_ms: i64,
        send_ms: i64,
        one_host: i64,
        queued_bytes: i64 = QUEUED_MAX_BYTES,
    ) -> None:
        self.connections: Final = connections
        self.queued_bytes: Final = queued_bytes
        self.one_host: Final = one_host
        self.connect_ms: Final = connect_ms
        self.send_ms: Final = send_ms
