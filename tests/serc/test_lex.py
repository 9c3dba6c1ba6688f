"""Tokens, comments and strings. Reference core, chapter 2."""

from __future__ import annotations

import pytest

from serc.diagnostics.report import Report
from serc.reading.lex import Lexed, lex
from serc.reading.source import Source


def lexed(text: str) -> tuple[Lexed, Report]:
    report = Report()
    return lex(Source("ser.cfg", text), report), report


def texts(text: str) -> list[str]:
    return [token.text for token in lexed(text)[0].tokens[:-1]]


def test_comments_nest_and_leave_blanks_of_the_same_length() -> None:
    text = "a /* x /* y */ z */ b # c\nd"
    result, report = lexed(text)
    assert [t.text for t in result.tokens[:-1]] == ["a", "b", "d"]
    assert len(result.blanked) == len(text)
    assert result.blanked.split() == ["a", "b", "d"]
    assert not report.diagnostics


def test_a_line_comment_may_end_the_file() -> None:
    assert texts("a # b") == ["a"]


def test_comment_signs_in_strings_are_text() -> None:
    assert texts('"a # b /* c" d') == ['"a # b /* c"', "d"]


@pytest.mark.parametrize("word", ["uri:host", "uri:port", "msg:len"])
def test_two_part_words_are_one_token(word: str) -> None:
    assert texts(f"({word})") == ["(", word, ")"]
    assert texts("uri:hosts") == ["uri", ":", "hosts"]


@pytest.mark.parametrize("address", ["::", "::1", "fe80::1", "1:2:3:4:5:6:7:8", "2001:db8::ff00:42:8329"])
def test_ipv6_addresses_are_one_token(address: str) -> None:
    assert texts(f"[{address}]:5060") == ["[", address, "]", ":", "5060"]


def test_the_longest_operator_wins() -> None:
    assert texts("a==b!=c=~d<=e>=f&&g||h&i|j!k") == (
        ["a", "==", "b", "!=", "c", "=~", "d", "<=", "e", ">=", "f", "&&", "g", "||", "h", "&", "i", "|", "j", "!", "k"]
    )


def test_a_string_may_go_over_several_lines() -> None:
    result, report = lexed("exec_msg('one;\ntwo;\n');")
    assert [t.kind for t in result.tokens] == ["word", "sign", "string", "sign", "sign", "end"]
    assert not report.diagnostics


def test_a_string_that_is_not_closed_ends_before_the_end_of_the_call() -> None:
    result, report = lexed('f("a);\ng("b");\n')
    assert [t.text for t in result.tokens[:-1]] == ["f", "(", '"a', ")", ";", "g", "(", '"b"', ")", ";"]
    assert [d.code.name for d in report.diagnostics] == ["SER0001"]


def test_an_unclosed_comment_is_reported_where_it_begins() -> None:
    result, report = lexed("a /* b\n/* c */\nd")
    assert result.cut_off
    assert [(d.code.name, d.span.start) for d in report.diagnostics] == [("SER0002", 2)]
