"""All contacts as ul_dump shows them, in SER's form. Its addresses of memory are numbers that tell records and contacts apart here."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from runtime.modules.usrloc.contact import Contact
from runtime.modules.usrloc.locations import Locations, Table
from runtime.modules.usrloc.pacing import Pace
from runtime.modules.usrloc.qvalue import q_text

_STATES: Final = (b"CS_NEW", b"CS_SYNC", b"CS_DIRTY", b"CS_ZOMBIE_N", b"CS_ZOMBIE_S", b"CS_ZOMBIE_D")
# The size of SER's hash table, which we do not have.
_SLOTS: Final = 512
_NOWHERE: Final = b"(nil)"


def dump(locations: Locations, now_s: i64, pace: Pace) -> list[bytes]:
    """The text, in pieces, without a status line. Raises StoreError, DatabaseError."""
    out = [b"===Domain list===\n"]
    for table in locations.listed():
        _add_table(out, table, now_s, pace)
    out.append(b"===/Domain list===\n")
    return out


def _add_table(out: list[bytes], table: Table, now_s: i64, pace: Pace) -> None:
    out.append(b"---Domain---\nname : '%s'\nsize : %d\ntable: %s\n" % (table.name, _SLOTS, _place(table.number, 0)))
    # How many there are is known behind them.
    list_at = len(out)
    out.append(b"")
    number = 0
    for aor, contacts in table.users(pace):
        out.append(_record(table.name, aor, contacts, number, now_s))
        number += 1
    first, last = (_NOWHERE, _NOWHERE) if number == 0 else (_place(0, 0), _place(number - 1, 0))
    out[list_at] = b"d_ll {\n    n    : %d\n    first: %s\n    last : %s\n}\n" % (number, first, last)
    if number > 0:
        out[list_at] += b"\n"
        out.append(b"\n")
    out.append(b"---/Domain---\n")


def _record(table: bytes, aor: bytes, contacts: list[Contact], number: int, now_s: i64) -> bytes:
    out = [b"...Record(%s)...\ndomain: '%s'\naor   : '%s'\n" % (_place(number, 0), table, aor)]
    for i, contact in enumerate(contacts, 1):
        following = _place(number, i + 1) if i < len(contacts) else _NOWHERE
        previous = _place(number, i - 1) if i > 1 else _NOWHERE
        out.append(_contact(table, aor, contact, _place(number, i), following, previous, now_s))
    out.append(b".../Record...\n")
    return b"".join(out)


def _contact(
    table: bytes, aor: bytes, contact: Contact, place: bytes, following: bytes, previous: bytes, now_s: i64
) -> bytes:
    lines = [
        b"~~~Contact(%s)~~~" % place,
        b"domain    : '%s'" % table,
        b"aor       : '%s'" % aor,
        b"Contact   : '%s'" % contact.uri,
        b"Expires   : %d" % (contact.expires_s - now_s),
        b"q         : %s" % q_text(contact.q),
        b"Call-ID   : '%s'" % contact.call_id,
        b"CSeq      : %d" % contact.cseq,
        b"replic    : %d" % contact.replicate,
        b"User-Agent: '%s'" % contact.user_agent,
        b"received  : '%s'" % contact.received,
        b"State     : %s" % _STATES[contact.state],
        b"Flags     : %d" % contact.flags,
        b"next      : %s" % following,
        b"prev      : %s" % previous,
        b"~~~/Contact~~~~",
    ]
    return b"\n".join(lines) + b"\n"


def _place(number: int, part: int) -> bytes:
    return b"0x%x" % ((number + 1) * 0x1000 + part)
