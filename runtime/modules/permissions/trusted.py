"""Peers that a table trusts. Reference modules-main, chapter 20."""

from __future__ import annotations

import marshal
from typing import Final, final

from runtime.routing.context import L_ERR, Context
from runtime.routing.database import Condition, Database, DatabaseError, Row
from runtime.routing.published import Published
from runtime.sip.address import TCP, TLS, UDP
from runtime.sip.regex import BadRegex, Regex
from runtime.sip.regex_basic import extended
from runtime.sip.ser_hash import table_slot
from runtime.sip.uri import SCTP

# Words of the protocol column with their numbers in the core.
_ANY: Final = 0
_PROTOS: Final = {b"any": _ANY, b"udp": UDP, b"tcp": TCP, b"tls": TLS, b"sctp": SCTP}


class BadPeer(Exception):
    """A row that cannot be used: `str()` says why."""


@final
class Peer:
    """A source IP as text, a protocol (0: any), and what the From URI has to look like."""

    def __init__(self, ip: bytes, proto: int, pattern: bytes) -> None:
        self.ip: Final = ip
        self.proto: Final = proto
        self.pattern: Final = pattern
        try:
            self._regex: Final = Regex(extended(pattern), False, False)
        except BadRegex as e:
            raise BadPeer(f"{_shown(pattern)} is no regular expression: {e}") from e

    def is_like(self, proto: int, uri: bytes) -> bool:
        return (self.proto == _ANY or self.proto == proto) and self._regex.search(uri)

    def row(self) -> tuple[bytes, int, bytes]:
        return self.ip, self.proto, self.pattern


def peer_of(row: Row) -> Peer:
    """The peer of a row (IP, protocol, pattern); raises BadPeer. A column that is NULL fits nobody."""
    ip, word, pattern = row
    if not isinstance(ip, bytes) or not isinstance(word, bytes) or not isinstance(pattern, bytes):
        raise BadPeer("a column is NULL")
    proto = _PROTOS.get(word.lower())
    if proto is None:
        raise BadPeer(f"{_shown(word)} is no protocol: any, udp, tcp, tls or sctp")
    return Peer(ip, proto, pattern)


def _shown(text: bytes) -> str:
    return '"' + text.decode("latin-1") + '"'


@final
class PeerTable:
    """The table in the database: asked for each request (`find`), or all of it at once (`load`)."""

    def __init__(self, database: Database, table: str, columns: tuple[str, str, str]) -> None:
        self._database: Final = database
        self._table: Final = table
        self._columns: Final = columns

    def find(self, ctx: Context, ip: bytes) -> list[Peer]:
        """The rows of this source; those that cannot be used are logged. Raises DatabaseError."""
        found: list[Peer] = []
        for row in self._database.query(ctx, self._table, self._columns, [Condition(self._columns[0], ip)]):
            try:
                found.append(peer_of(row))
            except BadPeer as bad:
                ctx.log(L_ERR, f"ERROR: allow_trusted: a row of {self._table}: {bad}")
        return found

    def load(self) -> list[Peer]:
        """All rows; raises DatabaseError, also where one of them cannot be used: then none counts, as in SER."""
        try:
            return [peer_of(row) for row in self._database.query(None, self._table, self._columns, [])]
        except BadPeer as bad:
            raise DatabaseError(f"table {self._table}: {bad}") from bad


@final
class Peers:
    """The peers by their IPs, as every process knows them; `published` has those that were loaded since the start."""

    def __init__(self, peers: list[Peer], published: Published) -> None:
        self._published: Final = published
        self._number = published.number()
        self._peers = _by_ip(peers)

    def find(self, ip: bytes) -> list[Peer]:
        self._look()
        return self._peers.get(ip, [])

    def replace(self, peers: list[Peer]) -> bool:
        """Take these from now on, in every process; False if they do not fit into the memory."""
        return self._published.publish(marshal.dumps([peer.row() for peer in peers]))

    def shown(self) -> bytes:
        """A line each, in the order of SER's slots."""
        self._look()
        lines: list[tuple[int, bytes]] = []
        for ip, peers in self._peers.items():
            slot = table_slot(ip)
            for peer in peers:
                lines.append((slot, b"%4d <%s, %d, %s>\n" % (slot, ip, peer.proto, peer.pattern)))
        return b"".join([line for _, line in sorted(lines)])

    def _look(self) -> None:
        if self._published.number() == self._number:
            return
        self._number, text = self._published.read()
        rows: list[tuple[bytes, int, bytes]] = marshal.loads(text)
        self._peers = _by_ip([Peer(ip, proto, pattern) for ip, proto, pattern in rows])


def _by_ip(peers: list[Peer]) -> dict[bytes, list[Peer]]:
    found: dict[bytes, list[Peer]] = {}
    for peer in peers:
        found.setdefault(peer.ip, []).append(peer)
    return found
