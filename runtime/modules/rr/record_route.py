"""Our Record-Route, written when it is known which interface sends. Reference modules-main, chapter 3."""

from __future__ import annotations

from typing import Final, final

from librt.strings import BytesWriter
from mypy_extensions import i64, u8

from runtime.sip.address import PROTO_NAMES, UDP
from runtime.sip.edits import LateText, Outbound
from runtime.sip.scan import COLON, write_decimal


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
        out = BytesWriter()
        if not outbound.crosses or self.double:
            self._write(
                out, outbound.sent_host, outbound.sent_port, outbound.sent_port_shown, outbound.sent_proto, outbound
            )
        if outbound.crosses:
            self._write(
                out,
                outbound.received_host,
                outbound.received_port,
                outbound.received_port_shown,
                outbound.received_proto,
                outbound,
            )
        return out.getvalue()

    def _write(
        self, out: BytesWriter, host: bytes, port: i64, port_shown: bool, proto: i64, outbound: Outbound
    ) -> None:
        out.write(b"Record-Route: <sip:")
        if len(self.user) > 0:
            out.write(self.user)
            out.write(b"@")
        out.write(host)
        if port_shown:
            out.append(u8(COLON))
            write_decimal(out, port)
        if proto != UDP:
            out.write(b";transport=" + PROTO_NAMES[proto].encode("ascii"))
        if self.double and outbound.crosses:
            out.write(b";r2=on")
        out.write(self.tail)
        out.write(b">\r\n")
