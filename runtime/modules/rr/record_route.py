"""Our Record-Route, written when it is known which interface sends. Reference modules-main, chapter 3."""

from __future__ import annotations

from typing import Final, final

from librt.strings import BytesWriter
from mypy_extensions import i64, u8

from runtime.modules.rr.signing import Signed
from runtime.sip.address import PROTO_NAMES, UDP
from runtime.sip.edits import LateText, Outbound
from runtime.sip.scan import COLON, write_decimal


@final
class Tail:
    """`;ftag=…;sig=…;way=…;lr`: the parameters that are the same wherever the message leaves, but for the address that it goes to."""

    def __init__(self, ftag: bytes, lr: bytes, signed: Signed | None) -> None:
        self._ftag: Final = ftag
        self._lr: Final = lr
        self._signing: Final = signed

    def text(self, outbound: Outbound) -> bytes:
        if self._signing is None:
            return self._ftag + self._lr
        return self._ftag + self._signing.params(outbound.destination) + self._lr


@final
class PresetRoute(LateText):
    """A Record-Route with the address that the script says; `address` may have parameters of its own."""

    def __init__(self, user: bytes, address: bytes, tail: Tail) -> None:
        self._user: Final = user
        self._address: Final = address
        self._tail: Final = tail

    def render(self, outbound: Outbound) -> bytes:
        at = b"@" if self._user else b""
        return b"".join([b"Record-Route: <sip:", self._user, at, self._address, self._tail.text(outbound), b">\r\n"])


@final
class RecordRoute(LateText):
    """`<sip:[user@]host[:port][;transport=x][;r2=on]TAIL>`; two of them where the message changes interface.

    The topmost of two names the interface that sends, RFC 3261 16.6 and RFC 5658. Without `double` the
    only one names the interface that received, as in SER.
    """

    def __init__(self, user: bytes, tail: Tail, double: bool) -> None:
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
        out.write(self.tail.text(outbound))
        out.write(b">\r\n")
