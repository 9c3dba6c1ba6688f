"""Requests out of what the FIFO brings, and out of one datagram of the Unix socket. Reference core, 7.2 and 7.4."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from runtime.routing.command import HEADERS, LINE

# SER's buffer for a line: its line end and a NUL have to fit as well.
LINE_BYTES: Final = 512
# All that a request may have; a message body of the largest UDP packet fits.
REQUEST_BYTES: Final = 65536

_BLANKS: Final = b" \t\r\n"


@dataclass
class Request:
    """What somebody wants: the command's name as he wrote it, and what was read by its pattern.

    `reply_name` is that of his reply pipe, b"" if he wants no answer. `mistake` is why the words are not what he wrote.
    """

    name: bytes
    reply_name: bytes = b""
    words: list[bytes] = field(default_factory=list)
    mistake: str = ""


# The pattern of a command that there is, by its name in lower case; None for another.
Patterns = Callable[[bytes], str | None]


class FifoReader:
    """Takes the bytes of the FIFO in any pieces; finds whole requests, and says what is wrong with others.

    A request is complete as soon as its command has read what it wants. What follows as far as the empty line is nobody's, but
    for a line that begins a request for a command that there is: whoever forgets the empty line does not spoil the request
    of the next one.
    """

    def __init__(self, patterns: Patterns) -> None:
        self._patterns: Final = patterns
        self._rest = b""
        self._skips_line = False
        self._request: Request | None = None
        self._reader: WordReader | None = None
        # After a request: lines up to the empty one do not count.
        self._is_over = False

    @property
    def is_waiting(self) -> bool:
        """True if something has been begun and not ended."""
        return self._request is not None or self._is_over or self._skips_line or self._rest != b""

    def feed(self, data: bytes, found: list[Request], complaints: list[str]) -> None:
        """Append the requests that are complete now, and a sentence for each line that is no part of any."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if self._skips_line:
                self._skips_line = False
                line = bytes(LINE_BYTES)
            self._take(line, found, complaints)
        if len(self._rest) >= REQUEST_BYTES:
            # Whatever it is, it will not be kept.
            self._rest = b""
            self._skips_line = True

    def give_up(self, found: list[Request]) -> None:
        """Nothing has come for a while: what has been begun ends here, as with an empty line."""
        self._rest = b""
        self._skips_line = False
        self._is_over = False
        self._finish(found)

    def _take(self, line: bytes, found: list[Request], complaints: list[str]) -> None:
        reader = self._reader
        if reader is not None:
            if line.rstrip(_BLANKS) == b"" and reader.expects_line:
                self._finish(found)
            elif not reader.take(line):
                self._finish(found)
                self._is_over = True
            return
        begins = self._begin(line)
        if self._is_over:
            if line.rstrip(_BLANKS) == b"":
                self._is_over = False
                return
            if begins is None or self._patterns(begins.name.lower()) is None:
                return
        elif line.rstrip(_BLANKS) == b"":
            return
        self._is_over = True
        if begins is None:
            complaints.append(_complaint(line))
            return
        pattern = self._patterns(begins.name.lower())
        if not pattern:
            found.append(begins)
            return
        self._is_over = False
        self._request = begins
        self._reader = WordReader(pattern, begins)

    def _begin(self, line: bytes) -> Request | None:
        """The request that begins with this line, None if it cannot be one."""
        text = line.rstrip(_BLANKS)
        if len(line) + 2 > LINE_BYTES or len(text) < 3 or text[:1] != b":" or b"\0" in text:
            return None
        name, colon, reply_name = text[1:].partition(b":")
        if not name or not colon or any(c in reply_name for c in b"./\\"):
            return None
        return Request(name, reply_name)

    def _finish(self, found: list[Request]) -> None:
        if self._request is not None:
            found.append(self._request)
        self._request = None
        self._reader = None


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
        self._request: Final = request
        self._place = 0
        self._block: list[bytes] = []
        self._size = 0

    @property
    def expects_line(self) -> bool:
        """True where an empty line ends the request."""
        return self._pattern[self._place] == LINE

    def take(self, line: bytes) -> bool:
        """False if that was the last that the command wants, or all that is taken of this request."""
        line = line.rstrip(_BLANKS)
        self._size += len(line) + 2
        if self._size > REQUEST_BYTES:
            self._request.mistake = "request too long"
            return False
        kind = self._pattern[self._place]
        if kind == LINE:
            if len(line) + 2 > LINE_BYTES:
                self._request.mistake = "request line too long"
                return False
            self._request.words.append(line)
        elif line == b"." or (kind == HEADERS and line == b""):
            self._request.words.append(b"".join(self._block))
            self._block = []
        else:
            self._block.append(line + b"\r\n")
            return True
        self._place += 1
        return self._place < len(self._pattern)


def parse_datagram(data: bytes, patterns: Patterns) -> Request | None:
    """The request of one datagram; None if its first line is none. The reply pipe's name is read over."""
    first, _, rest = data.partition(b"\n")
    text = first.rstrip(_BLANKS)
    name, colon, _ = text[1:].partition(b":")
    if len(text) < 3 or text[:1] != b":" or not name or not colon:
        return None
    request = Request(name)
    for kind in patterns(name.lower()) or "":
        if not rest:
            break
        if kind == LINE:
            line, _, rest = rest.partition(b"\n")
            request.words.append(line.rstrip(_BLANKS))
        else:
            block = _block_of(rest)
            if block is None:
                break
            word, rest = block
            request.words.append(word)
    return request


def _block_of(text: bytes) -> tuple[bytes, bytes] | None:
    """A block that ends with a single ".", and what follows; None if it does not end."""
    lines: list[bytes] = []
    while text:
        line, _, text = text.partition(b"\n")
        line = line.rstrip(b"\r")
        if line == b".":
            return b"".join(lines), text
        lines.append(line + b"\r\n")
    return None
