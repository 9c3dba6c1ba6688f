"""Test files: what they say, and what is wrong with them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from serc.diagnostics.report import Report
from serc.reading.source import Source
from serc.testing.language import cases
from serc.testing.language.parsing import parse_tests

CASES = Path(__file__).with_name("cases")
_EXPECTATION = re.compile(r"#!\s*(SER[0-9]{4})(?::\s*(.*))?$")


def parsed(text: str) -> cases.TestFile:
    file, report = parse_tests(Source("ser.sertest", text))
    assert report.diagnostics == []
    return file


def said(source: Source, report: Report) -> dict[int, list[str]]:
    """What is told of each line."""
    found: dict[int, list[str]] = {}
    for d in report.in_order():
        line = source.line_of(d.span.start)
        found.setdefault(line, []).append(f"{d.code.name} {d.message} {d.hint}")
    return found


@pytest.mark.parametrize("path", sorted(CASES.glob("*.sertest")), ids=lambda path: path.stem)
def test_each_mistake_is_told_at_its_line(path: Path) -> None:
    source = Source.read(path)
    _, report = parse_tests(source)
    found = said(source, report)
    for number in range(1, source.line_count + 1):
        expected = _EXPECTATION.search(source.line_text(number))
        told = found.pop(number, [])
        if expected is None:
            assert told == [], number
        else:
            assert any(t.startswith(expected[1]) and re.search(expected[2] or "", t) for t in told), (number, told)
    assert found == {}


def test_columns_are_filled_in_and_each_row_is_a_case() -> None:
    file = parsed(
        'test "to <gw>"\n  when INVITE from <who> to sip:<number>@example.com\n  then INVITE to <gw>\n'
        "  | who      | number | gw       |\n  | alice    | 0049   | 10.0.0.1 |\n  | 10.0.0.9 | 1      | 10.0.0.2:5070 |\n"
    )
    assert [case.name for case in file.cases] == [
        "to <gw> [alice, 0049, 10.0.0.1]",
        "to <gw> [10.0.0.9, 1, 10.0.0.2:5070]",
    ]
    first, second = (case.statements for case in file.cases)
    assert isinstance(first[0], cases.WhenRequest) and isinstance(second[0], cases.WhenRequest)
    assert (first[0].sender.name, first[0].target.uri) == ("alice", "sip:0049@example.com")
    assert second[0].sender.place == cases.Place("10.0.0.9", 5060)


def test_what_a_file_says_before_its_tests_holds_for_all() -> None:
    file = parsed(
        "config other.cfg\nlisten tcp:10.0.0.1:5070\nuser alice at 10.0.0.7 password x as a uri sip:a@b\ngiven database down\n"
        'test "a"\n  when OPTIONS from alice to bob\ntest "b"\n  user bob at [::1]:7\n  when OPTIONS from alice to bob\n'
    )
    assert (file.config, file.listen) == ("other.cfg", (cases.Place("10.0.0.1", 5070, "tcp"),))
    for case in file.cases:
        user, down = case.statements[:2]
        assert isinstance(user, cases.User) and isinstance(down, cases.GivenDown)
        assert (user.username, user.password, user.uri) == ("a", "x", "sip:a@b")
    bob = file.cases[1].statements[2]
    assert isinstance(bob, cases.User) and bob.place == cases.Place("::1", 7)


def test_and_goes_on_with_what_was_before() -> None:
    (case,) = parsed(
        'test "x"\n  given dns a.b A 10.0.0.1\n  and dns a.b silent\n  when OPTIONS from a to b\n  then 200\n  and no log\n'
    ).cases
    assert [type(s).__name__ for s in case.statements] == [
        "GivenName",
        "GivenName",
        "WhenRequest",
        "ThenMessage",
        "ThenLog",
    ]


def test_a_text_over_several_lines_loses_its_margin() -> None:
    (case,) = parsed(
        'test "x"\n  when message """\n    OPTIONS sip:x SIP/2.0\n      indented\n    """ from 10.0.0.1\n  then nothing\n'
    ).cases
    message = case.statements[0]
    assert isinstance(message, cases.WhenMessage)
    assert message.text == "OPTIONS sip:x SIP/2.0\n  indented\n"
    assert isinstance(case.statements[1], cases.ThenNothing)


def test_texts_have_escapes_and_hashes() -> None:
    (case,) = parsed('test "a \\"b\\" # c"  # comment\n  when OPTIONS from a to b\n').cases
    assert case.name == 'a "b" # c'


def test_a_text_that_is_never_closed_is_one_mistake() -> None:
    for text in ('test "a\n', 'test "a"\n  when message """\n  x\n'):
        _, report = parse_tests(Source("x", text))
        assert [d.code.name for d in report.diagnostics][0] == "SER0801"
        assert len(report.diagnostics) <= 2
