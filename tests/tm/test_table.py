"""How transactions are found: by what their messages have in common, in a bounded time."""

from __future__ import annotations

import time

import pytest

from runtime.sip.address import Address
from runtime.sip.cseq import parse_cseq
from runtime.sip.message import Message, parse
from runtime.sip.transport import ListenSocket
from runtime.tx.table import Table, key_of
from runtime.tx.transaction import Transaction

SOURCE = Address.parse("127.0.0.1", 5080)
SOCKET = ListenSocket(0, 1, b"127.0.0.1", Address.parse("127.0.0.1", 5070))


def message(method: str, via: str, to: str = "<sip:b@h>", cseq: int = 1) -> Message:
    return parse(
        f"{method} sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;{via}\r\nFrom: <sip:a@h>;tag=f\r\nTo: {to}\r\n"
        f"Call-ID: one\r\nCSeq: {cseq} {method}\r\n\r\n".encode()
    )


def key(msg: Message) -> int:
    return int(key_of(msg, parse_cseq(msg)))


def added(table: Table, msg: Message, number: int = 0) -> Transaction:
    t = Transaction(b"%d" % number, key(msg), msg, SOURCE, SOCKET, SOURCE, SOCKET)
    table.add(t)
    return t


@pytest.mark.parametrize("via", ["branch=z9hG4bK1", "branch=0", "x=y"])
def test_a_request_its_cancel_and_its_ack_find_the_transaction(via: str) -> None:
    table = Table(True, True, 77)
    t = added(table, message("INVITE", via))
    again = message("INVITE", via)
    assert table.find_request(again, key(again)) is t
    cancel = message("CANCEL", via)
    assert table.find_request(cancel, key(cancel)) is None
    assert table.find_invite(cancel, key(cancel)) is t
    ack = message("ACK", via, "<sip:b@h>;tag=ours")
    assert table.find_acknowledged(ack, key(ack)) is None
    t.status = 486
    assert table.find_acknowledged(ack, key(ack)) is t
    table.remove(t)
    assert table.find_acknowledged(ack, key(ack)) is None and len(table) == 0


def test_the_ack_of_a_2xx_made_here_is_found_by_its_tag() -> None:
    table = Table(True, True, 77)
    t = added(table, message("INVITE", "branch=z9hG4bK1"))
    t.status, t.own_tag = 200, b"ours"
    table.answered(t)
    ack = message("ACK", "branch=z9hG4bK2", "<sip:b@h>;tag=ours")
    assert table.find_acknowledged(ack, key(ack)) is t
    other = message("ACK", "branch=z9hG4bK2", "<sip:b@h>;tag=theirs")
    assert table.find_acknowledged(other, key(other)) is None
    table.remove(t)
    assert table.find_acknowledged(ack, key(ack)) is None


@pytest.mark.parametrize("via", ["branch=z9hG4bK{}", "branch={}", "x={}"])
def test_thousands_of_one_call_id_and_cseq_do_not_make_a_chain(via: str) -> None:
    """Counted by what a sender can vary; as a chain ten times as many would take a hundred times as long."""
    took = []
    for count in (2_000, 20_000):
        table = Table(True, True, 77)
        messages = [message("INVITE", via.format(number)) for number in range(count)]
        start = time.process_time()
        found = [table.find_request(msg, key(msg)) or added(table, msg, number) for number, msg in enumerate(messages)]
        for t in found:
            table.remove(t)
        took.append(time.process_time() - start)
    assert took[1] < 40 * took[0]
