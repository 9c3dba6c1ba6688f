"""tm's commands of the FIFO and the Unix socket. Reference modules-main 1.12, modules-more D.3."""

from __future__ import annotations

import re
from typing import Final, final

from mypy_extensions import i64

from runtime.modules.tm import uac
from runtime.modules.tm.answering import answer
from runtime.modules.tm.call import Call, Outcome
from runtime.modules.tm.cancelling import cancel_rest
from runtime.modules.tm.core import Core
from runtime.modules.tm.dialog import described, dialog_of
from runtime.modules.tm.state import SLOTS, slot_in
from runtime.routing.command import Inquiry, packed_counters, summed_counters
from runtime.sip.cseq import parse_cseq
from runtime.sip.message import Message
from runtime.sip.scan import decimal
from runtime.tx.transaction import PROCEEDING

_STATISTICS: Final = 10
# So much at the end of a line that it overwrites a longer one on a screen.
_BLANKS: Final = b"      \n"


# --- requests ----------------------------------------------------------------------------------------------------------


@final
class Asked(Outcome):
    """Answers the administrator when the transaction has ended."""

    def __init__(self, inquiry: Inquiry) -> None:
        super().__init__()
        self._question: Final = inquiry

    def refused(self, code: i64, reason: bytes) -> None:
        error = uac.CannotSend(int(code), reason)
        self._question.answer(_refusal(error, self._question.by_fifo))

    def provisional(self, reply: Message) -> None:
        self._question.tell(_shown(reply))

    def answered(self, status: i64, reason: bytes, reply: Message | None) -> None:
        call = self.call
        text = b"%d %s\n" % (status, reason) if reply is None else _shown(reply)
        if reply is None and not self._question.by_fifo and call is not None:
            msg = call.message
            text += described(None) + msg.line(msg.from_)
            for record in (msg.call_id, msg.cseq):
                text += msg.line(record)
            text += b"\n"
        self.call = None
        self._question.answer(text)


def _shown(reply: Message) -> bytes:
    """A reply as the administrator gets it: its status, what it says of the dialog, its headers and body."""
    reason = reply.buf[reply.reason_start : reply.first_header].strip()
    dialog = dialog_of(reply) if 200 <= reply.status < 300 else None
    return b"%d %s\n" % (reply.status, reason) + described(dialog) + reply.buf[reply.first_header :] + b"\n"


def call_id_in(words: list[bytes]) -> bytes:
    """The Call-ID among the headers of a t_uac_dlg, b"" when it has none: then any process may make one up."""
    for line in (words[3] if len(words) > 3 else b"").split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon and name.strip().lower() in (b"call-id", b"i"):
            return value.strip()
    return b""


def request(core: Core, inquiry: Inquiry) -> None:
    """t_uac_dlg: method, Request-URI, next hop or ".", headers, body. Answered when the transaction ends."""
    try:
        if inquiry.by_fifo and len(inquiry.words) == 4 and not inquiry.word(3):
            raise uac.BadRequest(uac.NO_HEADERS)
        draft = uac.draft_of(inquiry.words)
        uac.send_request(core, draft, core.new_call_id(), Asked(inquiry), inquiry.now_ms)
    except (uac.BadRequest, uac.CannotSend) as e:
        inquiry.answer(_refusal(e, inquiry.by_fifo))


def _refusal(error: Exception, by_fifo: bool) -> bytes:
    if isinstance(error, uac.CannotSend):
        code, text = error.code, error.reason
    else:
        assert isinstance(error, uac.BadRequest)
        code, text = 400, (uac.MISTAKES if by_fifo else uac.MISTAKES_BY_SOCKET)[error.place]
    return b"%d %s%s" % (code, b"fifo_uac_error: " if by_fifo else b"", text)


def cancel(core: Core, inquiry: Inquiry) -> None:
    """t_uac_cancel: Call-ID and CSeq number of an INVITE that t_uac_dlg sent."""
    call_id = inquiry.word(0)
    number = inquiry.word(1)
    if not call_id:
        inquiry.answer(b"400 fifo_uac_cancel: callid expected" if inquiry.by_fifo else b"400 Call-ID Expected\n")
        return
    if not number:
        inquiry.answer(b"400 fifo_uac_cancel: cseq expected" if inquiry.by_fifo else b"400 CSeq Expected\n")
        return
    call = _own_invite(core, call_id, decimal(number, 0, len(number)))
    if call is None:
        by_fifo, by_socket = b"fifo_uac_cancel: no such transaction", b"uac_cancel: No such transaction\n"
        inquiry.answer(b"481 " + (by_fifo if inquiry.by_fifo else by_socket))
        return
    call.cancelled = True
    cancel_rest(call.core, call, inquiry.now_ms)
    inquiry.answer(b"200 %suac_cancel succeeded\n" % (b"fifo_" if inquiry.by_fifo else b""))


def _own_invite(core: Core, call_id: bytes, number: i64) -> Call | None:
    for t in core.layer.table.all():
        if t.is_local and t.is_invite and t.state == PROCEEDING and t.message.value(t.message.call_id) == call_id:
            if parse_cseq(t.message).number == number:
                assert isinstance(t, Call)
                return t
    return None


# --- replies -----------------------------------------------------------------------------------------------------------

_NO_TRANSACTION: Final = b"481 fifo_t_reply: no such transaction"
_BAD_CODE: Final = b"400 fifo_t_reply: code(int) has wrong format"
_NO_BODY: Final = b"400 fifo_t_reply: while reading body"

# How the Unix socket says what the FIFO is told.
_REPLIED_BY_SOCKET: Final = {
    b"400 fifo_t_reply: code expected": b"400 Reason code expected\n",
    _BAD_CODE: b"400 Reason code has wrong format\n",
    b"400 fifo_t_reply: reason expected": b"400 Reason phrase expected\n",
    b"400 fifo_t_reply: trans_id expected": b"400 Transaction ID expected\n",
    b"400 fifo_t_reply: invalid trans_id": b"400 Error while parsing transaction ID\n",
    b"400 fifo_t_reply: to-ta expected": b"400 To tag expected\n",
    b"400 fifo_t_reply: while reading new headers": b"400 Error while reading new headers\n",
    _NO_BODY: b"400 Error while reading body\n",
    _NO_TRANSACTION: b"481 No such transaction\n",
    b"500 fifo_t_reply: reply failed": b"500 Reply failed\n",
    b"200 fifo_t_reply succeeded\n": b"200 Succeeded\n",
}


def reply(core: Core, inquiry: Inquiry) -> None:
    """t_reply: code, reason, `hash:label` (decimal), To tag, headers, body. Every process is asked; one has the transaction."""
    inquiry.answer(_reply(core, inquiry))


def the_reply(by_fifo: bool, answers: list[bytes]) -> bytes:
    """What the process said that has the transaction, or what all of them said."""
    found = next((text for text in answers if text != _NO_TRANSACTION), _NO_TRANSACTION)
    return found if by_fifo else _REPLIED_BY_SOCKET.get(found, found)


# As scanf() reads "%u:%u": a sign is taken, what follows is not looked at.
_TRANSACTION: Final = re.compile(rb"\s*([-+]?[0-9]+):\s*([-+]?[0-9]+)")
_CODE_DIGITS: Final = 5


def _reply(core: Core, inquiry: Inquiry) -> bytes:
    code = inquiry.word(0)
    if not code:
        return b"400 fifo_t_reply: code expected"
    if not code.isdigit() or len(code) > _CODE_DIGITS:
        return _BAD_CODE
    if not inquiry.word(1):
        return b"400 fifo_t_reply: reason expected"
    if not inquiry.word(2):
        return b"400 fifo_t_reply: trans_id expected"
    found = _TRANSACTION.match(inquiry.word(2))
    if found is None:
        return b"400 fifo_t_reply: invalid trans_id"
    if not inquiry.word(3):
        return b"400 fifo_t_reply: to-ta expected"
    if len(inquiry.words) < 5:
        return b"400 fifo_t_reply: while reading new headers"
    # The FIFO lets a request end without a body.
    if len(inquiry.words) < 6 and not inquiry.by_fifo:
        return _NO_BODY
    slot, label = int(found[1]), int(found[2])
    if slot < 0 or label < 0:
        return _NO_TRANSACTION
    call = core.layer.table.by_id(core.state.named(slot, label))
    if not isinstance(call, Call) or call.is_local:
        return _NO_TRANSACTION
    if not 100 <= int(code) <= 699:
        return _BAD_CODE
    ctx = call.context(core.world, inquiry.now_ms)
    if inquiry.word(4):
        ctx.reply_headers.append(inquiry.word(4))
    if not answer(call.core, call, ctx, int(code), inquiry.word(1), inquiry.word(5), inquiry.word(3)):
        return b"500 fifo_t_reply: reply failed"
    return b"200 fifo_t_reply succeeded\n"


# --- statistics --------------------------------------------------------------------------------------------------------


def count(core: Core, inquiry: Inquiry) -> None:
    """t_stats: the numbers of this process."""
    layer = core.layer
    counters = core.counters
    waiting = layer.counts.released - layer.counts.finished
    # SER calls all that went upstream replied here.
    replied = counters.own_replies + counters.relayed_replies
    numbers = [len(layer.table), waiting, layer.counts.created, counters.local, replied]
    inquiry.answer(packed_counters([int(n) for n in numbers] + counters.completed[6:1:-1]))


def shown_statistics(by_fifo: bool, answers: list[bytes]) -> bytes:
    """The numbers of all processes, as SER lays them out."""
    n = summed_counters(answers, _STATISTICS)
    lines = [b"200 ok\n" if by_fifo else b"200 OK\n"]
    lines.append(b"Current: %d (%d waiting) Total: %d (%d local) " % (n[0], n[1], n[2], n[3]) + _BLANKS)
    lines.append(b"Replied localy: %d" % n[4] + _BLANKS)
    lines.append(
        b"Completion status 6xx: %d, 5xx: %d, 4xx: %d, 3xx: %d,2xx: %d" % (n[5], n[6], n[7], n[8], n[9]) + _BLANKS
    )
    return b"".join(lines)


def count_slots(core: Core, inquiry: Inquiry) -> None:
    """t_hash: of each slot that was ever used, how many transactions it holds and has held."""
    current: dict[int, int] = {}
    for t in core.layer.table.all():
        slot = slot_in(t.id)
        current[slot] = current.get(slot, 0) + 1
    used = [b"%d %d %d" % (slot, current.get(slot, 0), total) for slot, total in core.state.slot_totals().items()]
    inquiry.answer(b" ".join(used))


def shown_slots(by_fifo: bool, answers: list[bytes]) -> bytes:
    """One line for every slot."""
    current = [0] * SLOTS
    total = [0] * SLOTS
    for text in answers:
        numbers = text.split()
        for at in range(0, len(numbers), 3):
            slot = int(numbers[at])
            current[slot] += int(numbers[at + 1])
            total[slot] += int(numbers[at + 2])
    lines = [b"200 ok\n" if by_fifo else b"200 OK\n", b"\tcurrent\ttotal\n"]
    lines += [b"%d.\t%d\t%d\n" % (slot, current[slot], total[slot]) for slot in range(SLOTS)]
    return b"".join(lines)
