"""Messages as phones make and read them: lines of text, nothing more."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

_COMPACT: Final = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
    "k": "supported",
    "s": "subject",
    "o": "event",
}
_URI: Final = re.compile(r"<([^>]*)>|([^\s;,]+)")
# A display name before an address in brackets, quoted or not (RFC 3261 25.1).
_DISPLAY: Final = re.compile(r'^(?:"(?:[^"\\]|\\.)*"|[^<",;]*)\s*(?=<)')
# A header as nearly all are: in one line, with blanks only after the colon and within.
_PLAIN: Final = re.compile(r"^([^\s:]+): *([^\r\n]*)(?<! )(?:\r\n|\Z)", re.MULTILINE)
_TAG: Final = re.compile(r";\s*tag=([^;,\s]+)", re.IGNORECASE)


@dataclass
class Text:
    """A message: its first line, its headers in their order, its body. Who has asked for a header changes them by `put` and `drop` only."""

    first: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""
    # Their values by the known form of their name; None: not made yet.
    _by_name: dict[str, list[str]] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def read(cls, data: bytes) -> Text:
        head, _, body = data.decode("latin-1").partition("\r\n\r\n")
        first, _, rest = head.partition("\r\n")
        headers: list[tuple[str, str]] = _PLAIN.findall(rest)
        if len(headers) != rest.count("\n") + 1 or "\t" in rest:
            headers = _headers_in(rest)
        return cls(first, headers, body)

    @property
    def is_request(self) -> bool:
        return not self.first.startswith("SIP/2.0 ")

    @property
    def method(self) -> str:
        """That of a request; of a reply that of its request."""
        if self.is_request:
            return self.first.split(" ", 1)[0]
        return (self.get("CSeq") or "").rpartition(" ")[2]

    @property
    def uri(self) -> str:
        return self.first.split(" ")[1] if self.is_request else ""

    @property
    def status(self) -> int:
        """0 for a request."""
        return 0 if self.is_request else int(self.first[8:11])

    @property
    def reason(self) -> str:
        return "" if self.is_request else self.first[12:]

    def all(self, name: str) -> list[str]:
        """The values of all headers of this name, which may be written in its compact form."""
        found = self._by_name
        if found is None:
            found = self._by_name = {}
            for header, value in self.headers:
                found.setdefault(_known(header), []).append(value)
        return found.get(_known(name), [])

    def get(self, name: str) -> str | None:
        found = self.all(name)
        return found[0] if found else None

    def put(self, name: str, value: str) -> None:
        """In the place of what has this name, or behind all."""
        self._by_name = None
        wanted = _known(name)
        for i, (header, _) in enumerate(self.headers):
            if _known(header) == wanted:
                self.headers[i] = (header, value)
                return
        self.headers.append((name, value))

    def drop(self, name: str) -> None:
        self._by_name = None
        wanted = _known(name)
        self.headers = [(header, value) for header, value in self.headers if _known(header) != wanted]

    def data(self) -> bytes:
        """As it is on the wire, with the right Content-Length."""
        self.put("Content-Length", str(len(self.body)))
        lines = [self.first]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode("latin-1")


def _headers_in(text: str) -> list[tuple[str, str]]:
    """Headers with blanks in unusual places, over several lines, or of a line without a colon."""
    headers: list[tuple[str, str]] = []
    for line in text.split("\r\n") if text else ():
        if line[:1] in (" ", "\t") and headers:
            headers[-1] = (headers[-1][0], headers[-1][1] + " " + line.strip())
        else:
            name, _, value = line.partition(":")
            headers.append((name.strip(), value.strip()))
    return headers


@lru_cache(maxsize=1024)
def _known(name: str) -> str:
    lower = name.lower()
    return _COMPACT.get(lower, lower)


def uri_in(value: str) -> str:
    """The URI of a From, To, Contact or Route value."""
    found = _URI.match(_DISPLAY.sub("", value.lstrip()))
    return "" if found is None else found[1] or found[2] or ""


def tag_in(value: str) -> str:
    found = _TAG.search(value)
    return "" if found is None else found[1]


def routes_in(values: list[str]) -> list[str]:
    """Each Route or Record-Route by itself."""
    return [one.strip() for value in values for one in re.split(r",(?=\s*<)", value)]


def wire(text: str) -> bytes:
    """A message as people write it, with the line ends of the wire."""
    if "\r\n" in text:
        return text.encode("latin-1", "replace")
    head, blank, body = text.lstrip("\n").partition("\n\n")
    head = head.rstrip("\n").replace("\n", "\r\n") + "\r\n\r\n"
    return (head + (body.rstrip("\n").replace("\n", "\r\n") + "\r\n" if blank and body.strip() else "")).encode(
        "latin-1", "replace"
    )
