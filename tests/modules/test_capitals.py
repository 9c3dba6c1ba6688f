"""Users whose names differ by capitals, where the database tells them apart. RFC 3261 19.1.4; reference modules-main, chapter 19."""

from __future__ import annotations

import pytest

from modules.test_uri_db import is_true, site_of


@pytest.mark.parametrize("call", ["check_from()", "check_to()"])
@pytest.mark.parametrize(
    ("other", "name", "answer"),
    [
        (b"carol", "ALICE", True),
        (b"carol", "Alice", True),
        (b"Alice", "Alice", False),
        (b"Alice", "alice", True),
        (b"Alice", "ALICE", True),
    ],
)
def test_capitals_do_not_count_but_where_they_make_another_user(
    call: str, other: bytes, name: str, answer: bool
) -> None:
    """The credentials are those of alice."""
    site = site_of(call, is_authenticated=True)
    site.tables.tables["subscriber"].append(
        {"username": other, "domain": b"example.com", "password": b"x", "ha1b": None}
    )
    uri = f"<sip:{name}@example.com>;tag=1"
    assert is_true(site, From=uri, To=uri) is answer


def test_nobody_is_let_pass_while_nobody_can_tell() -> None:
    site = site_of("check_from()")
    ctx_from = "<sip:Alice@example.com>;tag=1"
    assert not is_true(site, From=ctx_from)
