"""To tags of local replies. Reference modules-main, chapter 0 and appendix D; RFC 3261 19.3."""

from __future__ import annotations

import re

import pytest

from runtime.routing.tags import from_tag, reply_tag, signature
from runtime.sip.message import parse


def tag(
    via: str,
    name: bytes = b"SER-stateless",
    separator: bytes = b".",
    secret: bytes = b"secret",
    code: int = 200,
    method: str = "INVITE",
) -> bytes:
    data = f"{method} sip:h SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\n\r\n".encode()
    return reply_tag(signature(name, b"192.168.1.15060", secret), separator, parse(data), code)


@pytest.mark.parametrize(
    ("via", "name", "separator", "expected"),
    [
        ("10.0.0.5:5062;branch=z9hG4bKabc", b"SER-TM/tags", b"-", b"20ab54b88c1c6f36e550c99408c10f11-74ca"),
        ("10.0.0.5:5062;branch=z9hG4bKabc", b"SER-stateless", b".", b"fd96ff747ab0946c6fc8d5aab123bd04.74ca"),
        ("10.0.0.5", b"SER-stateless", b".", b"fd96ff747ab0946c6fc8d5aab123bd04.fa92"),
    ],
)
def test_a_refusal_has_the_tag_of_the_original_and_all_else_its_form(
    via: str, name: bytes, separator: bytes, expected: bytes
) -> None:
    assert {tag(via, name, separator, code=code) for code in (300, 404, 503, 603)} == {expected}
    other = tag(via, name, separator)
    assert re.fullmatch(b"[0-9a-f]{32}", other[:32]) and other[:32] != expected[:32] and other[32:] == expected[32:]


def test_a_cancel_has_the_tag_of_the_refusal_of_its_invite() -> None:
    assert tag("h;branch=b", code=200, method="CANCEL") == tag("h;branch=b", code=487) != tag("h;branch=b", code=200)


def test_who_has_seen_a_tag_knows_half_of_the_next_and_not_the_rest() -> None:
    seen, next_ = tag("h;branch=b1"), tag("h;branch=b2")
    assert seen[:16] == next_[:16] and seen[16:32] != next_[16:32]
    assert len({tag("h;branch=b", secret=b"s%d" % n)[16:32] for n in range(100)}) == 100


def test_a_from_tag_is_that_of_its_call_id() -> None:
    own = signature(b"uac", b"h", b"secret")
    assert from_tag(own, b"a") == from_tag(own, b"a") != from_tag(own, b"b")
    assert from_tag(own, b"a") != from_tag(signature(b"uac", b"h", b"other"), b"a")


def test_a_tag_depends_on_host_port_and_branch_alone() -> None:
    assert tag("h:1;branch=b;rport") == tag("h : 1 ;x=y;branch=b")
    assert len({tag(via) for via in ("h:1;branch=b", "i:1;branch=b", "h:2;branch=b", "h:1;branch=c", "h:1", "h")}) == 6


def test_a_tag_always_has_37_bytes() -> None:
    assert {len(tag(f"h;branch={number}")) for number in range(2000)} == {37}
