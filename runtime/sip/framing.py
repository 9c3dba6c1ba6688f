"""Whole messages out of a stream, as Content-Length divides it. RFC 3261 18.3, reference core 6.7."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.sip.scan import CR, LF, SPACE, TAB, BadMessage, decimal, skip_white, trim_end

MESSAGE_MAX: Final[i64] = 65535

_NAME: Final = b"content-length"
_COLON: Final = 58
_UNDERSCORE: Final = 95
_DASH: Final = 45

# What the header line before was: another header, a Content-Length without its value, a Content-Length.
_OTHER: Final[i64] = 0
_OPEN: Final[i64] = 1
_CLOSED: Final[i64] = 2


@final
class Framer:
    """The receiving side of one stream: `feed` what came, then `take` messages until there is none.

    However the stream is cut, no byte is looked at twice, and the body of a message is put together once.
    """

    def __init__(self) -> None:
        self._buffer = b""
        # Offsets into the buffer: of the message that is being read, of its current header line, of what was not searched.
        self._start: i64 = 0
        self._line: i64 = 0
        self._seen: i64 = 0
        self._length: i64 = -1
        self._previous: i64 = _OTHER
        # When the headers are complete: the size of the message, and what comes of its body.
        self._size: i64 = 0
        self._pieces: list[bytes] = []
        self._held: i64 = 0

    def is_empty(self) -> bool:
        """True between two messages."""
        return len(self._buffer) == self._start and self._size == 0

    def feed(self, data: bytes) -> None:
        """The next bytes of the stream."""
        if self._size > 0:
            self._pieces.append(data)
            self._held += len(data)
        elif len(self._buffer) == self._start:
            self._buffer = data
            self._move_to(0)
        else:
            start = self._start
            self._buffer = self._buffer[start:] + data
            self._line -= start
            self._seen -= start
            self._start = 0

    def take(self) -> bytes:
        """The next whole message, without white space in front of it; b"" when there is none yet.

        Raises BadMessage for a message without a usable Content-Length or of more than MESSAGE_MAX bytes. Where the next
        message begins is unknown from then on.
        """
        if self._size == 0:
            self._read_headers()
            if self._size == 0:
                return b""
        if self._held < self._size:
            return b""
        if len(self._pieces) > 0:
            self._buffer = self._buffer[self._start :] + b"".join(self._pieces)
            self._start = 0
            self._pieces = []
        end = self._start + self._size
        message = self._buffer[self._start : end]
        self._size = 0
        self._move_to(end)
        return message

    def _move_to(self, start: i64) -> None:
        """A message begins at `start`, or white space in front of it."""
        if start == len(self._buffer):
            self._buffer = b""
            start = 0
        self._start = start
        self._line = start
        self._seen = start
        self._length = -1
        self._previous = _OTHER

    def _read_headers(self) -> None:
        """As far as they have come; sets `_size` when they are complete."""
        buf = self._buffer
        end: i64 = len(buf)
        if self._seen == self._start:
            start = skip_white(buf, self._start, end)
            self._move_to(start)
            if start == end:
                return
        pos = self._seen
        while pos < end:
            if buf[pos] == LF:
                if pos == self._line or (pos == self._line + 1 and buf[self._line] == CR):
                    self._end_headers(pos + 1, end)
                    return
                self._read_line(buf, self._line, pos)
                self._line = pos + 1
            pos += 1
        self._seen = end
        if end - self._start > MESSAGE_MAX:
            raise BadMessage(f"over {MESSAGE_MAX} bytes of headers")

    def _end_headers(self, body: i64, end: i64) -> None:
        if self._previous == _OPEN or self._length < 0:
            raise BadMessage("no Content-Length")
        self._size = body - self._start + self._length
        self._held = end - self._start
        if self._size > MESSAGE_MAX:
            raise BadMessage(f"a message of over {MESSAGE_MAX} bytes")

    def _read_line(self, buf: bytes, start: i64, end: i64) -> None:
        """A line of the head; only Content-Length matters. SER takes an underscore in its name for a dash."""
        first: i64 = buf[start]
        if first == SPACE or first == TAB:
            if self._previous != _OTHER:
                self._read_value(buf, start, end)
            return
        if self._previous == _OPEN:
            raise BadMessage("Content-Length without a value")
        self._previous = _OTHER
        first |= 32
        if first == 108:
            start += 1
        elif first == 99 and _is_content_length(buf, start, end):
            start += 14
        else:
            return
        while start < end and (buf[start] == SPACE or buf[start] == TAB):
            start += 1
        if start < end and buf[start] == _COLON:
            self._previous = _OPEN
            self._read_value(buf, start + 1, end)

    def _read_value(self, buf: bytes, start: i64, end: i64) -> None:
        """What stands behind the colon or on a folded line: the number once, else only white space."""
        start = skip_white(buf, start, end)
        end = trim_end(buf, start, end)
        if start == end:
            return
        value = decimal(buf, start, end)
        if value < 0 or self._previous == _CLOSED or (self._length >= 0 and value != self._length):
            raise BadMessage("bad Content-Length")
        self._length = value
        self._previous = _CLOSED


def _is_content_length(buf: bytes, start: i64, end: i64) -> bool:
    if end - start < 14:
        return False
    i: i64 = 0
    while i < 14:
        c: i64 = buf[start + i]
        if c == _UNDERSCORE:
            c = _DASH
        elif 65 <= c <= 90:
            c |= 32
        if c != _NAME[i]:
            return False
        i += 1
    return True
