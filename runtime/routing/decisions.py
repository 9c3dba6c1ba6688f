"""What the script has decided about a request."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from runtime.routing.authorized import Authentication
from runtime.routing.avps import Avps
from runtime.routing.contacts import FixedContact
from runtime.sip.edits import Edit
from runtime.sip.transport import ListenSocket

Q_UNSPECIFIED: Final = -1


@final
class Target:
    """A further destination of the request: URI, next hop (b"" for none), q (0…1000, -1 unspecified), and the Routes that lead there
    (b"" for none).

    `rank` is the q by which destinations may be put into an order: `q`, or where a redirection does not tell it the user's own.
    """

    def __init__(self, uri: bytes, dst_uri: bytes, q: i64, path: bytes = b"", rank: i64 = Q_UNSPECIFIED) -> None:
        self.uri: Final = uri
        self.dst_uri: Final = dst_uri
        self.q: Final = q
        self.path: Final = path
        self.rank: Final = q if rank == Q_UNSPECIFIED else rank


# For who only reads it.
NO_TARGETS: Final[list[Target]] = []


@mypyc_attr(acyclic=True)
class Decisions:
    """What the script has decided so far, beginning with nothing, or with what it had decided in `before`.

    `new_uri` is the rewritten Request-URI (None: as received), `dst_uri` the next hop that a module set (None: the
    Request-URI decides), `path` the value of the Route header that leads there (b"": none; RFC 3327), `q` and `rank`
    are those of the Request-URI, as a Target has them; `branches` are the destinations beside it, `flags` SER's 32
    message flags. `edits` are changes of the forwarded message, `reply_headers` whole header lines for local replies.
    `authentication` is what www_authorize and proxy_authorize found, `fixed_contact` the Contact that got the source
    address.
    """

    def __init__(self, before: Decisions | None = None) -> None:
        if before is None:
            self.new_uri: bytes | None = None
            self.dst_uri: bytes | None = None
            self.path = b""
            self.q: i64 = Q_UNSPECIFIED
            self._branches: list[Target] | None = None
            self.rank: i64 = Q_UNSPECIFIED
            self.flags: i64 = 0
            self.force_rport = False
            self.send_socket: ListenSocket | None = None
            self.advertised_address = b""
            self.advertised_port: i64 = 0
            self._edits: list[Edit] | None = None
            self._reply_headers: list[bytes] | None = None
            self.record_routed = False
            self.authentication: Authentication | None = None
            self.fixed_contact: FixedContact | None = None
            self._avps: Avps | None = None
            return
        self.new_uri = before.new_uri
        self.dst_uri = before.dst_uri
        self.path = before.path
        self.q = before.q
        self.rank = before.rank
        # Each branch is forwarded once.
        self._branches = None
        self.flags = before.flags
        self.force_rport = before.force_rport
        self.send_socket = before.send_socket
        self.advertised_address = before.advertised_address
        self.advertised_port = before.advertised_port
        self._edits = list(before.edits) if before.has_edits() else None
        self._reply_headers = list(before.reply_headers) if before.has_reply_headers() else None
        self.record_routed = before.record_routed
        self.authentication = before.authentication
        self.fixed_contact = before.fixed_contact
        self._avps = before.avps

    # Lists that most messages never need are made when first asked for; who only looks whether there is something asks `has_…`.

    @property
    def branches(self) -> list[Target]:
        if self._branches is None:
            self._branches = []
        return self._branches

    @property
    def edits(self) -> list[Edit]:
        if self._edits is None:
            self._edits = []
        return self._edits

    @edits.setter
    def edits(self, edits: list[Edit]) -> None:
        self._edits = edits

    @property
    def reply_headers(self) -> list[bytes]:
        if self._reply_headers is None:
            self._reply_headers = []
        return self._reply_headers

    def has_branches(self) -> bool:
        return self._branches is not None and len(self._branches) > 0

    def has_edits(self) -> bool:
        return self._edits is not None and len(self._edits) > 0

    def has_reply_headers(self) -> bool:
        return self._reply_headers is not None and len(self._reply_headers) > 0

    def has_avps(self) -> bool:
        return self._avps is not None

    def take_branches(self) -> list[Target]:
        """The branches, of which there are none afterwards."""
        taken = self._branches
        self._branches = None
        return NO_TARGETS if taken is None else taken

    @property
    def avps(self) -> Avps:
        """The AVPs, made when first asked for.

        All copies share them, so that a transaction sees what the script that began it adds later.
        """
        if self._avps is None:
            self._avps = Avps()
        return self._avps

    def use_avps(self, avps: Avps) -> None:
        """From here on the AVPs are these: those of the transaction that a reply belongs to."""
        self._avps = avps
