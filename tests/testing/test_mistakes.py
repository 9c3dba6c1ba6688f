"""Mistakes that people make in a ser.cfg: serc check warns of each, a test of it fails, and holds when it is mended."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from runtime.modules import catalogue
from serc.commands import serc
from serc.frontend import analyse
from serc.testing.config import Config
from serc.testing.running import Configs, Outcome, load, run

MODULES = "sl tm rr maxfwd usrloc registrar textops mysql auth auth_db".split()
LOADS = 'listen=udp:127.0.0.1:5060\nalias="example.org"\n' + "".join(f'loadmodule "{m}.so"\n' for m in MODULES)
LOADS += 'modparam("auth_db", "calculate_ha1", 1)\nmodparam("auth_db", "password_column", "password")\n'
SUBSCRIBER = (
    'given row in subscriber username="alice" password="secret" domain="example.org"\nuser alice password secret\n'
)


class Mistake(NamedTuple):
    """The warning, the body of the main route (or all routes) with the mistake and without, and the test."""

    code: str
    bad: str
    good: str
    test: str


MISTAKES = (
    Mistake(
        "SER0505",
        'if (method == "OPTIONS") sl_send_reply("200", "OK");',
        'if (method == "OPTIONS") sl_send_reply("200", "OK"); else sl_send_reply("501", "Not Implemented");',
        "when INFO from alice to bob\nthen 501",
    ),
    Mistake(
        "SER0506",
        'if (uri =~ "^sip:0") sl_send_reply("403", "Forbidden");\nrewritehost("10.0.0.1"); t_relay();',
        'if (uri =~ "^sip:0") { sl_send_reply("403", "Forbidden"); break; }\nrewritehost("10.0.0.1"); t_relay();',
        "when INVITE from alice to sip:0049@example.org\nthen 403",
    ),
    Mistake(
        "SER0507",
        'if (method == "ACK") sl_send_reply("200", "OK");\ndrop;',
        'if (method == "ACK") t_relay();\ndrop;',
        "when ACK from alice to sip:bob@10.0.0.1\nthen ACK to 10.0.0.1",
    ),
    Mistake(
        "SER0508",
        'if (loose_route()) { t_relay(); break; }\nrewritehost("10.0.0.1"); t_relay();',
        'record_route();\nif (loose_route()) { t_relay(); break; }\nrewritehost("10.0.0.1"); t_relay();',
        "when INVITE from alice to bob\nthen INVITE to 10.0.0.1\n  with header Record-Route ~ example.org|127.0.0.1",
    ),
    Mistake(
        "SER0509",
        "if (uri != myself) { t_relay(); break; }\ndrop;",
        "if (uri != myself && src_ip == 10.0.0.0/8) { t_relay(); break; }\ndrop;",
        "user mallory at 192.0.2.66\nwhen INVITE from mallory to sip:bob@10.9.9.9\nthen nothing",
    ),
    Mistake(
        "SER0510",
        'route { rewritehost("10.0.0.1"); t_on_failure("1"); t_relay(); }\n'
        'failure_route[1] { rewritehost("10.0.0.2"); t_relay(); }',
        'route { rewritehost("10.0.0.1"); t_on_failure("1"); t_relay(); }\n'
        'failure_route[1] { rewritehost("10.0.0.2"); append_branch(); t_relay(); }',
        "when INVITE from alice to bob\nthen INVITE to 10.0.0.1\nwhen 10.0.0.1 answers 486\nthen INVITE to 10.0.0.2",
    ),
    Mistake(
        "SER0511",
        'lookup("location");\nt_relay();',
        'if (!lookup("location")) { sl_send_reply("404", "Not Found"); break; }\nt_relay();',
        "when INVITE from alice to bob\nthen 404",
    ),
    Mistake(
        "SER0512",
        'if (!proxy_authorize("example.org", "subscriber")) { proxy_challenge("example.org", "0"); break; }\n'
        'rewritehost("10.0.0.1"); t_relay();',
        'if (!proxy_authorize("example.org", "subscriber")) { proxy_challenge("example.org", "0"); break; }\n'
        'consume_credentials(); rewritehost("10.0.0.1"); t_relay();',
        SUBSCRIBER + "when INVITE from alice to bob\nthen 407\nwhen alice authenticates\n"
        "then INVITE to 10.0.0.1\n  without header Proxy-Authorization",
    ),
    Mistake(
        "SER0513",
        'record_route();\nrewritehost("10.0.0.1");\nif (loose_route()) t_relay();\nelse t_relay();',
        'record_route();\nif (loose_route()) { t_relay(); break; }\nrewritehost("10.0.0.1");\nt_relay();',
        "when INVITE from alice to bob\nthen INVITE to 10.0.0.1\nwhen 10.0.0.1 answers 200\n  with contact sip:bob@10.0.0.5\n"
        "then 200 to alice\nwhen alice sends BYE\nthen BYE to 10.0.0.5",
    ),
    Mistake(
        "SER0514",
        'if (!proxy_authorize("example.org", "subscriber")) { www_challenge("example.org", "0"); break; }\n'
        'sl_send_reply("200", "OK");',
        'if (!proxy_authorize("example.org", "subscriber")) { proxy_challenge("example.org", "0"); break; }\n'
        'sl_send_reply("200", "OK");',
        SUBSCRIBER + "when INVITE from alice to bob\nwhen alice authenticates\nthen 200",
    ),
    Mistake(
        "SER0515",
        "t_relay();",
        'if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); break; }\nt_relay();',
        'when OPTIONS from alice to sip:bob@10.0.0.1\n  with header Max-Forwards "0"\nthen 483',
    ),
    Mistake(
        "SER0521",
        'rewritehost("10.0.0.1");\nt_relay();\nrecord_route();',
        'rewritehost("10.0.0.1");\nrecord_route();\nt_relay();',
        "when INVITE from alice to bob\nthen INVITE to 10.0.0.1\n  with header Record-Route ~ lr",
    ),
    Mistake(
        "SER0524",
        'if (!www_authorize("example.org", "subscriber")) { www_challenge("example.com", "0"); break; }\n'
        'sl_send_reply("200", "OK");',
        'if (!www_authorize("example.org", "subscriber")) { www_challenge("example.org", "0"); break; }\n'
        'sl_send_reply("200", "OK");',
        SUBSCRIBER + "when OPTIONS from alice to bob\nthen 401\nwhen alice authenticates\nthen 200",
    ),
)


def outcome(folder: Path, routes: str, test: str) -> Outcome:
    text = routes if routes.startswith("route") else f"route {{\n{routes}\n}}"
    (folder / "ser.cfg").write_text(f"{LOADS}{text}\n")
    (folder / "ser.sertest").write_text(f'test "it holds"\n{test}\n')
    configs = Configs()
    tests = load(folder / "ser.sertest", configs)
    assert tests.config is not None, (tests.report, tests.broken)
    return run(tests.file.cases[0], tests, configs)


@pytest.mark.parametrize("mistake", MISTAKES, ids=[m.code for m in MISTAKES])
def test_the_warning_is_proven(tmp_path: Path, mistake: Mistake) -> None:
    bad = outcome(tmp_path, mistake.bad, mistake.test)
    codes = {d.code.name for d in analyse(Config.read(tmp_path / "ser.cfg").source, catalogue)[1].diagnostics}
    assert mistake.code in codes
    assert bad.failure is not None
    good = outcome(tmp_path, mistake.good, mistake.test)
    assert good.failure is None, (good.failure, good.failure and good.failure.notes, good.trace)
    codes = {d.code.name for d in analyse(Config.read(tmp_path / "ser.cfg").source, catalogue)[1].diagnostics}
    assert mistake.code not in codes


# Those whose cure is a change of the text; a test that fails before holds after it.
CURED = ("SER0506", "SER0508", "SER0510", "SER0511", "SER0512", "SER0514", "SER0515", "SER0524")


@pytest.mark.parametrize("mistake", [m for m in MISTAKES if m.code in CURED], ids=lambda mistake: str(mistake.code))
def test_the_cure_of_serc_check_is_proven(tmp_path: Path, mistake: Mistake) -> None:
    assert outcome(tmp_path, mistake.bad, mistake.test).failure is not None
    config = tmp_path / "ser.cfg"
    others = ["--select", mistake.code]
    assert serc.main(["check", "--fix", "--unsafe", *others, str(config)]) == 0
    configs = Configs()
    tests = load(tmp_path / "ser.sertest", configs)
    assert tests.config is not None
    cured = run(tests.file.cases[0], tests, configs)
    assert cured.failure is None, (cured.failure, config.read_text(), cured.trace)
