"""A file with an error in one place is looked at in all others, and nothing is told that follows from the error."""

from __future__ import annotations

import pytest
from expectations import diagnose
from test_seeded import MISTAKES, PROXY, Mistake

from serc.diagnostics.codes import CODES
from serc.diagnostics.report import Severity

# Told of what is left of the error, too: of every area one, in a route, of a module, of the file.
ERRORS = {
    "unknown function": ("        force_rport();", "        force_rprot();"),
    "bad parameter": ('modparam("tm", "fr_timer", 10)', 'modparam("tm", "fr_timer", "ten")'),
    "unknown global": ("check_via=no", "chek_via=no"),
    "arguments": ("    setflag(3);", "    setflag(64);"),
    "function of no loaded module": ("    m_dump();", "    m_dump();\n    ds_select_dst();"),
    "no address": ("listen=192.0.2.10", "listen=300.0.2.10"),
    "a semicolon too few": ("    m_dump();", "    m_dump()"),
    "a string without end": ('m_store("0")', 'm_store("0)'),
    "a string of a parameter without end": ('"usr_preferences")', '"usr_preferences)'),
    "a string of a module without end": ('/pike.so"', "/pike.so"),
    "a string of an alias without end": ('alias="example.org"', 'alias="example.org'),
    "a block without end": (
        '        t_reply("503", "Service Unavailable");\n    };\n}',
        '        t_reply("503", "Service Unavailable");\n    };',
    ),
    "a block that ends twice": (
        '        t_reply("503", "Service Unavailable");\n    };',
        '        t_reply("503", "Service Unavailable");\n    };\n    };',
    ),
    "a block that does not begin": ("    if (!t_newtran()) {", "    if (!t_newtran())"),
    "a word between routes": ("# voicemail", "voicemail"),
    "a bracket between routes": ("# voicemail", "}"),
    "a semicolon between routes": ("# voicemail", ";"),
    "statements between routes": ("# voicemail", "if (method == INFO) {\n    setflag(5);\n}"),
    "a comment of another language": ("# voicemail", "// voicemail"),
    "a route without its keyword": ("route[4] {", "[4] {"),
    "a route with parentheses": ("route[4] {", "route(4) {"),
    "a route with a name": ("route[4] {", "route[MESSAGES] {"),
    "a route of another server": ("# voicemail", "event_route[x] {\n    drop;\n}"),
    "a parameter without its value": ("mhomed=no", "mhomed="),
    "a parameter of a module without its end": ('"enable_full_lr", 1)', '"enable_full_lr", 1'),
}
# Warnings of which each stands in one place, apart from all of those.
WARNINGS = [
    each
    for each in MISTAKES
    if CODES[each.code].severity is Severity.WARNING
    and each.name
    in (
        "no-break-after-mf cancel-answered bye-answered lookup-ignored consume-missing failure-no-append inverted-lookup strip-zero"
        " and-or-method dot-in-host anchor-of-one failure-of-success two-ports exec-without-path"
    ).split()
]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("mistake", WARNINGS, ids=[each.name for each in WARNINGS])
def test_a_warning_is_told_beside_an_error(mistake: Mistake, error: str) -> None:
    right, wrong = ERRORS[error]
    assert mistake.text.count(right) == 1
    _, diagnostics = diagnose(mistake.text.replace(right, wrong))
    found = [d.code.name for d in diagnostics if d.severity is not Severity.NOTE]
    errors = [d for d in diagnostics if d.severity is Severity.ERROR]
    assert len(errors) == 1
    assert sorted(found) == sorted([errors[0].code.name, mistake.code])


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_is_told_alone(error: str) -> None:
    right, wrong = ERRORS[error]
    _, diagnostics = diagnose(PROXY.replace(right, wrong))
    assert [d.severity for d in diagnostics if d.severity is not Severity.NOTE] == [Severity.ERROR]


def test_what_a_broken_comparison_guards_is_not_blamed() -> None:
    _, diagnostics = diagnose(PROXY.replace("from_uri != myself", "src_ip != 300.1.2.3"))
    assert [d.code.name for d in diagnostics if d.severity is not Severity.NOTE] == ["SER0309"]


def test_what_may_be_the_unknown_function_is_not_missed() -> None:
    _, diagnostics = diagnose(PROXY.replace("record_route();", "recordroute();"))
    assert [d.code.name for d in diagnostics if d.severity is not Severity.NOTE] == ["SER0201"]


def test_a_route_with_a_syntax_error_may_do_anything() -> None:
    text = PROXY.replace("    if (!t_relay()) {", "    if (!t_relay() {")
    _, diagnostics = diagnose(text)
    assert [d.code.name for d in diagnostics if d.severity is not Severity.NOTE] == ["SER0111"]


def test_routes_with_names_are_told_once_each() -> None:
    """However many there are, and however often each is called."""
    names = [f"CALLS{n}" for n in range(30)]
    text = "route {\n" + "".join(f"route({name});\nroute({name});\n" for name in names) + "drop;\n}\n"
    _, diagnostics = diagnose(text)
    told = [d for d in diagnostics if d.code.name == "SER0702"]
    assert len(told) == len(names)
    assert [[related.message for related in d.related] for d in told] == [["and here"]] * len(names)


def test_a_reply_route_of_failures_is_told_alone() -> None:
    """It is no onreply_route, in which most of it would be wrong."""
    text = PROXY.replace('t_on_failure("1")', 't_on_negative("1")').replace("failure_route[1]", "reply_route[1]")
    _, diagnostics = diagnose(text)
    told = [d for d in diagnostics if d.severity is not Severity.NOTE]
    assert [d.code.name for d in told] == ["SER0704", "SER0701"]
    assert "failure_route[1]" in (told[1].hint or "")
