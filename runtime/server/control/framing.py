"""Requests out of what the FIFO brings, and out of one datagram of the Unix socket. Reference core, 7.2 and 7.4."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from runtime.routing.command import BODY, HEADERS, LINE, LINES, SOME_HEADERS

# SER's buffer for a line: its line end and a NUL have to fit as well.
LINE_BYTES: Final = 512
# All that a request may have; a message body of the largest UDP packet fits.
REQUEST_BYTES: Final = 65536
# From its first byte to its last: clients write a request at once.
REQUEST_MS: Final = 1000

_BLANKS: Final = b" \t\r\n"


@dataclass
class Request:
    """What somebody wants: the command's name as the client wrote it, and what was read by its pattern.

    `reply_name` is that of the client's reply pipe, b"" if it wants no answer. `mistake` is why the words are not what it wrote.
    """

    name: bytes
    reply_name: bytes = b""
    words: list[bytes] = field(default_factory=list)
    mistake: str = ""


# The pattern of a command that there is, by its name in lower case; None for another.
Patterns = Callable[[bytes], str | None]


class FifoReader:
    """Takes the bytes of the FIFO in any pieces; finds whole requests, and says what is wrong with others. Times are milliseconds.

    A pipe does not tell where one client's bytes end and the next one's begin, so whatever a broken request spoils must end
    soon. A request is complete as soon as its command has read what it wants. What follows as far as the empty line is surplus, but
    for a line that begins a request of somebody else: for a command that there is, to another reply pipe. Where a request has to
    begin, one is found behind garbage on the same line, too. What a command reads is never looked at: a parameter may be a
    stranger's words. A request that is not whole within `REQUEST_MS` ends there.
    """

    def __init__(self, patterns: Patterns) -> None:
        self._patterns: Final = patterns
        # The line that has not ended; of one that is too long only its end.
        self._rest = b""
        # Of the request that has begun and is not complete.
        self._reader: WordReader | None = None
        # The reply pipe of the request whose surplus is read over; None when that is over.
        self._surplus_of: bytes | None = None
        # Garbage was complained of; what follows it as far as the empty line is not worth another sentence.
        self._has_complained = False
        # When began what is read now.
        self._since_ms = 0

    def ends_ms(self) -> int | None:
        """When `give_up` is due; None if nothing has been begun."""
        is_waiting = self._reader is not None or self._surplus_of is not None or self._has_complained or self._rest
        return self._since_ms + REQUEST_MS if is_waiting else None

    def feed(self, data: bytes, now_ms: int, found: list[Request], complaints: list[str]) -> None:
        """Append the requests that are complete now, and a sentence for each line that is no part of any."""
        if self.ends_ms() is None:
            self._since_ms = now_ms
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            self._take(line, now_ms, found, complaints)
        if len(self._rest) > REQUEST_BYTES:
            if self._reader is not None:
                self._reader.request.mistake = "request too long"
                self._end(self._reader, found)
            # What is kept is still too long for a line, and may end in somebody's request.
            self._rest = self._rest[-2 * LINE_BYTES :]

    def give_up(self, found: list[Request]) -> None:
        """What has been begun ends here, as with an empty line."""
        self._rest = b""
        self._surplus_of = None
        self._has_complained = False
        if self._reader is not None:
            found.append(self._reader.request)
            self._reader = None

    def _take(self, line: bytes, now_ms: int, found: list[Request], complaints: list[str]) -> None:
        reader = self._reader
        is_empty = line.rstrip(_BLANKS) == b""
        if reader is None:
            self._since_ms = now_ms
            if is_empty:
                self._surplus_of = None
                self._has_complained = False
            else:
                self._look_for_request(line, found, complaints)
        elif is_empty and reader.expects_line:
            self._reader = None
            found.append(reader.request)
        elif not reader.take(line):
            self._end(reader, found)

    def _look_for_request(self, line: bytes, found: list[Request], complaints: list[str]) -> None:
        request = _request_of(line)
        if self._surplus_of is not None:
            if request is not None and self._is_somebody_elses(request):
                self._begin(request, found)
            return
        behind = self._behind_garbage(line) if request is None or b":" in request.reply_name else None
        if request is None or behind is not None:
            if not self._has_complained:
                complaints.append(_complaint(line))
            self._has_complained = True
            request = behind
        if request is not None:
            self._begin(request, found)

    def _is_somebody_elses(self, request: Request) -> bool:
        """Whether this line, which is surplus to one request, begins the next one."""
        is_answered_there = request.reply_name == self._surplus_of and request.reply_name != b""
        return not is_answered_there and self._patterns(request.name.lower()) is not None

    def _behind_garbage(self, line: bytes) -> Request | None:
        """The request for a command that there is at the end of this line."""
        _, *end = line.rsplit(b":", 2)
        request = _request_of(b":" + b":".join(end)) if len(end) == 2 else None
        return request if request is not None and self._patterns(request.name.lower()) is not None else None

    def _begin(self, request: Request, found: list[Request]) -> None:
        self._has_complained = False
        pattern = self._patterns(request.name.lower())
        if pattern:
            self._surplus_of = None
            self._reader = WordReader(pattern, request)
        else:
            self._surplus_of = request.reply_name
            found.append(request)

    def _end(self, reader: WordReader, found: list[Request]) -> None:
        """Its request has all that is taken of it, and the empty line is still to come."""
        self._reader = None
        self._surplus_of = reader.request.reply_name
        found.append(reader.request)


def _request_of(line: bytes) -> Request | None:
    """The request that begins with this line, None if it cannot be one."""
    text = line.rstrip(_BLANKS)
    if len(line) + 2 > LINE_BYTES or len(text) < 3 or text[:1] != b":" or b"\0" in text:
        return None
    name, colon, reply_name = text[1:].partition(b":")
    if not name or not colon or any(c in reply_name for c in b"./\\"):
        return None
    return Request(name, reply_name)


def _complaint(line: bytes) -> str:
    shown = line[:80].decode("latin-1")
    if len(line) + 2 > LINE_BYTES:
        return "request line too long"
    if not line.startswith(b":"):
        return f"command must begin with :: {shown}"
    return f"not a command and the name of a reply pipe: {shown}"


class WordReader:
    """Reads the words of one request of the FIFO into it, line by line."""

    def __init__(self, pattern: str, request: Request) -> None:
        self._pattern: Final = pattern
        self.request: Final = request
        self._place = 0
        self._block: list[bytes] = []
        self._size = 0

    @property
    def expects_line(self) -> bool:
        """True where an empty line ends the request."""
        return self._pattern[self._place] in (LINE, LINES)

    def take(self, line: bytes) -> bool:
        """False if that was the last that the command wants, or all that is taken of this request."""
        line = line.rstrip(_BLANKS)
        self._size += len(line) + 2
        if self._size > REQUEST_BYTES:
            self.request.mistake = "request too long"
            return False
        kind = self._pattern[self._place]
        if kind in (LINE, LINES):
            if len(line) + 2 > LINE_BYTES:
                self.request.mistake = "request line too long"
                return False
            self.request.words.append(line)
            if kind == LINES:
                return True
        elif line == b"." or (kind in (HEADERS, SOME_HEADERS) and line == b""):
            self.request.words.append(b"".join(self._block))
            if kind == SOME_HEADERS and not self._block:
                return False
            self._block = []
        else:
            self._block.append(line + b"\r\n")
            return True
        self._place += 1
        return self._place < len(self._pattern)


def parse_datagram(data: bytes, patterns: Patterns) -> Request | None:
    """The request of one datagram; None where it does not begin with a name between colons. The reply pipe's name is read over.

    As in SER a name may be empty, and have line ends: such a command is one that there is not.
    """
    name, colon, rest = data[1:].partition(b":")
    if len(data) < 3 or data[:1] != b":" or not colon:
        return None
    rest = rest.partition(b"\n")[2]
    request = Request(name)
    for kind in patterns(name.lower()) or "":
        if not rest:
            break
        if kind == LINE:
            line, _, rest = rest.partition(b"\n")
            request.words.append(line.rstrip(_BLANKS))
        elif kind == LINES:
            request.words += [line.rstrip(_BLANKS) for line in rest.split(b"\n") if line.strip(_BLANKS)]
        else:
            block = _block_of(rest, kind == BODY)
            if block is None:
                break
            word, rest = block
            request.words.append(word)
    return request


def _block_of(text: bytes, as_it_is: bool) -> tuple[bytes, bytes] | None:
    """A block that ends with a single ".", and what follows; None if it does not end. Its lines get a CRLF unless it is taken
    `as_it_is`."""
    lines: list[bytes] = []
    while text:
        line, end, text = text.partition(b"\n")
        if line.rstrip(b"\r") == b".":
            return b"".join(lines), text
        lines.append(line + end if as_it_is else line.rstrip(b"\r") + b"\r\n")
    return None
