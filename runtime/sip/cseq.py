"""The CSeq header. RFC 3261 20.16."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from runtime.sip import headers, methods
from runtime.sip.message import Message
from runtime.sip.scan import BadMessage, decimal, skip_white, trim_end


@final
@mypyc_attr(acyclic=True, free_list_len=1)
class CSeq:
    """`number` and method of a CSeq; `number_start:number_end` and `method_start:method_end` are offsets into the message."""

    def __init__(self, number: i64, number_start: i64, number_end: i64, method_start: i64, method_end: i64) -> None:
        self.number: Final = number
        self.number_start: Final = number_start
        self.number_end: Final = number_end
        self.method_start: Final = method_start
        self.method_end: Final = method_end

    def method(self, msg: Message) -> i64:
        """Number of the method (runtime.sip.methods), 0 for one that has none."""
        return methods.number_of(msg.buf, self.method_start, self.method_end)


def parse_cseq(msg: Message) -> CSeq:
    """The parsed CSeq; raises BadMessage when it is missing or broken. It may be folded anywhere (RFC 3261 7.3.1)."""
    record = msg.cseq
    if record == 0:
        raise BadMessage("no CSeq header")
    buf = msg.buf
    limit = headers.line_end(record)
    start = skip_white(buf, headers.value_start(record), limit)
    pos = start
    while pos < limit and 48 <= buf[pos] <= 57:
        pos += 1
    number = decimal(buf, start, pos)
    method_start = skip_white(buf, pos, limit)
    method_end = trim_end(buf, method_start, limit)
    if number < 0 or method_start == pos or method_end == method_start:
        raise BadMessage("CSeq is not a number and a method", int(start))
    return CSeq(number, start, pos, method_start, method_end)
