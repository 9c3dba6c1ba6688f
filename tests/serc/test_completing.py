"""Completion and the arguments of calls in text that does not parse: what is typed ends where the cursor is."""

from __future__ import annotations

import pytest

from serc.editor import Document
from serc.reading.source import Source

MODULES = "sl tm usrloc registrar textops xlog avpops uri"
# What modparam calls them.
EXPORTED = MODULES.replace("sl ", "sl_module ").split()
HEAD = "".join(f'loadmodule "{name}.so"\n' for name in MODULES.split()) + 'modparam("registrar", "nat_flag", 6)\n'
ROUTES = """
}
route[2] { t_relay(); }
failure_route[1] { setflag(9); save("aliases"); avp_write("x", "s:caller"); }
"""


def proposed(written: str, outside: bool = False) -> list[str]:
    """Behind `written`, in the main route or outside of all."""
    before = HEAD + ("" if outside else "route {\n  setflag(7);  # from a gateway\n  ") + written
    text = before + ("\nroute { drop; }\n" if outside else ROUTES)
    return [p.word for p in Document(Source("ser.cfg", text)).completion(len(before))]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ('modparam("', EXPORTED),
        ('modparam(', [f'"{name}"' for name in EXPORTED]),
        ('modparam("usrloc|registrar", "', ["use_domain", "desc_time_order"]),
        ('modparam("tm", "fr_timer", ', []),
        ('modparam("nobody", "', []),
        ("fork=", ["yes", "no"]),
        ("fork=y", ["yes", "no"]),
        ("listen=", []),
    ],
)  # fmt: skip
def test_outside_of_routes(written: str, words: list[str]) -> None:
    assert proposed(written, outside=True) == words


def test_names_of_parameters_and_globals() -> None:
    assert {"fr_timer", "fr_inv_timer"} <= set(proposed('modparam("tm", "fr', outside=True))
    assert {"loadmodule", "debug", "route"} <= set(proposed("de", outside=True))
    assert {"LOG_LOCAL0", "LOG_DAEMON"} <= set(proposed("log_facility=", outside=True))
    assert "tm.so" in proposed('loadmodule "', outside=True)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("route(", ["2"]),
        ("setflag(", ["6", "7", "9"]),
        ("if (isflagset(", ["6", "7", "9"]),
        ("if (method == INVITE && isflagset(7", ["6", "7", "9"]),
        ("t_on_failure(", ['"1"']),
        ('t_on_failure("', ["1"]),
        ('lookup("', ["location"]),
        ('save("', ["aliases"]),
        ('xlog("L', "L_ALERT L_CRIT L_ERR L_WARN L_NOTICE L_INFO L_DBG".split()),
        ('avp_write("y", "', ["s:caller"]),
        ('sl_send_reply("404", ', []),
        ('sl_send_reply("404", "', []),
        ("if (proto == ", ["udp", "tcp", "tls", "*"]),
        ("if (src_ip == ", ["myself"]),
        ("if (uri == ", ["myself"]),
        ('if (uri =~ "', []),
        ('if (uri == myself && src_port == ', []),
        ('log(1, "t_', []),
    ],
)  # fmt: skip
def test_in_calls_and_comparisons(written: str, words: list[str]) -> None:
    assert proposed(written) == words


def test_methods_are_known_with_quotes_and_within_them() -> None:
    assert proposed('if (method == "')[:2] == ["INVITE", "ACK"] and proposed("if (method == ")[:2] == [
        '"INVITE"',
        '"ACK"',
    ]


@pytest.mark.parametrize("written", ["t_", "if (af == INET) {\n t_", "else ", 'log(1, "a;b(c"); t_'])
def test_a_statement_begins(written: str) -> None:
    words = set(proposed(written))
    assert {"t_relay", "if", "break"} <= words and "uri" not in words


@pytest.mark.parametrize(
    "written", ["if (", "if (!", "if (t_", "if (method == INVITE && ", "if ((af == INET) ||\n  # (\n  u"]
)
def test_a_condition_goes_on(written: str) -> None:
    words = set(proposed(written))
    assert {"t_relay", "uri", "method"} <= words and not words & {"if", "else", "break"}


def test_a_flag_comes_with_the_line_that_has_it() -> None:
    before = f"{HEAD}route {{\n  setflag(7);  # from a gateway\n  if (isflagset("
    found = Document(Source("ser.cfg", before)).completion(len(before))
    assert [p.detail for p in found if p.word == "7"] == ["setflag(7);  # from a gateway"]


@pytest.mark.parametrize(
    ("written", "name", "argument", "text"),
    [
        ('modparam("', "modparam", 0, "Sets a parameter"),
        ('modparam("tm", "', "modparam", 1, "Sets a parameter"),
        ('modparam("tm", "fr_timer", ', "modparam", 2, "**fr_timer** of tm"),
        ("route { route(", "route", 0, "goes on behind the call"),
        ("route { if (isflagset(", "isflagset", 0, "True if the flag is set"),
        ('route { if (lookup("location") && t_check_status(', "t_check_status", 0, ""),
    ],
)
def test_what_is_called_is_told_while_it_is_written(written: str, name: str, argument: int, text: str) -> None:
    found = Document(Source("ser.cfg", HEAD + written)).signature(len(HEAD + written))
    assert found is not None and found.argument == argument
    assert found.calls[0].name == name and text in found.calls[0].text
