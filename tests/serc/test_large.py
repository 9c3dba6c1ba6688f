"""Long files, long chains: the cost grows with the length, and nothing depends on Python's stack."""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Callable

import pytest

from runtime.sip.regex import Regex
from serc.compiler import compile_source
from serc.diagnostics import codes
from serc.diagnostics.report import Report, Severity
from serc.reading import tree
from serc.reading.parse import parse_piece
from serc.reading.source import Source
from serc.reading.structure import parse_file
from serc.reading.walk import routes

MODULES = 'loadmodule "sl.so"\nloadmodule "usrloc.so"\nloadmodule "registrar.so"\n'


def compiled(route: str) -> tuple[str, Report]:
    generated, report = compile_source(Source("ser.cfg", f"{MODULES}route {{\n{route}\n}}\n"))
    assert not [d for d in report.diagnostics if d.severity is Severity.ERROR], report.diagnostics[0].message
    assert generated is not None
    ast.parse(generated.text)  # no "too many nested parentheses", no "too many levels of indentation"
    return generated.text, report


def test_a_chain_of_else_if_is_no_nesting() -> None:
    links = [f'if (uri =~ "^sip:{n}@") sl_send_reply("302", "{n}");' for n in range(1200)]
    text, _ = compiled("\nelse ".join(links) + '\nelse sl_send_reply("404", "Not Found");')
    assert text.count("    if core.uri_matches(") + text.count("    elif core.uri_matches(") == 1200


def test_a_chain_whose_conditions_can_end_the_route_is_no_nesting_either() -> None:
    links = [f'if (uri == "sip:{n}@a.org" && lookup("location")) sl_send_reply("302", "{n}");' for n in range(300)]
    text, _ = compiled("\nelse ".join(links) + '\nlog(1, "x");')
    assert max(len(line) - len(line.lstrip()) for line in text.splitlines()) <= 12


@pytest.mark.parametrize(
    "operands",
    [
        [f'uri =~ "^sip:{n}@"' for n in range(1500)],
        [f'from_uri =~ "^sip:{n}@"' if n % 2 else f'to_uri =~ "^sip:{n}@"' for n in range(700)],
        [f"method == X{n}" for n in range(500)],
        ['lookup("location")'] * 500,
    ],
    ids=["uri", "can fail", "methods", "can stop"],
)
def test_a_condition_may_have_hundreds_of_operands(operands: list[str]) -> None:
    compiled(f'if ({" || ".join(operands)}) {{ sl_send_reply("404", "Not Found"); break; }}')


def test_parentheses_and_negations_have_a_limit_and_no_traceback() -> None:
    for text in ("(" * 2000 + "1" + ")" * 2000, "!" * 2000 + "1", "if " * 120 + "a() b();"):
        _, report = compile_source(Source("ser.cfg", f"route {{ if {text} break; }}"))
        assert report.has_errors


def test_what_goes_wrong_at_the_end_of_a_long_chain_of_routes_is_seen() -> None:
    """Each route rewrites the URI in a few places: what is known of requests must not become the number of ways through all of them."""
    rewrites = "".join(f'if (src_ip == 10.0.{n}.1) rewritehost("gw{n}.example.net");\n' for n in range(12))
    chain = "".join(f"route[{n}] {{\n{rewrites}route({n + 1});\n}}\n" for n in range(1, 16))
    text = f'{MODULES}route {{ route(1); }}\n{chain}route[16] {{ if (method == "INVITE") sl_send_reply("404", "Not Found"); }}\n'
    _, report = compile_source(Source("ser.cfg", text))
    assert codes.UNANSWERED in [d.code for d in report.diagnostics]


def test_a_late_loose_route_is_seen_behind_routes_that_return() -> None:
    head = 'loadmodule "rr.so"\nloadmodule "sl.so"\nroute[1] { rewritehost("a.example.net"); route(2); }\nroute[2] { log(1, "x"); }\n'
    last = 'sl_send_reply("404", "Not Found");'
    for text, seen in ((f"route(1); loose_route(); {last}", True), (f"loose_route(); route(1); {last}", False)):
        _, report = compile_source(Source("ser.cfg", f"{head}route {{ {text} }}\n"))
        assert (codes.LATE_LOOSE_ROUTE in [d.code for d in report.diagnostics]) == seen


def test_the_grammar_reads_each_shape_once() -> None:
    lines = [f'if (uri =~ "^sip:{n}@" && src_ip == 10.0.{n % 250}.1) {{ log({n}, "{n}"); break; }}' for n in range(300)]
    before = parse_piece.cache_info().misses
    compiled("\n".join(lines))
    assert parse_piece.cache_info().misses - before < 12


def ladder(ifs: int) -> Source:
    """Texts of one length, so that nothing but the number of them differs."""
    steps = "".join(
        f'if (uri =~ "^sip:{n:05}@") {{ sl_send_reply("404", "No {n:05}"); break; }}\n' for n in range(ifs, 2 * ifs)
    )
    return Source("ser.cfg", f'{MODULES}route {{\n{steps}sl_send_reply("404", "Not Found");\n}}\n')


def steps_of(source: Source) -> int:
    """Calls of functions, in Python or not, while a file is compiled."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event.endswith("call")

    sys.setprofile(count)
    try:
        compile_source(source)
    finally:
        sys.setprofile(None)
    return calls


def test_twice_as_many_ifs_are_twice_the_work() -> None:
    compile_source(ladder(20))  # what is made once is made
    assert steps_of(ladder(400)) < 2.1 * steps_of(ladder(200))


def test_a_statement_that_nobody_reads_stays_on_one_line() -> None:
    """The formatter's time grows with the square of its length."""
    text = f'loadmodule "xlog.so"\nroute {{ xlog("L_INFO", "{"%ru" * 20_000}"); drop; }}\n'
    generated, _ = compile_source(Source("ser.cfg", text))
    assert generated is not None
    ast.parse(generated.text)
    assert max(map(len, generated.text.splitlines())) > 20_000


def test_the_collector_rests_while_a_file_is_compiled() -> None:
    """It would look through the whole tree again and again, and find nothing."""
    runs: list[str] = []

    def count(phase: str, information: dict[str, int]) -> None:
        runs.append(phase)

    gc.callbacks.append(count)
    try:
        compile_source(ladder(500))
    finally:
        gc.callbacks.remove(count)
    assert gc.isenabled()
    assert len(runs) <= 2  # one that begins when all is done


REGEXES = {
    "stars": "a" + "*" * 2000,
    "question marks": "a" + "?" * 2000,
    "bounds": "a" + "{0,1}" * 2000,
    "one of each": "a" + "*+?" * 700,
    "a group many times": "(a)" + "*" * 2000,
    "groups in groups, each often": "(x|y" * 99 + ")?*?*" * 99,
    "as deep as it may be": "(x|y" * 99 + ")*z" * 99,
    "too deep": "(" * 2000 + "a" + ")" * 2000,
    "many groups": "(a{2})" * 2000,
    "many alternatives": "|".join(f"a{n}" for n in range(2000)),
    "empty alternatives": "|" * 2000,
    "anchors": "^" * 2000 + "a" + "$" * 2000,
    "classes": "[[:alpha:]]" * 2000,
    "brackets that are open": "[" * 2000,
    "repetitions of repetitions": "((((a{50}){50}){50}){50})",
    "parentheses that close": ")" * 2000,
}


@pytest.mark.parametrize("function", ['uri =~ "{}"', 'search("{}")'])
@pytest.mark.parametrize("regex", REGEXES.values(), ids=REGEXES)
def test_a_regular_expression_runs_or_is_refused(regex: str, function: str) -> None:
    text = f'loadmodule "textops.so"\nroute {{ if ({function.format(regex)}) drop; }}\n'
    generated, report = compile_source(Source("ser.cfg", text))
    if generated is None:
        assert "regular expression" in report.diagnostics[0].message
        return
    assert Regex(regex.encode()).search(b"xaay" * 20) in (True, False)


SHAPES = {
    "else and if in braces": lambda n: 'if (uri == "sip:a@b") { drop; } else { ' * n + "}" * n,
    "pairs": lambda n: "if (" + " || ".join(f'(uri =~ "a{i}" && method == "X{i}")' for i in range(n)) + ") drop;",
    "negated pairs": lambda n: "if ("
    + " && ".join(f'!(uri =~ "a{i}" || src_port == {i})' for i in range(n))
    + ") drop;",
    "blocks in blocks": lambda n: "{" * n + "drop;" + "}" * n,
    "empty blocks": lambda n: "if (1) {} " * n,
    "semicolons": lambda n: ";" * n,
    "flags": lambda n: "".join(f"if (isflagset({i % 32})) setflag(1); else resetflag(2);" for i in range(n)),
    "routes, each calls the next twice": lambda n: (
        "route(1); } "
        + "".join(f"route[{i}] {{ route({i + 1}); route({i + 1}); }} " for i in range(1, n))
        + "route[99] {drop;"
    ),
    "a parenthesis around each": lambda n: "if " + "(" * n + 'uri == "a"' + ")" * n + " drop;",
    "a string without end": lambda n: f'log(1, "{"x" * n * 50}',
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_whatever_is_long_or_deep_is_compiled_or_refused(shape: Callable[[int], str]) -> None:
    generated, report = compile_source(Source("ser.cfg", f"{MODULES}route {{\n{shape(300)}\n}}\n"))
    assert (generated is None) == report.has_errors
    if generated is not None:
        ast.parse(generated.text)


@pytest.mark.parametrize(
    "text, wrong, at",
    [
        ("alias=" + " ".join(f"a{n} . b-c.org:{n + 1}" for n in range(900)) + "\nroute { drop; }", "a500", ", a500"),
        ('route { log("x"); none(' + ", ".join(f'"{n}"' for n in range(900)) + "); }", '"500",', '"500"'),
    ],
    ids=["alias", "arguments"],
)
def test_a_long_list_is_read_in_parts(text: str, wrong: str, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The grammar never sees more than a part of it, the whole is what was written, and a mistake in it is told where it is."""
    seen: list[int] = []

    def counted(rule: str, piece: str) -> object:
        seen.append(len(piece.split()))
        return parse_piece(rule, piece)

    monkeypatch.setattr("serc.reading.pieces.parse_piece", counted)
    report = Report()
    file = parse_file(Source("ser.cfg", text), report)
    assert not report.diagnostics
    first = file.items[0]
    found = (
        first.values
        if isinstance(first, tree.Assignment)
        else next(reversed(list(routes(file)))).body.calls[1].arguments
    )
    assert len(found) == 900 and text[found[500].span.start : found[500].span.end].strip('"').removeprefix(
        "a"
    ).startswith("500")
    broken = text.replace(wrong, at)
    parse_file(Source("ser.cfg", broken), report)
    (mistake,) = report.diagnostics
    assert abs(mistake.span.start - broken.index(at)) <= 8
    assert max(seen) < 260


def test_no_comma_is_lost_at_the_end_of_a_part() -> None:
    for count in (98, 99, 100, 101, 102, 199, 200, 201):
        report = Report()
        parse_file(Source("ser.cfg", "route { none(" + '"x", ' * count + "); }"), report)
        assert [d.code for d in report.diagnostics] == [codes.UNEXPECTED]
