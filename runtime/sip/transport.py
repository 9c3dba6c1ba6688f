"""Our side of the transport: the sockets that listen, and what is to be sent from them."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from runtime.sip.address import PROTO_NAMES, Address


@final
class ListenSocket:
    """One bound address. `name` is what the administrator wrote, `address` what it resolved to.

    `index` is its place in SocketTable.sockets; the server keeps the file descriptor under that number.
    """

    def __init__(self, index: i64, proto: i64, name: bytes, address: Address, multicast: bool = False) -> None:
        self.index: Final = index
        self.proto: Final = proto
        self.name: Final = name
        self.address: Final = address
        self.multicast: Final = multicast

    @property
    def proto_name(self) -> str:
        return PROTO_NAMES[self.proto]

    def __repr__(self) -> str:
        return f"ListenSocket({self.proto_name}:{self.name.decode()}:{self.address.port})"


@final
@mypyc_attr(acyclic=True, free_list_len=1)
class Send:
    """Send `data` from `socket` to `destination`. What is sent again is the same object again.

    Over TCP it goes on connection `connection` if that is still open (0: none in particular), else on whatever connection
    leads to `destination`, else on a new one if it `connects`. No data: close the connection when all that was sent before is written.
    """

    def __init__(
        self, data: bytes, destination: Address, socket: ListenSocket, connection: i64 = 0, connects: bool = True
    ) -> None:
        self.data: Final = data
        self.destination: Final = destination
        self.socket: Final = socket
        self.connection: Final = connection
        self.connects: Final = connects
