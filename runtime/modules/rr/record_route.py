"""Our Record-Route, written when it is known which interface sends. Reference modules-main, chapter 3."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.sip.address import PROTO_NAMES, UDP
from runtime.sip.edits import LateText, Outbound


@final
class RecordRoute(LateText):
    """`<sip:[user@]host[:port][;transport=x][;r2=on]TAIL>`; two of them where the message changes interface.

    `tail` is `;ftag=…;lr`. The topmost of two names the interface that sends, RFC 3261 16.6 and RFC 5658. Without `double` the
    only one names the interface that received, as in SER.
    """

    def __init__(self, user: bytes, tail: bytes, double: bool) -> None:
        self.user: Final = user
        self.tail: Final = tail
        self.double: Final = double

    def render(self, outbound: Outbound) -> bytes:
        received = self._line(
            outbound.received_host,
            outbound.received_port,
            outbound.received_port_shown,
            outbound.received_proto,
            outbound,
        )
        if outbound.crosses and not self.double:
            return received
        sent = self._line(
            outbound.sent_host, outbound.sent_port, outbound.sent_port_shown, outbound.sent_proto, outbound
        )
        return sent + received if outbound.crosses else sent

    def _line(self, host: bytes, port: i64, port_shown: bool, proto: i64, outbound: Outbound) -> bytes:
        at = b"@" if self.user else b""
        place = b":%d" % port if port_shown else b""
        transport = b"" if proto == UDP else b";transport=" + PROTO_NAMES[proto].encode("ascii")
        r2 = b";r2=on" if self.double and outbound.crosses else b""
        return b"".join(
            [b"Record-Route: <sip:", self.user, at, host, place, transport, r2, self.tail, b">\r\n"],
        )
