"""Diagnostics as text, JSON, SARIF and GitHub commands; suggestions."""

from __future__ import annotations

import json

import pytest

from serc.diagnostics.codes import LISTEN_TWICE, UNCLOSED_STRING, UNKNOWN_FUNCTION
from serc.diagnostics.render import render_errors, render_text
from serc.diagnostics.render_github import render_github
from serc.diagnostics.render_json import render_json
from serc.diagnostics.render_sarif import render_sarif
from serc.diagnostics.report import Related, Report
from serc.diagnostics.suggest import did_you_mean, nearest
from serc.reading.source import Source
from serc.reading.tree import Span

TEXT = 'route {\n\tsl_snd("ü");\n}\nlisten=a\n'.encode().decode("latin-1")
SOURCE = Source("my cfg,1.cfg", TEXT)


def report() -> Report:
    result = Report()
    at = TEXT.index("listen")
    related = (Related(Span(0, 5), "first here"),)
    result.add(LISTEN_TWICE, Span(at, at + 8), "listed 100% twice", related=related)
    at = TEXT.index("sl_snd")
    result.add(UNKNOWN_FUNCTION, Span(at, at + 6), "there is no function sl_snd", hint='did you mean "x"?')
    return result


def test_text_shows_line_mark_hint_and_related_place() -> None:
    assert render_text(SOURCE, report()) == (
        "my cfg,1.cfg:2:2: error: there is no function sl_snd [SER0201]\n"
        '    \tsl_snd("ü");\n'
        "    \t^^^^^^\n"
        '  hint: did you mean "x"?\n'
        "my cfg,1.cfg:4:1: warning: listed 100% twice [SER0606]\n"
        "    listen=a\n"
        "    ^^^^^^^^\n"
        "my cfg,1.cfg:1:1: note: first here\n"
        "    route {\n"
        "    ^^^^^\n"
    )


def test_where_nothing_starts_the_errors_stand_alone() -> None:
    assert render_errors(SOURCE, report()) == (
        "my cfg,1.cfg:2:2: error: there is no function sl_snd [SER0201]\n"
        '    \tsl_snd("ü");\n'
        "    \t^^^^^^\n"
        '  hint: did you mean "x"?\n'
        "1 warning beside that: serc check my cfg,1.cfg shows what\n"
    )
    assert render_errors(SOURCE, Report()) == ""


def test_a_mark_ends_with_its_line_and_is_never_empty() -> None:
    result = Report()
    result.add(UNCLOSED_STRING, Span(0, len(TEXT)), "long")
    result.add(UNCLOSED_STRING, Span(7, 7), "empty")
    lines = render_text(SOURCE, result).split("\n")
    assert lines[2] == "    ^^^^^^^"
    assert lines[5] == "           ^"


def test_control_characters_do_not_reach_the_terminal() -> None:
    result = Report()
    result.add(UNCLOSED_STRING, Span(0, 1), "x")
    assert "\x1b" not in render_text(Source("a", "\x1b[31m"), result)


def test_a_long_line_is_cut_around_the_place() -> None:
    source, result = Source("a", "x" * 1000 + "HERE" + "y" * 1000), Report()
    result.add(UNCLOSED_STRING, Span(1000, 1004), "x")
    _, line, mark, _ = render_text(source, result).split("\n")
    assert len(line) < 200
    assert line[mark.index("^") : mark.rindex("^") + 1] == "HERE"


def test_json_has_what_the_manual_says() -> None:
    first, second = json.loads(render_json(SOURCE, report()))
    assert first == {
        "file": "my cfg,1.cfg",
        "line": 2,
        "column": 2,
        "end_line": 2,
        "end_column": 8,
        "severity": "error",
        "code": "SER0201",
        "message": "there is no function sl_snd",
        "hint": 'did you mean "x"?',
        "fix": None,
        "related": [],
    }
    assert second["hint"] is None
    assert second["related"] == [{"file": "my cfg,1.cfg", "line": 1, "column": 1, "message": "first here"}]


def test_nothing_is_an_empty_list_in_json() -> None:
    assert json.loads(render_json(SOURCE, Report())) == []


def test_sarif_results_point_at_their_rules() -> None:
    log = json.loads(render_sarif(SOURCE, report()))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    location = run["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "my%20cfg%2C1.cfg"
    assert location["region"] == {"startLine": 2, "startColumn": 2, "endLine": 2, "endColumn": 8}
    assert run["results"][1]["relatedLocations"][0]["message"]["text"] == "first here"


def test_github_commands_are_escaped() -> None:
    first, second = render_github(SOURCE, report()).splitlines()
    assert first.startswith(
        "::error file=my cfg%2C1.cfg,line=2,endLine=2,col=2,endColumn=8,title=SER0201 unknown function::"
    )
    assert first.endswith('there is no function sl_snd%0Adid you mean "x"?')
    assert second.endswith("::listed 100%25 twice")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("t_rellay", "t_relay"),
        ("childern", "children"),
        ("T_RELAY", "t_relay"),
        ("textop", "textops"),
        ("sl_reply", None),
        ("x", None),
        ("completely_else", None),
    ],
)
def test_suggestions(word: str, meant: str | None) -> None:
    assert nearest(word, ("t_relay", "children", "textops", "sl_send_reply")) == meant


def test_a_suggestion_is_a_question() -> None:
    assert did_you_mean("rout", ("route",)) == 'did you mean "route"?'
    assert did_you_mean("xyz", ("route",)) == ""
