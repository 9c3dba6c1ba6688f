"""To tags of local replies. Reference modules-main, chapter 0 and appendix D."""

from __future__ import annotations

import pytest

from runtime.routing.tags import reply_tag, signature
from runtime.sip.message import parse


def tag(via: str, name: bytes = b"SER-stateless", separator: bytes = b".") -> bytes:
    data = f"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\n\r\n".encode()
    return reply_tag(signature(name, b"192.168.1.15060"), separator, parse(data))


@pytest.mark.parametrize(
    ("via", "name", "separator", "expected"),
    [
        ("10.0.0.5:5062;branch=z9hG4bKabc", b"SER-TM/tags", b"-", b"20ab54b88c1c6f36e550c99408c10f11-74ca"),
        ("10.0.0.5:5062;branch=z9hG4bKabc", b"SER-stateless", b".", b"fd96ff747ab0946c6fc8d5aab123bd04.74ca"),
        ("10.0.0.5", b"SER-stateless", b".", b"fd96ff747ab0946c6fc8d5aab123bd04.fa92"),
    ],
)
def test_a_tag_is_that_of_the_original(via: str, name: bytes, separator: bytes, expected: bytes) -> None:
    assert tag(via, name, separator) == expected


def test_a_tag_depends_on_host_port_and_branch_alone() -> None:
    assert tag("h:1;branch=b;rport") == tag("h : 1 ;x=y;branch=b")
    assert len({tag(via) for via in ("h:1;branch=b", "i:1;branch=b", "h:2;branch=b", "h:1;branch=c", "h:1", "h")}) == 6


def test_a_tag_always_has_37_bytes() -> None:
    assert {len(tag(f"h;branch={number}")) for number in range(2000)} == {37}
