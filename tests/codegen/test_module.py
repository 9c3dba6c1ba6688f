"""What particular lines of ser.cfg become."""

from __future__ import annotations

import re
from pathlib import Path

import black
import pytest
from mypy import api

from serc.codegen import Generated
from serc.codegen.literals import literal
from serc.compiler import compile_source
from serc.diagnostics.render import render_text
from serc.reading.source import Source

HEAD = 'loadmodule "sl.so"\nloadmodule "maxfwd.so"\nloadmodule "textops.so"\nloadmodule "usrloc.so"\nloadmodule "registrar.so"\nloadmodule "auth_diameter.so"\n'
HEAD_LINES = HEAD.count("\n")


def compiled(text: str) -> Generated:
    source = Source("ser.cfg", HEAD + text)
    generated, report = compile_source(source)
    assert generated is not None, render_text(source, report)
    return generated


def body(text: str, function: str = "route") -> list[str]:
    """The statements of a function without comments."""
    module = compiled(text).text
    found = re.search(rf'^def {function}\(.*?"""\n(.*?)(?=\n\n\n|\Z)', module, re.DOTALL | re.MULTILINE)
    assert found, module
    return [line.partition("  # ")[0][4:] for line in found[1].splitlines()]


def condition(text: str) -> str:
    """The Python condition of `if (text) log("x")`."""
    first = body(f'route {{ if ({text}) log("x"); log("y"); }}')[0]
    return first.removeprefix("if ").removesuffix(":")


@pytest.mark.parametrize(
    ("written", "python"),
    [
        ('method=="INVITE"', "ctx.method == methods.INVITE"),
        ("method==invite", "ctx.method == methods.INVITE"),
        ('!method=="INVITE"', "ctx.method != methods.INVITE"),
        ('method=="FETCH"', 'core.method_equals(ctx, b"FETCH")'),
        ('method=="ACK" || method=="BYE"', "ctx.method in (methods.ACK, methods.BYE)"),
        ('method!="ACK" && method!="BYE"', "ctx.method not in (methods.ACK, methods.BYE)"),
        ('method=~"^(ACK|BYE)$"', "ctx.method in (methods.ACK, methods.BYE)"),
        ('method=~"^ACK$|^bye$"', "ctx.method in (methods.ACK, methods.BYE)"),
        ('method=~"^ACK$"', "ctx.method == methods.ACK"),
        ('!(method=~"^(ACK|BYE)$")', "ctx.method not in (methods.ACK, methods.BYE)"),
        ('method=~"^A"', "core.method_matches(ctx, REGEX_1)"),
        (
            'method=~"ACK"',
            "ctx.method == methods.ACK or (ctx.method == methods.OTHER and core.method_matches(ctx, REGEX_1))",
        ),
        ("uri==myself", "core.uri_is_myself(ctx)"),
        ("!uri==myself", "core.uri_is_not_myself(ctx)"),
        ("myself!=to_uri", "core.to_uri_is_not_myself(ctx)"),
        (
            'from_uri=~"x" && from_uri!="sip:y"',
            'core.from_uri_matches(ctx, REGEX_1) and core.from_uri_differs(ctx, b"sip:y")',
        ),
        (
            "to_uri==myself || src_port==9",
            "core.to_uri_is_myself(ctx) or (core.to_uri_is_not_myself(ctx) and ctx.source_port == 9)",
        ),
        ('uri=~"x" || src_port==5060', "core.uri_matches(ctx, REGEX_1) or ctx.source_port == 5060"),
        ("src_ip==10.0.0.0/8", "core.source_in(ctx, NETWORK_1)"),
        ("dst_ip!=10.1.2.3", "not core.destination_in(ctx, NETWORK_1)"),
        ('src_ip=="10.1.2.3"', "core.source_in(ctx, NETWORK_1)"),
        ("src_ip==gw.example.com", 'core.source_is_host(ctx, b"gw.example.com")'),
        ('src_ip=~"^10\\."', "core.source_matches(ctx, REGEX_1)"),
        ("src_ip==myself", "core.source_is_myself(ctx)"),
        ("proto!=tcp", "ctx.proto != core.TCP"),
        ("af==INET6", "ctx.af == 10"),
        ("msg:len>max_len", "ctx.size > 65535"),
        ("!msg:len>=100", "ctx.size < 100"),
        ("isflagset(3)", "core.isflagset(ctx, 3)"),
        ('!search("x")', "not textops.search(ctx, REGEX_1)"),
    ],
)
def test_condition(written: str, python: str) -> None:
    assert condition(written) == python


@pytest.mark.parametrize(
    ("written", "python"),
    [
        ("forward(uri:host)", "core.forward_uri(ctx, core.SAME)"),
        ("forward_udp(uri:host, uri:port)", "core.forward_uri(ctx, core.UDP, core.URI_PORT)"),
        ("forward(uri:host, 5070)", "core.forward_uri(ctx, core.SAME, 5070)"),
        ('forward("gw", 5070)', "core.forward(ctx, HOST_1, core.SAME)"),
        ("send(10.0.0.1)", "core.send(ctx, HOST_1, core.UDP)"),
        ('log("x")', 'core.log(ctx, core.L_DBG, b"x")'),
        ('log(1, "say \\"x\\"")', """core.log(ctx, core.L_WARN, b'say "x"')"""),
        ('seth("gw")', 'core.set_host(ctx, b"gw")'),
        ('setup("a:b")', 'core.set_userpass(ctx, b"a:b")'),
        ("append_branch", "core.append_branch(ctx)"),
        ('append_branch("sip:a@b")', 'core.append_branch_uri(ctx, b"sip:a@b", -1)'),
        ('append_branch("sip:a@b", "0.25")', 'core.append_branch_uri(ctx, b"sip:a@b", 250)'),
        ("add_rport", "core.force_rport(ctx)"),
        ("force_tcp_alias", "core.force_tcp_alias(ctx, 0)"),
        ("set_advertised_address(192.0.2.1)", 'core.set_advertised_address(ctx, b"192.0.2.1")'),
        ("force_send_socket(udp:10.0.0.1:5060)", "core.force_send_socket(ctx, SOCKET_1)"),
        ('sl_send_reply("404", "Nobody")', 'sl.sl_send_reply(ctx, 404, b"Nobody")'),
        ('save("location")', "if registrar.save(ctx, TABLE_1) == STOP:"),
        ('diameter_www_authorize("x")', 'if auth_diameter.call_may_stop(ctx, "diameter_www_authorize", b"x") == STOP:'),
    ],
)
def test_action(written: str, python: str) -> None:
    assert body(f'route {{ {written}; log("y"); }}')[0] == python


def test_a_function_that_may_stop_is_asked_before_a_branch_runs() -> None:
    assert body('route { if (!save("location")) log("x"); log("y"); }')[:5] == [
        "result = registrar.save(ctx, TABLE_1)",
        "if result == STOP:",
        "    return STOP",
        "if result < 0:",
        '    core.log(ctx, core.L_DBG, b"x")',
    ]


def test_within_a_condition_the_stop_is_seen_behind_the_branch() -> None:
    lines = body('route { if (isflagset(1) && save("location")) log("x"); else log("y"); log("z"); }')
    assert lines[:6] == [
        "result = TRUE",
        "if core.isflagset(ctx, 1) and (result := registrar.save(ctx, TABLE_1)) > 0:",
        '    core.log(ctx, core.L_DBG, b"x")',
        "elif result == STOP:",
        "    return STOP",
        "else:",
    ]


def test_routes_of_one_number_are_one_route() -> None:
    text = 'route { log("a"); }\nroute[0] { log("b"); }\n'
    assert body(text) == ['core.log(ctx, core.L_DBG, b"a")', 'return verdict(core.log(ctx, core.L_DBG, b"b"))']
    assert f"Main request route, ser.cfg:{HEAD_LINES + 1} and {HEAD_LINES + 2}." in compiled(text).text


def test_only_routes_that_can_come_back_are_counted() -> None:
    text = 'route { route(1); route(2); log("x"); }\nroute[1] { route(2); }\nroute[2] { if (isflagset(1)) route(1); }\n'
    assert body(text)[:2] == ["route_1(ctx)", "route_2(ctx)"]
    assert body(text, "route_1") == ["return ctx.call(route_2) or TRUE"]


def test_a_block_in_a_condition_is_a_function_that_can_stop() -> None:
    text = 'route { if ({ setflag(1); break; }) log("x"); log("y"); }'
    assert body(text)[0] == "result = block_1(ctx)"
    assert body(text, "block_1") == ["core.setflag(ctx, 1)", "return STOP"]


def test_an_empty_route_is_left_at_once() -> None:
    assert body("route { ; }") == ["return STOP"]


def test_nothing_is_written_for_branches_that_cannot_run() -> None:
    assert body('route { if (0) log("a"); else log("b"); if (1) { log("c"); break; log("d"); } log("e"); }') == [
        'core.log(ctx, core.L_DBG, b"b")',
        'core.log(ctx, core.L_DBG, b"c")',
        "return STOP",
    ]


def test_equal_constants_are_one() -> None:
    text = compiled('route { if (uri=~"a") log("x"); if (uri=~"b") log("y"); if (from_uri=~"a") log("z"); }').text
    assert text.count("REGEX_1: Final") == text.count("REGEX_2: Final") == 1
    assert "REGEX_3" not in text


def test_settings_follow_the_order_of_the_file() -> None:
    text = compiled(
        'port=5080\nlisten=10.0.0.1 udp:10.0.0.2:5070\nport=5090\nlisten=10.0.0.3\ndns=yes\ndns=no\nfile_mode=0600\nroute { log("x"); }'
    ).text
    for expected in ('Listen("", "10.0.0.1", 5080)', 'Listen("udp", "10.0.0.2", 5070)', 'Listen("", "10.0.0.3", 5090)'):
        assert expected in text
    assert "port=5090," in text and "dns=True," in text and "sock_mode=0o600," in text


def test_bytes_of_the_file_are_the_bytes_on_the_wire() -> None:
    assert body('route { log("gr\xc3\xbc\xdf"); log("y"); }')[0] == 'core.log(ctx, core.L_DBG, b"gr\\xc3\\xbc\\xdf")'


def test_every_statement_names_its_line_and_the_map_agrees() -> None:
    generated = compiled(
        'route {\n  setflag(1);\n  if (isflagset(2)) {\n    break;\n  }\n  log("' + "x" * 150 + '");\n}'
    )
    lines = generated.text.splitlines()
    for number, origin in generated.lines.items():
        comment = re.search(r"  # ser\.cfg:(\d+)$", lines[number - 1])
        assert comment is None or int(comment[1]) == origin
    assert sorted(set(generated.lines.values())) == [HEAD_LINES + n for n in (2, 3, 4, 6)]
    namespace: dict[str, dict[int, int]] = {}
    exec(generated.text, namespace)
    assert namespace["LINES"] == generated.lines


@pytest.mark.parametrize(
    "value", [b"", b"a\"b'c", b"\x00\xff\\n\n", "\xe9\u20ac\x07", 'say "x"', (1, "a"), (b"x",), True, -5]
)
def test_literal_is_what_black_would_write(value: object) -> None:
    text = f"X = {literal(value)}\n"
    assert black.format_str(text, mode=black.Mode(line_length=120)) == text
    assert eval(literal(value)) == value


def test_the_same_file_gives_the_same_module() -> None:
    text = 'route { if (uri=~"a" || search("b")) forward(uri:host); }'
    assert compiled(text).text == compiled(text).text


@pytest.mark.parametrize("folder", ["cfg", "edited"])
def test_configs_of_the_population_are_stable_and_typed(shared: Path, tmp_path: Path, folder: str) -> None:
    paths = sorted((shared / "corpus" / folder).glob("*.cfg"))
    for path in paths:
        generated, report = compile_source(Source.read(path))
        assert generated is not None, render_text(Source.read(path), report)
        assert black.format_str(generated.text, mode=black.Mode(line_length=120)) == generated.text, path
        (tmp_path / (re.sub(r"\W", "_", path.stem) + ".py")).write_text(generated.text, encoding="utf-8")
    out, _, status = api.run(["--strict", "--config-file=", *map(str, sorted(tmp_path.glob("*.py")))])
    assert status == 0, out


def test_what_the_from_header_spoils_it_spoils_for_all_tests_of_it() -> None:
    assert condition('from_uri=~"a" || from_uri=="b"') == (
        'core.from_uri_matches(ctx, REGEX_1) or core.from_uri_equals(ctx, b"b")'
    )
    assert condition("to_uri==myself || to_uri==a.b") == (
        'core.to_uri_is_myself(ctx) or (core.to_uri_is_not_myself(ctx) and core.to_uri_equals(ctx, b"a.b"))'
    )


def test_long_chains_of_what_can_fail_do_not_nest_deeper_than_python_allows() -> None:
    chain = " || ".join(f'from_uri==myself || to_uri=~"{i}"' for i in range(150))
    compile(compiled(f'route {{ if ({chain}) log("x"); }}').text, "routes.py", "exec")
