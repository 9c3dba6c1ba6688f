"""serc check knows a flag by which a called route tells its caller that the script is over."""

from __future__ import annotations

import pytest

from runtime.modules import catalogue
from serc.frontend import inspect
from serc.reading.source import Source

HEAD = 'loadmodule "sl.so"\nloadmodule "tm.so"\nloadmodule "maxfwd.so"\n'
REFUSES = 'if (method == "PUBLISH") { sl_send_reply("404", "No"); setflag(9); break; }'
BODY = 'route {{ if (!mf_process_maxfwd_header("10")) break; {main} if (!t_relay()) sl_reply_error(); }}\nroute[1] {{ {called} }}\n'


def codes(main: str, called: str) -> list[str]:
    _, report = inspect(Source("ser.cfg", HEAD + BODY.format(main=main, called=called)), catalogue)
    return [d.code.name for d in report.in_order() if d.code.name == "SER0506"]


@pytest.mark.parametrize(
    ("main", "called"),
    [
        ("route(1); if (isflagset(9)) break;", REFUSES),
        ("route(1); if (isflagset(9)) { drop; }", REFUSES),
        ("setflag(9); resetflag(9); route(1); if (isflagset(9)) break;", REFUSES),
        ("route(1); if (isflagset(9)) break; route(1); if (isflagset(9)) break;", REFUSES),
    ],
)
def test_who_asks_whether_the_script_is_over_goes_on_with_what_is_not(main: str, called: str) -> None:
    assert codes(main, called) == []


@pytest.mark.parametrize(
    ("main", "called"),
    [
        ("route(1); setflag(9); if (isflagset(9)) setflag(8);", REFUSES),
        ("route(1); if (isflagset(8)) break;", REFUSES),
        ("route(1); if (isflagset(9)) break;", REFUSES.replace("setflag(9);", "")),
        ("route(1); if (isflagset(9)) break;", REFUSES.replace("setflag(9);", "setflag(9); resetflag(9);")),
    ],
)
def test_an_answer_that_is_followed_by_a_forwarding_is_still_seen(main: str, called: str) -> None:
    assert codes(main, called) == ["SER0506"]
