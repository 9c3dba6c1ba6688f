"""From text to tree: the grammar, the pieces, and that both ways give the same. Reference core, chapters 2 and 3."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from serc.diagnostics.render import render_text
from serc.diagnostics.report import Report
from serc.reading import parse, tree
from serc.reading.build import Builder
from serc.reading.lex import lex
from serc.reading.parse import Failure, parse_piece
from serc.reading.source import Source
from serc.reading.structure import parse_file


def parsed(text: str) -> tree.File:
    report = Report()
    source = Source("ser.cfg", text)
    file = parse_file(source, report)
    assert not report.diagnostics, render_text(source, report)
    return file


def statements(text: str) -> tuple[tree.Statement, ...]:
    route = parsed(f"route{{{text}}}").items[0]
    assert isinstance(route, tree.Route)
    return route.body.statements


def call(text: str) -> tree.Call:
    (statement,) = statements(text)
    assert isinstance(statement, tree.Call)
    return statement


def condition(text: str) -> tree.Expression:
    (statement,) = statements(f"if {text} drop;")
    assert isinstance(statement, tree.If)
    return statement.condition


def shape(node: tree.Expression) -> str:
    """The condition with all its parentheses."""
    if isinstance(node, tree.Or):
        return f"({' or '.join(map(shape, node.operands))})"
    if isinstance(node, tree.And):
        return f"({' and '.join(map(shape, node.operands))})"
    if isinstance(node, tree.Not):
        return f"not {shape(node.operand)}"
    if isinstance(node, tree.Call):
        return node.name.name
    assert isinstance(node, tree.Number)
    return node.text


def nodes(value: object) -> Iterator[object]:
    if isinstance(value, tuple):
        for item in value:
            yield from nodes(item)
    elif is_dataclass(value):
        yield value
        for field in fields(value):
            yield from nodes(getattr(value, field.name))


# --- literals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("17", 17), ("010", 8), ("0x1F", 31), ("yes", 1), ("enable", 1), ("off", 0), ("INET", 2), ("inet6", 10)],
)
def test_numbers(text: str, value: int) -> None:
    (item,) = parsed(f"debug={text}").items
    assert isinstance(item, tree.Assignment)
    (number,) = item.values
    assert isinstance(number, tree.Number)
    assert (number.text, number.value) == (text, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\n\r\a\t\"\\b"', 'a\n\r\a\t"\\b'),
        (r'"\x41\x4a\x9"', "AJ\t"),
        (r'"\101\60\7"', "A0\\7"),
        (r'"\d\1\."', r"\d\1\."),
        ('"one\\\ntwo"', "onetwo"),
        ('"one\ntwo"', "one\ntwo"),
        (r"'a\n\"'", r"a\n\""),
        ('"' + "\xfc" + '"', "\xfc"),
    ],
)
def test_strings(text: str, value: str) -> None:
    (argument,) = call(f"print({text});").arguments
    assert isinstance(argument, tree.String)
    assert (argument.value, argument.quote) == (value, text[0])


@pytest.mark.parametrize(
    ("text", "address"),
    [("10.0.0.1", "10.0.0.1"), ("0x7f . 0 . 0 . 1", "127.0.0.1"), ("010.0.0.1", "8.0.0.1"), ("[fe80::1]", "fe80::1")],
)
def test_addresses(text: str, address: str) -> None:
    (argument,) = call(f"forward({text});").arguments
    assert isinstance(argument, tree.IpAddress)
    assert argument.text == address


def test_host_names_lose_their_blanks() -> None:
    (argument,) = call("forward(sip-gw . example.org);").arguments
    assert isinstance(argument, tree.Host)
    assert argument.name == "sip-gw.example.org"


# --- items -----------------------------------------------------------------------------------------------------------


def test_listen_takes_a_list() -> None:
    (item,) = parsed('listen=udp:10.0.0.1:5060 "eth0":* tcp:a.b [::1]:5070 *:c').items
    assert isinstance(item, tree.Assignment)
    seen = []
    for value in item.values:
        assert isinstance(value, tree.SocketId)
        host = value.host
        name = (
            host.text
            if isinstance(host, tree.IpAddress)
            else host.value if isinstance(host, tree.String) else host.name
        )
        port = value.port.text if isinstance(value.port, tree.Number) else value.port and value.port.name
        seen.append((value.proto and value.proto.name, name, port))
    assert seen == [
        ("udp", "10.0.0.1", "5060"),
        (None, "eth0", "*"),
        ("tcp", "a.b", None),
        (None, "::1", "5070"),
        ("*", "c", None),
    ]


def test_a_list_goes_on_over_lines_up_to_the_next_item() -> None:
    items = parsed("alias=a.org\n  b.org\nport=5060\nlisten=c d\nroute{;}").items
    assert [len(item.values) for item in items if isinstance(item, tree.Assignment)] == [2, 1, 2]


def test_routes_with_and_without_numbers() -> None:
    items = parsed("route{;} route[3]{;} failure_route[1]{;} onreply_route[0x2]{;}").items
    heads = [(i.kind, i.number and i.number.value) for i in items if isinstance(i, tree.Route)]
    assert heads == [("route", None), ("route", 3), ("failure_route", 1), ("onreply_route", 2)]


def test_modparam_takes_strings_and_numbers() -> None:
    items = parsed('modparam("a", "b", "c") modparam("a|b", "d", yes)').items
    values = [item.value for item in items if isinstance(item, tree.ModParam)]
    assert isinstance(values[0], tree.String) and isinstance(values[1], tree.Number)


# --- statements ------------------------------------------------------------------------------------------------------


def test_parentheses_are_remembered() -> None:
    assert not call("append_branch;").parenthesised
    assert call("append_branch();").parenthesised


def test_an_else_belongs_to_the_nearest_if() -> None:
    (outer,) = statements("if (a()) if (b()) c(); else d();")
    assert isinstance(outer, tree.If) and outer.otherwise is None
    (inner,) = outer.then.statements
    assert isinstance(inner, tree.If) and inner.otherwise is not None


def test_a_semicolon_behind_a_block_is_a_statement_of_its_own() -> None:
    kinds = [type(s) for s in statements("if (a()) { b(); }; ;")]
    assert kinds == [tree.If, tree.Empty, tree.Empty]


def test_branches_know_whether_they_were_braced() -> None:
    first, second = statements("if (a()) b(); else { c(); } if (a()) ;")
    assert isinstance(first, tree.If) and isinstance(second, tree.If) and first.otherwise
    assert (first.then.braced, first.otherwise.braced, second.then.braced) == (False, True, False)


def test_force_send_socket_always_names_a_socket() -> None:
    (argument,) = call("force_send_socket(10.0.0.1);").arguments
    assert isinstance(argument, tree.SocketId)
    (argument,) = call("forward(10.0.0.1);").arguments
    assert isinstance(argument, tree.IpAddress)


# --- conditions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a() || b() && c()", "(a or (b and c))"),
        ("(a() or b()) and c()", "((a or b) and c)"),
        ("!a() && not b()", "(not a and not b)"),
        ("a() | b() & c() or d()", "(a or (b and c) or d)"),
        ("!(a() && b())", "not (a and b)"),
        ("!!a()", "not not a"),
        ("1", "1"),
        ("drop", "drop"),
    ],
)
def test_precedence(text: str, meaning: str) -> None:
    assert shape(condition(text)) == meaning


@pytest.mark.parametrize(
    "text",
    [
        'method=="INVITE"',
        "method==INVITE",
        'uri=~"^sip:"',
        "uri==myself",
        "myself==src_ip",
        "from_uri!=a-b.example.org",
        "src_port>=1024",
        "proto==TCP",
        "proto!=*",
        "af==inet6",
        "msg:len>max_len",
        "src_ip==10.0.0.0/255.0.0.0",
        "dst_ip!=[fe80::]/10",
        "src_ip==gw.example.org",
        "{ a(); b(); }",
        "(if (a()) b();)",
        "if a() b();",
        "a() && (b() || {drop;})",
    ],
)
def test_every_kind_of_operand_is_read(text: str) -> None:
    condition(text)


def test_a_condition_needs_no_parentheses() -> None:
    (statement,) = statements('if uri=~"a" && method==INVITE { drop; } else drop;')
    assert isinstance(statement, tree.If) and isinstance(statement.condition, tree.And)


# --- the whole -------------------------------------------------------------------------------------------------------

WHOLE = r"""
debug=0x3 fork=yes            # a comment
listen=udp:10.0.0.1:5060 "b.example.org"
alias=a-b.example.org:*
loadmodule "sl.so"
modparam("sl", "x", 'y') /* a /* nested */ comment */
route {
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "x\"y"); break; };
    if (method==INVITE && !(uri==myself) || src_ip==10.0.0.0/8) route(1); else if msg:len>=max_len drop;
    else { forward(uri:host, uri:port); append_branch; ; }
    if { setflag(1); } or (if (a()) b();) log(1, "z");
}
route[1] { force_send_socket(udp:[::1]:5060); }
onreply_route[1] { ; }
"""


def whole(text: str) -> tree.File:
    """The file read by the grammar alone."""
    ast = parse_piece("file", lex(Source("ser.cfg", text), Report()).blanked)
    assert not isinstance(ast, Failure), text[ast.offset : ast.offset + 40]
    file = Builder(text, range(len(text) + 1), range(len(text) + 1)).node(ast)
    assert isinstance(file, tree.File)
    return file


def test_pieces_and_the_grammar_alone_give_the_same_tree() -> None:
    assert parsed(WHOLE).items == whole(WHOLE).items


def test_no_span_begins_or_ends_with_a_blank() -> None:
    for node in nodes(parsed(WHOLE).items):
        span = getattr(node, "span")
        text = WHOLE[span.start : span.end]
        assert text and text == text.strip(), node


def test_a_mistake_spoils_one_statement_only() -> None:
    report = Report()
    file = parse_file(Source("ser.cfg", 'route {\n a(;\n b("x" "y");\n c();\n}\nroute[1] {\n d( }\n}\n'), report)
    assert [d.code.name for d in report.diagnostics] == ["SER0111", "SER0101", "SER0111"]
    routes = [item for item in file.items if isinstance(item, tree.Route)]
    assert [s.name.name for s in routes[0].body.statements if isinstance(s, tree.Call)] == ["c"]


def test_deep_nesting_is_refused_without_a_crash() -> None:
    report = Report()
    parse_file(Source("ser.cfg", "route{" + "if (a()) {" * 3000 + "b();" + "}" * 3000 + "}"), report)
    assert {d.code.name for d in report.diagnostics} == {"SER0118"}
    report = Report()
    parse_file(Source("ser.cfg", "route{ if " + "(" * 3000 + "a()" + ")" * 3000 + " b(); }"), report)
    assert report.has_errors


# --- the generated parser --------------------------------------------------------------------------------------------


def test_the_kept_parser_is_taken_only_if_it_is_of_this_grammar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "_parser.py"
    monkeypatch.setattr(parse, "_GENERATED", kept)
    assert parse._fresh_module() is None
    code = parse.generated_source()
    parse.write_generated(code)
    assert list(tmp_path.iterdir()) == [kept]
    assert parse._fresh_module() is not None
    kept.write_text(code.replace('FINGERPRINT = "', 'FINGERPRINT = "0'), encoding="utf-8")
    assert parse._fresh_module() is None
    kept.write_text(code[: len(code) // 2], encoding="utf-8")
    assert parse._fresh_module() is None


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse, "_GENERATED", tmp_path / "missing" / "_parser.py")
    module = parse._fresh_module() or parse._generated_now()
    assert module.SerParser(colorize=False).parse("break", start="whole_call") is not None


# --- material beside the checkout ------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["cfg", "edited", "snippets"])
def test_the_corpus_parses_without_a_mistake(shared: Path, folder: str) -> None:
    files = sorted((shared / "corpus" / folder).glob("*.cfg"))
    assert files
    for path in files:
        source, report = Source.read(path), Report()
        parse_file(source, report)
        assert not report.diagnostics, render_text(source, report)


def test_the_corpus_gives_the_same_tree_by_the_grammar_alone(shared: Path) -> None:
    for path in sorted((shared / "corpus" / "cfg").glob("s09-examples-*.cfg"))[:4]:
        source = Source.read(path)
        assert parse_file(source, Report()).items == whole(source.text).items, path.name


# --- addresses: every form of cfg.lex, in every place ----------------------------------------------------------------

IPV6 = "2001:db8::1 2600:1f18:1:2:3:4:5:6 10::1 1:: ::1 :: 1::8 1:2:3:4:5:6:7:: fe80::1 0:0::0 20a1::1 1:2:3:4:5:6::8".split()


@pytest.mark.parametrize("text", IPV6)
def test_a_bare_ipv6_address_stands_wherever_one_may(text: str) -> None:
    value = str(ipaddress.IPv6Address(text))
    compare = condition(f"src_ip == {text}/64")
    assert isinstance(compare, tree.Compare) and isinstance(compare.value, tree.IpNet)
    assert compare.value.address.text == value
    for call in ("forward({})", "send({}, 5060)", "forward_tcp([{}])", "set_advertised_address({})"):
        (statement,) = statements(call.format(text) + ";")
        assert isinstance(statement, tree.Call)
        argument = statement.arguments[0]
        assert isinstance(argument, tree.IpAddress) and argument.text == value
    (statement,) = statements(f"force_send_socket(udp:{text});")
    assert isinstance(statement, tree.Call)
    assert isinstance(statement.arguments[0], tree.SocketId)
    for line in ("listen={}", "alias=tcp:{}", "listen=[{}]:5070", "advertised_address={}"):
        (item,) = parsed(line.format(text)).items
        assert isinstance(item, tree.Assignment)
        found = item.values[0].host if isinstance(item.values[0], tree.SocketId) else item.values[0]
        assert isinstance(found, tree.IpAddress) and found.text == value


@pytest.mark.parametrize("text", "1:2:3:4:5:6:7:8:9 1::2::3 1:2:3:4:5::6:7:8:9 12345::1 1:2:3".split())
def test_what_is_no_ipv6_address_is_an_error_without_a_traceback(text: str) -> None:
    report = Report()
    parse_file(Source("ser.cfg", f"route {{ if (src_ip == {text}) drop; forward({text}); }}"), report)
    assert report.has_errors


def test_a_byte_order_mark_is_skipped() -> None:
    report = Report()
    file = parse_file(Source("ser.cfg", "\xef\xbb\xbfdebug=3\nroute { drop; }\n"), report)
    assert not report.diagnostics and len(file.items) == 2
