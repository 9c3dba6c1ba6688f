"""Addresses of peers, made once for as long as they keep talking."""

from __future__ import annotations

from typing import Final, final

from runtime.sip.address import Address, from_sockaddr

# Senders seen lately; a flood of forged sources must not eat the memory.
SOURCES_MAX: Final = 8192


@final
class AddressBook:
    """Addresses by their sockaddr, as the kernel gives it, or by a number that stands for one."""

    def __init__(self) -> None:
        self._known: Final[dict[bytes, Address]] = {}
        self.numbered: Final[dict[int, Address]] = {}

    def learn(self, number: int, name: bytes) -> Address:
        """The address of a sockaddr that the number will stand for in `numbered` from now on; 0 stands for none."""
        if number == 0:
            return self.of(name)
        if len(self.numbered) >= SOURCES_MAX:
            self.numbered.clear()
        address = self.numbered[number] = self.of(name)
        return address

    def of(self, name: bytes) -> Address:
        """`name` is a sockaddr_in (16 bytes) or sockaddr_in6 (28 bytes)."""
        known = self._known.get(name)
        if known is not None:
            return known
        if len(self._known) >= SOURCES_MAX:
            self._known.clear()
        address = from_sockaddr(name)
        self._known[name] = address
        return address
