"""What stands in ser.cfg, in its name, or in what a peer sends: no command for a terminal, and nothing but a literal in what is compiled."""

from __future__ import annotations

import argparse
import ast

import pytest
from expectations import diagnose

from serc.commands.ctl.asking import tell
from serc.commands.ctl.client import Reply
from serc.commands.ctl.tracing import Shown
from serc.compiler import compile_source
from serc.diagnostics.printable import one_line, printable
from serc.diagnostics.render import render_text
from serc.reading.source import Source

MARK = "CANARY()"
# Each ends a string, a comment, a docstring or a line for somebody.
ENDS = [
    "\n",
    "\r",
    "\r\n",
    '"',
    '"""',
    "'",
    "'''",
    "\\",
    '\\"',
    "\\\n",
    "\x0b",
    "\x0c",
    "\x1b[2J",
    "\x1c",
    "\x85",
    "\x00",
]
ENDS += [
    "{",
    "{{",
    "}}",
    "{%",
    "{#",
    "%s",
    "#",
    "\\N{BULLET}",
    "\\x0a",
    "\\u000a",
    '"""\n',
    '\\"""\n',
    "\n    ",
    ")",
    "\u2028",
]
LOADS = "".join(
    f'loadmodule "{name}.so"\n' for name in "sl xlog textops auth exec usrloc registrar avpops mysql".split()
)


def configs(end: str) -> dict[str, str]:
    """ser.cfg with the mark behind `end` in each place where there can be text."""
    text = (end + MARK + end).encode("utf-8").decode("latin-1")
    line = text.replace("\n", " ")
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    single = text.replace("'", "")
    return {
        "comment": f"# {line}\n{LOADS}route {{ # {line}\n log(1, 'x'); /* {text} */ drop; }}\n# {line}\nroute[1] {{ drop; }}",
        "string": f'{LOADS}route {{ log("{quoted}"); append_hf("X: {quoted}\\r\\n"); sl_send_reply("200", "{quoted}"); }}',
        "shell": f'{LOADS}route {{ exec("{quoted}"); exec_msg("{quoted}"); exec_dset("{quoted}"); }}',
        "single": f"{LOADS}route {{ log('{single}'); if (uri == '{single}') drop; }}",
        "uri": f'{LOADS}route {{ rewriteuri("sip:{quoted}"); append_branch("sip:{quoted}"); prefix("{quoted}"); }}',
        "comparison": f'{LOADS}route {{ if (uri == "{quoted}" || from_uri == "{quoted}" || method == "{quoted}") drop; }}',
        "regex": f'{LOADS}route {{ if (uri =~ "[^{quoted}]") drop; }}',
        "modparam": f'{LOADS}modparam("auth", "secret", "{quoted}")\nmodparam("auth", "rpid_prefix", "{quoted}")\nroute {{ drop; }}',
        "global": f'alias="{quoted}"\nfifo="/tmp/{quoted}"\nuser="{quoted}"\n{LOADS}route {{ drop; }}',
        "table": f'{LOADS}route {{ save("{quoted}"); lookup("{quoted}"); }}',
        "path": f'loadmodule "/x/{quoted}/sl.so"\nroute {{ drop; }}',
    }


@pytest.mark.parametrize("end", ENDS, ids=ascii)
def test_nothing_from_outside_is_more_than_a_literal_in_the_module(end: str) -> None:
    compiled = 0
    for text in configs(end).values():
        for name in ("ser.cfg", f"a{end}{MARK}{end}.cfg"):
            generated, report = compile_source(Source(name, text))
            shown = render_text(Source(name, text), report)
            assert shown == printable(shown) and len(shown.splitlines()) == shown.count("\n")
            if generated is not None:
                compiled += 1
                names = [n.id for n in ast.walk(ast.parse(generated.text)) if isinstance(n, ast.Name)]
                assert "CANARY" not in names
    assert compiled >= 10


def test_a_terminal_gets_no_commands() -> None:
    assert (
        printable("a\x1b[2Jb\x9bc\u202ed\u2028e\r\n\tf\xe9\U0001f600")
        == "a\\x1b[2Jb\\x9bc\\u202ed\\u2028e\\r\n\tf\xe9\U0001f600"
    )
    assert one_line("a\nb") == "a\\nb"
    assert printable("\ud800").isascii()


ESCAPE = "\x1b]0;owned\x07\x9b2J"


@pytest.mark.parametrize("whole", [False, True])
def test_what_a_peer_sends_stays_text_in_a_trace(whole: bool) -> None:
    shown = Shown(whole)
    begin = {"event": "call", "call": 1, "call_id": ESCAPE, "who": ESCAPE, "process": "p"}
    came = {
        "event": "received",
        "call": 1,
        "time": 1.0,
        "from": "a",
        "to": "b",
        "message": f"A sip:{ESCAPE}\r\nB: {ESCAPE}\r\n",
    }
    logged = {"event": "logged", "call": 1, "time": 1.0, "line": ESCAPE}
    over = {"event": "over", "call": 1}
    lines = [line for event in (begin, came, logged, over) for line in shown.lines(event)]
    assert len(lines) > 4 and all(line == printable(line) for line in [*lines, *shown.ladders()])


def test_so_does_an_answer_of_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert tell(argparse.Namespace(json=False), "ul_show", Reply(0, "", f"<sip:{ESCAPE}@h>\n")) == 0
    assert capsys.readouterr().out == "<sip:\\x1b]0;owned\\x07\\x9b2J@h>\n"


@pytest.mark.parametrize("sign", [chr(code) for code in (*range(1, 33), 0x85, 0xA0)])
def test_a_number_with_a_sign_beside_it_is_a_number_or_none(sign: str) -> None:
    """Python's functions do not agree about what is a blank."""
    for text in (f"10{sign}", f"{sign}10", f"1{sign}0"):
        config = f'loadmodule "maxfwd.so"\nroute {{ if (!mf_process_maxfwd_header("{text}")) drop; drop; }}\n'
        generated, report = compile_source(Source("ser.cfg", config))
        told = "is not a number" in " ".join(d.message for d in report.diagnostics)
        assert (generated is None) == told
        assert told or not sign.strip(), "a sign that is no blank belongs to no number"


@pytest.mark.parametrize("number", ["4" * 5000, "0" * 5000, "0x" + "f" * 4000])
@pytest.mark.parametrize(
    "line",
    ["debug={};", "port={}; debug={};", "route {{ setflag({}); }}", 'route {{ mf_process_maxfwd_header("{}"); }}'],
)
def test_a_number_without_end_is_an_error_at_its_place(number: str, line: str) -> None:
    source, diagnostics = diagnose("debug=2\n" + line.format(number, number) + "\n")
    (found,) = diagnostics
    assert (found.code.name, source.line_of(found.span.start)) == ("SER0005", 2)
    assert found.span.end - found.span.start == len(number)


def test_long_digits_in_a_comment_and_numbers_that_are_merely_large_are_read() -> None:
    _, diagnostics = diagnose("# " + "4" * 5000 + "\nroute { setflag(" + "4" * 2000 + "); }\n")
    assert [found.code.name for found in diagnostics] == ["SER0308"]
