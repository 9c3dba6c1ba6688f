"""The machine's network interfaces and their IPv4 addresses (netdevice(7))."""

from __future__ import annotations

import fcntl
import socket
import struct
from array import array
from typing import Final

_SIOCGIFCONF: Final = 0x8912
_SIOCGIFFLAGS: Final = 0x8913
_IFF_UP: Final = 1
# struct ifreq: 16 bytes of name and a union whose largest member, struct ifmap, starts with two longs.
_IFREQ_BYTES: Final = 16 + (24 if struct.calcsize("l") == 8 else 16)


def ipv4_addresses() -> list[tuple[str, str, bool]]:
    """(interface, address, is it up) in the kernel's order; raises OSError when the kernel does not tell."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        raw = _interface_table(s)
        for at in range(0, len(raw), _IFREQ_BYTES):
            name = raw[at : at + 16].split(b"\0", 1)[0]
            request = struct.pack("16s24x", name)
            flags: int = struct.unpack_from("H", fcntl.ioctl(s.fileno(), _SIOCGIFFLAGS, request), 16)[0]
            # An address label such as eth0:1 belongs to eth0.
            found.append((name.decode(), socket.inet_ntoa(raw[at + 20 : at + 24]), bool(flags & _IFF_UP)))
    return found


def _interface_table(s: socket.socket) -> bytes:
    """All struct ifreq of SIOCGIFCONF: the buffer grows until the kernel leaves room unused."""
    count = 32
    while True:
        table = array("B", bytes(count * _IFREQ_BYTES))
        request = array("B", struct.pack("iP", len(table), table.buffer_info()[0]))
        fcntl.ioctl(s.fileno(), _SIOCGIFCONF, request, True)
        used: int = struct.unpack_from("i", request)[0]
        if used < len(table) or count > 65536:
            return table.tobytes()[:used]
        count *= 4
