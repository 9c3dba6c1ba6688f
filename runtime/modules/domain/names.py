"""The domains of a table, as every process knows them, and as one of them can load them anew."""

from __future__ import annotations

from typing import Final, final

from runtime.routing.published import Published
from runtime.sip.ser_hash import table_slot


@final
class Domains:
    """Names in lower case; `published` has those that were loaded since the start."""

    def __init__(self, names: list[bytes], published: Published) -> None:
        self._published: Final = published
        self._number = published.number()
        self._names = _lower(names)

    def has(self, name: bytes) -> bool:
        """True if the domain is one of them; in any case."""
        self._look()
        return name.lower() in self._names

    def replace(self, names: list[bytes]) -> bool:
        """Take these from now on, in every process; False if they do not fit into the memory."""
        return self._published.publish(b"\n".join(names))

    def shown(self) -> bytes:
        """A line each: number of its slot in SER's table, name; in the order of the slots."""
        self._look()
        return b"".join([b"%4d %s\n" % (table_slot(name), name) for name in sorted(self._names, key=_place_of)])

    def _look(self) -> None:
        if self._published.number() != self._number:
            self._number, text = self._published.read()
            self._names = _lower(text.split(b"\n") if text else [])


def _lower(names: list[bytes]) -> set[bytes]:
    return {name.lower() for name in names}


def _place_of(name: bytes) -> tuple[int, bytes]:
    return table_slot(name), name
