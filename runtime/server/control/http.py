"""As much of HTTP as a scraper needs: GET, an answer, the end. RFC 9112."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# A request is longer than this in no scraper and in no probe.
REQUEST_MAX: Final = 8192
_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}


@dataclass(frozen=True)
class HttpRequest:
    """`path` without its query; `is_head`: the body is not wanted."""

    path: str
    is_head: bool


class BadRequest(Exception):
    """It cannot be answered with what it asks for: `status` is the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status: Final = status


def parse_request(data: bytes) -> HttpRequest | None:
    """The request in `data`; None while its end is missing. Raises BadRequest."""
    head, end, _ = data.partition(b"\r\n\r\n")
    if not end:
        if len(data) >= REQUEST_MAX:
            raise BadRequest(400)
        return None
    words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest(400)
    if words[0] not in ("GET", "HEAD"):
        raise BadRequest(405)
    return HttpRequest(words[1].partition("?")[0], words[0] == "HEAD")


def response(status: int, body: str, content_type: str = "text/plain; charset=utf-8", is_head: bool = False) -> bytes:
    """An answer after which the connection is closed."""
    data = body.encode("utf-8")
    head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {content_type}\r\nContent-Length: {len(data)}\r\n"
    allow = "Allow: GET, HEAD\r\n" if status == 405 else ""
    return f"{head}{allow}Connection: close\r\n\r\n".encode() + (b"" if is_head else data)
