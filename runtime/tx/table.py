"""Which transaction does a message belong to? RFC 3261 17.1.3 and 17.2.3, reference modules-main 1.3 and 1.4."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le
from mypy_extensions import i64

from runtime.sip import headers, methods
from runtime.sip.cseq import CSeq, parse_cseq
from runtime.sip.message import Message, same_value
from runtime.sip.nameaddr import NameAddr, parse_name_addr, tag_of
from runtime.sip.scan import DOT, BadMessage, hash_range, hash_start
from runtime.sip.transit import MAGIC_COOKIE
from runtime.sip.via import Via
from runtime.tx.shelves import ByKey, ByName, BySecond
from runtime.tx.transaction import Client, Transaction

# Of each of the two tables, for up to some hundred thousand transactions: half a megabyte each.
PLACES: Final[i64] = 65536

_COOKIE_SIZE: Final = len(MAGIC_COOKIE)
# The magic cookie as a number: the first byte is the lowest.
_COOKIE: Final = 0x4B62344768397A
_7_BYTES: Final = 0xFFFFFFFFFFFFFF


def key_of(msg: Message, cseq: CSeq) -> i64:
    """The hash that a request shares with its CANCEL, its ACK and its repetitions: of Call-ID and CSeq number."""
    return hash_range(hash_start() ^ cseq.number, msg.buf, msg.value_start(msg.call_id), msg.value_end(msg.call_id))


def key_of_parts(call_id: bytes, number: i64) -> i64:
    """The same of a request that is still to be made."""
    return hash_range(hash_start() ^ number, call_id, 0, len(call_id))


@final
class Table:
    """All transactions of a process. `ruri_matching` and `via1_matching` say what else requests without an RFC 3261 branch
    must have in common. `secret`, a random number of 61 bits, keeps senders from choosing where theirs are put.

    A request is found by a hash of all that its repetitions, its CANCEL and its ACK have in common, so that a few at most have the
    same one, whoever sends them.
    """

    def __init__(self, ruri_matching: bool, via1_matching: bool, secret: int = 0, places: i64 = PLACES) -> None:
        self._secret: Final[i64] = secret
        self._by_key: Final = ByKey(places)
        # INVITEs that were answered with a 2xx here: their ACK has a branch of its own.
        self._by_answer: Final = BySecond(places)
        # INVITEs whose ACKs for a 2xx from downstream somebody wants to see.
        self._watched: Final = BySecond(places)
        self._by_id: Final = ByName(places)
        self._ruri_matching: Final = ruri_matching
        self._via1_matching: Final = via1_matching

    def __len__(self) -> int:
        return int(self._by_id.count)

    def all(self) -> list[Transaction]:
        return self._by_id.all()

    def by_id(self, id: bytes) -> Transaction | None:
        return self._by_id.find(id, 0, len(id))

    def add(self, t: Transaction) -> None:
        """The oldest of a key stays first: it is the one that repetitions are likely to be of."""
        self._by_id.put(t)
        if not t.is_local:
            t.match_key = self._match_key(t.message, t.key)
            self._by_key.put(t)

    def remove(self, t: Transaction) -> None:
        self._by_id.drop(t)
        if t.is_local:
            return
        if len(t.own_tag) > 0 and self._by_answer.get(self._answer_key(t.key, t.own_tag)) is t:
            self._by_answer.drop(self._answer_key(t.key, t.own_tag))
        if self._watched.count > 0 and t.is_invite:
            caller = self._caller_key(t.message, t.key)
            if self._watched.get(caller) is t:
                self._watched.drop(caller)
        self._by_key.drop(t)

    def answered(self, t: Transaction) -> None:
        """`t`, an INVITE, has been answered with a 2xx and `own_tag` here. Of two with the same tag the later one is found."""
        self._by_answer.put(self._answer_key(t.key, t.own_tag), t)

    def _answer_key(self, key: i64, tag: bytes) -> i64:
        return hash_range(key ^ self._secret, tag, 0, len(tag))

    def _match_key(self, msg: Message, key: i64) -> i64:
        """The hash of what a request has in common with its repetitions, its CANCEL and its ACK for a negative reply."""
        buf = msg.buf
        via = _top_via(msg)
        value = key ^ self._secret
        if msg.method == methods.OTHER:
            value = hash_range(value, buf, msg.start, msg.method_end)
        if _has_cookie(msg):
            return hash_range(value, buf, via.branch_start, via.branch_end)
        value = hash_range(value, buf, msg.value_start(msg.from_), msg.value_end(msg.from_))
        to = _name_addr(msg, msg.to)
        if to is not None:
            value = hash_range(value, buf, to.uri_start, to.uri_end)
        if self._ruri_matching:
            value = hash_range(value, buf, msg.uri_start, msg.uri_end)
        if self._via1_matching:
            text = _via1_text(msg)
            value = hash_range(value, text, 0, len(text))
        return value

    # --- requests ----------------------------------------------------------------------------------------------------

    def find_request(self, msg: Message, key: i64) -> Transaction | None:
        """The transaction that `msg`, not an ACK, is a repetition of; `key` is its `key_of`."""
        t = self._by_key.first(self._match_key(msg, key))
        while t is not None:
            if t.method == msg.method and (msg.method != methods.OTHER or t.message.method_name() == msg.method_name()):
                if self._same_transaction(msg, t):
                    return t
            t = self._by_key.next(t)
        return None

    def find_invite(self, cancel: Message, key: i64) -> Transaction | None:
        """The transaction that a CANCEL means, of a method that has a number. RFC 3261 9.2."""
        t = self._by_key.first(self._match_key(cancel, key))
        while t is not None:
            if t.method != methods.CANCEL:
                if _has_cookie(cancel):
                    if _same_branch(cancel, t.message):
                        return t
                elif self._same_old_style(cancel, t.message, False):
                    return t
            t = self._by_key.next(t)
        return None

    def find_acknowledged(self, ack: Message, key: i64) -> Transaction | None:
        """The INVITE transaction whose final reply `ack` confirms hop by hop: a negative one, or a 2xx that was made here.

        None for the ACK to a 2xx from downstream: that one goes end to end.
        """
        t = self._by_key.first(self._match_key(ack, key))
        while t is not None:
            if t.is_invite and t.status >= 300:
                if _has_cookie(ack):
                    if _same_branch(ack, t.message):
                        return t
                elif self._same_old_style(ack, t.message, False):
                    return t
            t = self._by_key.next(t)
        if self._by_answer.count == 0:
            return None
        answered = self._by_answer.get(self._answer_key(key, _tag(ack, ack.to)))
        if answered is not None and 200 <= answered.status < 300 and _same_dialog(ack, answered):
            return answered
        return None

    def watch(self, t: Transaction) -> None:
        """Have `find_confirmed` find `t`, an INVITE. Of two from the same caller with the same CSeq the later one is found."""
        self._watched.put(self._caller_key(t.message, t.key), t)

    def find_confirmed(self, ack: Message, key: i64) -> Transaction | None:
        """The watched INVITE whose 2xx came from downstream, and is confirmed end to end by `ack`."""
        t = self._watched.get(self._caller_key(ack, key))
        if t is not None and 200 <= t.status < 300 and not t.is_own_reply and _same_caller(ack, t):
            return t
        return None

    def _caller_key(self, msg: Message, key: i64) -> i64:
        tag = _tag(msg, msg.from_)
        return hash_range(key ^ self._secret, tag, 0, len(tag))

    def _same_transaction(self, msg: Message, t: Transaction) -> bool:
        return _same_branch(msg, t.message) if _has_cookie(msg) else self._same_old_style(msg, t.message, True)

    def _same_old_style(self, msg: Message, first: Message, repetition: bool) -> bool:
        """Matching as RFC 2543 has it. A `repetition` has the same To and CSeq; a CANCEL or an ACK has only their parts
        that identify the request in common with it."""
        if msg.value(msg.call_id) != first.value(first.call_id) or msg.value(msg.from_) != first.value(first.from_):
            return False
        if repetition:
            if msg.value(msg.cseq) != first.value(first.cseq) or msg.value(msg.to) != first.value(first.to):
                return False
        elif _uri_of_to(msg) != _uri_of_to(first) or parse_cseq(msg).number != parse_cseq(first).number:
            return False
        if self._ruri_matching and msg.buf[msg.uri_start : msg.uri_end] != first.buf[first.uri_start : first.uri_end]:
            return False
        return not self._via1_matching or _via1_text(msg) == _via1_text(first)

    # --- replies -----------------------------------------------------------------------------------------------------

    def find_client(self, reply: Message) -> Client | None:
        """The client transaction that `reply` answers. The topmost Via is ours: its branch names transaction and branch."""
        via = reply.via1
        if via is None or not _has_cookie(reply):
            return None
        buf = reply.buf
        dot = via.branch_end - 1
        while dot > via.branch_start and buf[dot] != DOT:
            dot -= 1
        id_start = via.branch_start + _COOKIE_SIZE
        t = self._by_id.find(buf, id_start, dot) if dot > id_start else None
        if t is None:
            return None
        index = _hex_digit(buf, dot + 1, via.branch_end)
        if index < 0 or index >= len(t.branches):
            return None
        branch = t.branches[index]
        if not same_value(reply, reply.call_id, t.message, t.message.call_id):
            return None
        try:
            cseq = parse_cseq(reply)
        except BadMessage:
            return None
        method = cseq.method(reply)
        if method == t.method:
            if method == methods.OTHER and buf[cseq.method_start : cseq.method_end] != t.message.method_name():
                return None
            return branch
        return branch.cancel if method == methods.CANCEL else None


def _hex_digit(buf: bytes, start: i64, end: i64) -> i64:
    """The number of a branch, of which there are fewer than sixteen; -1 for anything else. Its breadth may stand behind it."""
    if not start < end <= start + 3:
        return -1
    c: i64 = buf[start]
    if 48 <= c <= 57:
        return c - 48
    return c - 87 if 97 <= c <= 102 else -1


def _top_via(msg: Message) -> Via:
    via = msg.via1
    assert via is not None
    return via


def _has_cookie(msg: Message) -> bool:
    """True if the topmost Via has a branch as RFC 3261 wants it (8.1.1.7)."""
    via = _top_via(msg)
    if via.branch_end - via.branch_start <= _COOKIE_SIZE or via.branch_start < 0:
        return False
    return read_i64_le(msg.buf, via.branch_start) & _7_BYTES == _COOKIE


def _same_branch(a: Message, b: Message) -> bool:
    """The same branch from the same sender. RFC 3261 17.2.3, items 1 and 2."""
    v = _top_via(a)
    w = _top_via(b)
    if v.port != w.port or v.proto != w.proto or w.branch_start < 0:
        return False
    return (
        a.buf[v.branch_start : v.branch_end] == b.buf[w.branch_start : w.branch_end]
        and a.buf[v.host_start : v.host_end].lower() == b.buf[w.host_start : w.host_end].lower()
    )


def _via1_text(msg: Message) -> bytes:
    via = _top_via(msg)
    return msg.buf[via.start : via.end].rstrip()


def _same_dialog(ack: Message, t: Transaction) -> bool:
    """True if `ack` is for the 2xx that was made here: same From tag, and the To tag that we gave."""
    return _same_caller(ack, t) and _tag(ack, ack.to) == t.own_tag


def _same_caller(ack: Message, t: Transaction) -> bool:
    return _tag(ack, ack.from_) == _tag(t.message, t.message.from_) and ack.value(ack.call_id) == t.message.value(
        t.message.call_id
    )


def _name_addr(msg: Message, record: i64) -> NameAddr | None:
    if record == 0:
        return None
    try:
        return parse_name_addr(msg.buf, headers.value_start(record), headers.line_end(record), False)
    except BadMessage:
        return None


def _uri_of_to(msg: Message) -> bytes:
    value = _name_addr(msg, msg.to)
    return b"" if value is None else msg.buf[value.uri_start : value.uri_end]


def _tag(msg: Message, record: i64) -> bytes:
    value = _name_addr(msg, record)
    return b"" if value is None else tag_of(msg.buf, value)
