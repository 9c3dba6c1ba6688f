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
    (b"" for none)."""

    def __init__(self, uri: bytes, dst_uri: bytes, q: i64, path: bytes = b"") -> None:
        self.uri: Final = uri
        self.dst_uri: Final = dst_uri
        self.q: Final = q
        self.path: Final = path


@mypyc_attr(acyclic=True)
class Decisions:
    """What the script has decided so far, beginning with nothing, or with what it had decided in `before`.

    `new_uri` is the rewritten Request-URI (None: as received), `dst_uri` the next hop that a module set (None: the
    Request-URI decides), `path` the value of the Route header that leads there (b"": none; RFC 3327), `branches` are the destinations beside them, `flags` SER's 32 message flags. `edits` are changes of the
    forwarded message, `reply_headers` whole header lines for local replies.
    `authentication` is what www_authorize and proxy_authorize found, `fixed_contact` the Contact that got the source address.
    """

    def __init__(self, before: Decisions | None = None) -> None:
        if before is None:
            self.new_uri: bytes | None = None
            self.dst_uri: bytes | None = None
            self.path = b""
            self.q: i64 = Q_UNSPECIFIED
            self.branches: list[Target] = []
            self.flags: i64 = 0
            self.force_rport = False
            self.send_socket: ListenSocket | None = None
            self.advertised_address = b""
            self.advertised_port: i64 = 0
            self.edits: list[Edit] = []
            self.reply_headers: list[bytes] = []
            self.record_routed = False
            self.authentication: Authentication | None = None
            self.fixed_contact: FixedContact | None = None
            self._avps: Avps | None = None
            return
        self.new_uri = before.new_uri
        self.dst_uri = before.dst_uri
        self.path = before.path
        self.q = before.q
        # Each branch is forwarded once.
        self.branches = []
        self.flags = before.flags
        self.force_rport = before.force_rport
        self.send_socket = before.send_socket
        self.advertised_address = before.advertised_address
        self.advertised_port = before.advertised_port
        self.edits = list(before.edits)
        self.reply_headers = list(before.reply_headers)
        self.record_routed = before.record_routed
        self.authentication = before.authentication
        self.fixed_contact = before.fixed_contact
        self._avps = before.avps

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
