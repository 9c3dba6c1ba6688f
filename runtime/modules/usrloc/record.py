"""What the store keeps of a user: all contacts in their order, in one string of bytes.

A head (version, 1 byte; the time when the first contact expires, 8; number of contacts, 2), and for each contact numbers of fixed
size, packed into three words of eight bytes and two of two, then its texts. Everything is little endian.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter, read_i16_le, read_i64_le, write_i16_le, write_i64_le
from mypy_extensions import i16, i64

from runtime.modules.usrloc.contact import PERMANENT, Contact

VERSION: Final = 1
# No contact of the record expires.
NO_EXPIRY: Final = 0xFFFFFFFF
# The longest text of a contact.
TEXT_LIMIT: Final = 0x7FFF

_HEAD_BYTES: Final = 11
_FIXED_BYTES: Final = 28
_32_BITS: Final = 0xFFFFFFFF
_16_BITS: Final = 0xFFFF


class BadRecord(Exception):
    """What the store has is no record of ours: it was written by another version, or by somebody else."""


def pack(contacts: list[Contact]) -> bytes:
    """The record of these contacts, each of whose texts has up to TEXT_LIMIT bytes."""
    out = BytesWriter()
    out.append(VERSION)
    write_i64_le(out, earliest(contacts))
    write_i16_le(out, i16(len(contacts)))
    for contact in contacts:
        uri = contact.uri
        call_id = contact.call_id
        agent = contact.user_agent
        received = contact.received
        path = contact.path
        write_i64_le(out, contact.expires_s | contact.cseq << 32)
        write_i64_le(out, contact.flags | contact.state << 16 | contact.replicate << 24)
        lengths: i64 = i64(len(uri)) | i64(len(call_id)) << 16 | i64(len(agent)) << 32 | i64(len(received)) << 48
        write_i64_le(out, lengths)
        write_i16_le(out, i16(contact.q))
        write_i16_le(out, i16(len(path)))
        out.write(uri)
        out.write(call_id)
        out.write(agent)
        out.write(received)
        out.write(path)
    return out.getvalue()


def unpack(record: bytes) -> list[Contact]:
    """The contacts of a record, in their order. Raises BadRecord."""
    size: i64 = len(record)
    if size < _HEAD_BYTES or record[0] != VERSION:
        raise BadRecord("a record of locations has an unknown version")
    contacts: list[Contact] = []
    left: i64 = i64(read_i16_le(record, 9))
    at: i64 = _HEAD_BYTES
    while left > 0:
        text = at + _FIXED_BYTES
        if text > size:
            raise BadRecord("a record of locations is too short")
        times = read_i64_le(record, at)
        numbers = read_i64_le(record, at + 8)
        lengths = read_i64_le(record, at + 16)
        uri_end = text + (lengths & _16_BITS)
        call_id_end = uri_end + (lengths >> 16 & _16_BITS)
        agent_end = call_id_end + (lengths >> 32 & _16_BITS)
        received_end = agent_end + (lengths >> 48 & _16_BITS)
        end = received_end + i64(read_i16_le(record, at + 26))
        if end > size:
            raise BadRecord("a record of locations is too short")
        contacts.append(
            Contact(
                record[text:uri_end],
                times & _32_BITS,
                i64(read_i16_le(record, at + 24)),
                record[uri_end:call_id_end],
                times >> 32 & _32_BITS,
                numbers & _16_BITS,
                record[call_id_end:agent_end],
                record[agent_end:received_end],
                record[received_end:end],
                numbers >> 24 & _32_BITS,
                numbers >> 16 & 255,
            )
        )
        at = end
        left -= 1
    return contacts


def earliest(contacts: list[Contact]) -> i64:
    """When the first of these contacts expires, NO_EXPIRY if none does."""
    found: i64 = NO_EXPIRY
    for contact in contacts:
        if contact.flags & PERMANENT == 0 and contact.expires_s < found:
            found = contact.expires_s
    return found


def expires_first(record: bytes) -> i64:
    """The same of a record, without a look at its contacts."""
    return read_i64_le(record, 1)


def fits(contacts: list[Contact]) -> bool:
    """True if each text of theirs is short enough to be written down."""
    for contact in contacts:
        if not _is_short(contact):
            return False
    return True


def _is_short(contact: Contact) -> bool:
    if len(contact.uri) > TEXT_LIMIT or len(contact.call_id) > TEXT_LIMIT or len(contact.user_agent) > TEXT_LIMIT:
        return False
    return len(contact.received) <= TEXT_LIMIT and len(contact.path) <= TEXT_LIMIT


def fitting(contacts: list[Contact], limit: i64) -> list[Contact]:
    """Those of the contacts, from the first on, that a record of up to `limit` bytes has room for."""
    kept: list[Contact] = []
    size: i64 = _HEAD_BYTES
    for contact in contacts:
        texts = len(contact.uri) + len(contact.call_id) + len(contact.user_agent) + len(contact.received)
        needed: i64 = _FIXED_BYTES + texts + len(contact.path)
        if _is_short(contact) and size + needed <= limit:
            kept.append(contact)
            size += needed
    return kept
