"""Commands of gflags. Reference modules-more, D.6."""

from __future__ import annotations

import pytest
from script import Site, ask, request

from runtime.modules.gflags import Gflags

SCRIPT = 'route { if (is_gflag("3")) sl_send_reply("200", "set"); else sl_send_reply("404", "not set"); }'


def test_the_script_sees_what_the_command_sets() -> None:
    site = Site(SCRIPT, "sl gflags")
    assert ask(site, "is_gflag", b"3") == b"200 OK\nFALSE\n"
    assert ask(site, "set_gflag", b"3") == b"200 OK\n"
    assert ask(site, "is_gflag", b"3") == b"200 OK\nTRUE\n"
    assert site.answer(request()).startswith(b"SIP/2.0 200")
    assert ask(site, "reset_gflag", b"3") == b"200 OK\n"
    assert site.answer(request()).startswith(b"SIP/2.0 404")


@pytest.mark.parametrize(
    "word, what", [(b"x", b"format"), (b"-1", b"format"), (b"", b"number"), (b"32", b"number"), (b"9" * 40, b"number")]
)
def test_what_is_no_flag_is_refused(word: bytes, what: bytes) -> None:
    site = Site(SCRIPT, "sl gflags")
    for name in ("set_gflag", "reset_gflag", "is_gflag"):
        assert ask(site, name, word) == b"400: gflags: invalid flag " + what + b"\n"


def test_a_command_without_its_word_is_refused() -> None:
    assert ask(Site(SCRIPT, "sl gflags"), "set_gflag") == b"400: gflags: invalid flag number\n"


def test_the_declaration_lists_the_commands() -> None:
    site = Site(SCRIPT, "sl gflags")
    assert isinstance(site.engine.world.modules["gflags"], Gflags)
    assert [c.name for c in site.engine.commands()] == ["sl_stats", "set_gflag", "reset_gflag", "is_gflag"]
