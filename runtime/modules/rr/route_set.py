"""The Route headers of a request as one list. RFC 3261 20.34."""

from __future__ import annotations

from typing import Final, final

from librt.vecs import append, vec
from mypy_extensions import i64

from runtime.routing.context import Context
from runtime.sip import headers
from runtime.sip.message import Message
from runtime.sip.nameaddr import NameAddr, parse_name_addr
from runtime.sip.scan import BadMessage
from runtime.sip.uri import SipUri, parse_uri, separator_in


@final
class RouteSet:
    """All values of all Route headers in their order, each with the header that holds it.

    Raises BadMessage where one cannot be parsed. Removals are edits of the outgoing message.
    """

    def __init__(self, msg: Message) -> None:
        self._msg: Final = msg
        self._values: list[NameAddr] = []
        self._records = vec[i64](capacity=4)
        for record in msg.headers:
            if headers.kind(record) == headers.ROUTE:
                self._read(record)
        if not self._values:
            raise BadMessage("empty Route header", int(headers.line_start(msg.route)))

    def _read(self, record: i64) -> None:
        pos = headers.value_start(record)
        end = headers.line_end(record)
        while pos >= 0:
            value = parse_name_addr(self._msg.buf, pos, end, True)
            self._values.append(value)
            self._records = append(self._records, record)
            pos = value.next

    def __len__(self) -> int:
        return len(self._values)

    def text(self, index: i64) -> bytes:
        """The URI of an entry, of whatever scheme; raises BadMessage for one that cannot stand in a request line."""
        value = self._values[index]
        separator = separator_in(self._msg.buf, value.uri_start, value.uri_end)
        if separator >= 0:
            raise BadMessage("white space in the uri of a Route", int(separator))
        return self._msg.buf[value.uri_start : value.uri_end]

    def uri(self, index: i64) -> SipUri:
        """The URI of an entry, parsed; raises BadUri."""
        value = self._values[index]
        return parse_uri(self._msg.buf, value.uri_start, value.uri_end)

    def remove_first(self, ctx: Context, count: i64) -> None:
        """Take the first `count` entries away: whole header lines, and the beginning of the next where it is shared."""
        index: i64 = 0
        while index < count:
            record = self._records[index]
            first = index
            while index < count and self._records[index] == record:
                index += 1
            if index < len(self._records) and self._records[index] == record:
                ctx.delete_routes(self._values[first].start, self._values[index].start)
            else:
                ctx.delete_routes(headers.line_start(record), headers.line_end(record))

    def remove_last(self, ctx: Context) -> None:
        """Take the last entry away."""
        last = len(self._values) - 1
        record = self._records[last]
        if last > 0 and self._records[last - 1] == record:
            ctx.delete_routes(self._values[last - 1].end, self._values[last].end)
        else:
            ctx.delete_routes(headers.line_start(record), headers.line_end(record))
