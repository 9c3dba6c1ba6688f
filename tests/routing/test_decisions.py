"""What the script has decided is copied in one place, and nothing is left out."""

from __future__ import annotations

from runtime.routing.authorized import Authentication
from runtime.routing.contacts import FixedContact
from runtime.routing.decisions import Decisions, Target
from runtime.sip.address import UDP, Address
from runtime.sip.edits import Edit
from runtime.sip.transport import ListenSocket


def decided() -> Decisions:
    """One in which everything differs from what it is at the beginning."""
    all = Decisions()
    all.new_uri = b"sip:new@a"
    all.dst_uri = b"sip:next@a"
    all.path = b"<sip:edge@a;lr>"
    all.q = 500
    all.rank = 700
    all.branches.append(Target(b"sip:other@a", b"", -1))
    all.flags = 6
    all.force_rport = True
    all.send_socket = ListenSocket(0, UDP, b"", Address.parse("127.0.0.1", 5060))
    all.advertised_address = b"a.example"
    all.advertised_port = 5070
    all.edits.append(Edit(0, 0, b"X: 1\r\n"))
    all.reply_headers.append(b"X: 2\r\n")
    all.record_routed = True
    all.authentication = Authentication()
    all.fixed_contact = FixedContact(0, b"sip:me@a")
    all.avps.add(b"n", b"v")
    return all


def names() -> list[str]:
    return [name for name in dir(Decisions()) if not name.startswith("_") and not callable(getattr(Decisions(), name))]


def test_a_copy_has_everything_but_the_branches() -> None:
    before, beginning = decided(), Decisions()
    copy = Decisions(before)
    for name in names():
        assert getattr(before, name) != getattr(beginning, name), f"{name} has no value in this test"
        if name != "branches":
            assert getattr(copy, name) == getattr(before, name), name
    assert copy.branches == []


def test_what_is_decided_later_is_not_decided_before() -> None:
    before = decided()
    copy = Decisions(before)
    copy.edits.append(Edit(1, 2, b""))
    copy.reply_headers.append(b"X: 3\r\n")
    assert len(before.edits) == len(before.reply_headers) == 1


def test_copies_share_their_avps() -> None:
    before = Decisions()
    copy = Decisions(before)
    copy.avps.add(b"n", b"v")
    assert before.avps.first(b"n") == b"v"
