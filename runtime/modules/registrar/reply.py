"""The Contact line in the answer to a REGISTER. Reference modules-main, chapter 6."""

from __future__ import annotations

from librt.strings import BytesWriter
from mypy_extensions import i64

from runtime.modules.usrloc.contact import Contact
from runtime.modules.usrloc.qvalue import q_text
from runtime.sip.scan import write_decimal


def contact_line(contacts: list[Contact], now_s: i64, received_param: bytes) -> bytes:
    """All valid contacts in their order, each with the seconds it has left; b"" if there is none."""
    out = BytesWriter()
    for contact in contacts:
        if not contact.is_valid(now_s):
            continue
        out.write(b"Contact: <" if len(out) == 0 else b", <")
        out.write(contact.uri)
        out.write(b">")
        if contact.q >= 0:
            out.write(b";q=")
            out.write(q_text(contact.q))
        out.write(b";expires=")
        left_s = contact.expires_s - now_s
        if left_s < 0:
            # A permanent one.
            out.write(b"-")
            left_s = -left_s
        write_decimal(out, left_s)
        if len(contact.received) > 0:
            out.write(b";")
            out.write(received_param)
            out.write(b'="')
            out.write(contact.received)
            out.write(b'"')
    if len(out) == 0:
        return b""
    out.write(b"\r\n")
    return out.getvalue()
