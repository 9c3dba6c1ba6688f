"""serc migrate: configs as they stand in real servers become such that pass serc check, and what is lost is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from serc.commands import serc
from serc.migration import Migrated, migrate
from serc.reading.source import Source
from serc.testing import running
from serc.testing.config import Config
from serc.testing.language.parsing import parse_tests

CONFIGS = Path(__file__).with_name("migrate")
FILES = [("0.8", "ser-0.8.cfg"), ("2.0", "ser-2.0.cfg"), ("openser", "openser.cfg"), ("kamailio", "kamailio.cfg"),
         ("openser", "opensips.cfg")]  # fmt: skip


def migrated(origin: str, text: str) -> Migrated:
    return migrate(Source("old.cfg", text), origin)


def new_text(origin: str, text: str) -> str:
    result = migrated(origin, text)
    assert result.source is not None, result.report.diagnostics
    return result.source.text


def remarks(origin: str, name: str, lost: bool) -> list[tuple[int, str]]:
    result = migrate(Source.read(CONFIGS / name), origin)
    return [(remark.line, remark.text.split(":")[0]) for remark in result.remarks if remark.is_lost is lost]


@pytest.mark.parametrize(("origin", "name"), FILES, ids=[name for _, name in FILES])
def test_the_new_file_passes_serc_check(origin: str, name: str, tmp_path: Path) -> None:
    assert serc.main(["migrate", "--from", origin, str(CONFIGS / name), "-o", str(tmp_path / "ser.cfg")]) in (0, 1)
    assert serc.main(["check", str(tmp_path / "ser.cfg")]) == 0
    kept = (tmp_path / "ser.cfg").read_bytes()
    assert serc.main(["fmt", str(tmp_path / "ser.cfg")]) == 0
    assert (tmp_path / "ser.cfg").read_bytes() == kept  # it is laid out already


def test_all_of_0_8_is_carried_over() -> None:
    assert remarks("0.8", "ser-0.8.cfg", lost=True) == []


def test_what_is_lost_is_told_with_its_line_in_the_old_file() -> None:
    assert remarks("2.0", "ser-2.0.cfg", lost=True) == [
        (12, "module ctl"), (14, "module ratelimit"),
        (35, 'if (isflagset(1) && $t.did == "example.org") { drop; }'), (50, '$f.did = "x";'),
    ]  # fmt: skip
    assert (81, "branch_route[1] is a route now") in remarks("openser", "openser.cfg", lost=False)
    assert remarks("kamailio", "kamailio.cfg", lost=True)[-2:] == [(143, "$du = $null"), (151, "event_route[xhttp")]


ROUTED = [
    ("kamailio", "request_route { exit; }", "route { break; }"),
    ("kamailio", 'route { route(GO); }\nroute[GO] { drop; }', "route { route(1); }\nroute[1] { drop; }"),
    ("2.0", 'route { route(GO); }\nroute["GO"] { return; }', "route { route(1); }\nroute[1] { break; }"),
    ("openser", 'route { if (is_method("ACK|BYE")) exit; }', 'route { if ((method == "ACK" || method == "BYE")) break; }'),
    ("openser", 'route { if ($rU =~ "^0") drop; }', 'route { if (uri =~ "^sips?:0[^@]*@") drop; }'),
    ("openser", 'route { if ($rd == "a.org") drop; }', 'route { if (uri =~ "^sips?:([^@]*@)?a\\\\.org([:;>]|$)") drop; }'),
    ("openser", 'route { if ($si != "10.0.0.1") drop; }', "route { if (src_ip != 10.0.0.1) drop; }"),
    ("openser", 'route { if ($rm == "ACK") drop; }', 'route { if (method == "ACK") drop; }'),
    ("openser", "route { if ($sp == 5060) drop; }", "route { if (src_port == 5060) drop; }"),
    ("kamailio", 'route { if ($rU == $null) drop; }', 'route { if (!(uri =~ "^sips?:[^@]+@")) drop; }'),
    ("openser", 'route { $rU = "bob"; drop; }', 'route { rewriteuser("bob"); drop; }'),
    ("kamailio", "#!define FLAG 3\nroute { setflag(FLAG); resetflag(FLAG); }", "# #!define FLAG 3\nroute { setflag(3); resetflag(3); }"),
    ("kamailio", "#!ifdef X\nroute { foo(); }\n#!else\nroute { drop; }\n#!endif", "# #!ifdef X\n# route { foo(); }\n# #!else\nroute { drop; }\n# #!endif"),
    ("2.0", "flags ONE:4, TWO;\nroute { setflag(TWO); resetflag(ONE); }", "# flag 4: ONE flag 1: TWO\nroute { setflag(1); resetflag(4); }"),
    ("kamailio", "route { if (x) {\n drop;\n} else if (method == ACK) drop; drop; }", "route { /* if (x) {\n drop;\n} else if (method == ACK) drop; */ ; drop; }"),
    ("openser", "route { if ($rU == NULL) drop; }", 'route { if (!(uri =~ "^sips?:[^@]+@")) drop; }'),
    ("openser", 'route { if (is_myself("$fd") && !is_myself("$rd")) drop; }', "route { if (from_uri == myself && !uri == myself) drop; }"),
    ("openser", 'route { $ru = "sip:" + $rU + "@10.0.0.1:5070"; drop; }', 'route { rewritehostport("10.0.0.1:5070"); drop; }'),
    ("openser", 'route { setflag("NAT"); if (isflagset(NAT)) drop; setflag(2); }', "route { setflag(1); if (isflagset(1)) drop; setflag(2); }"),
    ("openser", 'route { setflag("7"); if (isflagset(7)) drop; }', "route { setflag(7); if (isflagset(7)) drop; }"),
    ("openser", 'route { switch ($rm) { case "ACK": drop; case "BYE": case "INFO": log(1, "x"); break; default: log(1, "y"); } }',
     'route { if (method == "ACK") { drop;\n    } else if (method == "BYE" || method == "INFO") { log(1, "x");\n    } else { log(1, "y");\n    } }'),
    ("openser", 'route { switch ($rm) { case "ACK": log(1, "x"); case "BYE": drop; } }',
     'route { /* switch ($rm) { case "ACK": log(1, "x"); case "BYE": drop; } */ ; }'),
    ("openser", 'route { switch ($rm) { case "ACK": if (af == INET) break; drop; } }',
     'route { route(19); }\nroute[19] {  # switch of line 1\n    if (method == "ACK") { if (af == INET) break; drop;\n    }\n}'),
    ("kamailio", 'route { switch ($rm) { case "ACK": log(1, "x"); case "BYE": drop; } }',
     'route { if (method == "ACK") { log(1, "x");\n        drop;\n    } else if (method == "BYE") { drop;\n    } }'),
    ("0.8", 'route { if (len_gt("max_len")) drop; }', "route { if (msg:len > max_len) drop; }"),
    ("0.8", "loop_checks=1\nroute { drop; }", "route { drop; }"),
    ("0.8", "route { log(1, \"a\"); }\nreply_route[1] { drop; }", "route { log(1, \"a\"); }\nonreply_route[1] { drop; }"),
]  # fmt: skip


@pytest.mark.parametrize(("origin", "old", "new"), ROUTED, ids=[old for _, old, _ in ROUTED])
def test_words_of_others_in_the_words_of_0_9(origin: str, old: str, new: str) -> None:
    assert new_text(origin, old) == new + "\n"


MODULES = [
    ('mpath="/usr/lib/k/"\nloadmodule "tm"', '# mpath="/usr/lib/k/"\nloadmodule "/usr/lib/k/tm.so"'),
    ('loadmodule "db_mysql.so"', 'loadmodule "mysql.so"'),
    ('loadmodule "pv.so"', '/* loadmodule "pv.so" */'),
    ('loadmodule "tm.so"\nmodparam("tm|tmx", "fr_timer", 3)', 'loadmodule "tm.so"\nmodparam("tm", "fr_timer", 3)'),
    (
        'loadmodule "sl.so"\nloadmodule "registrar.so"\nloadmodule "usrloc.so"\nmodparam("usrloc", "nat_bflag", 6)',
        'loadmodule "sl.so"\nloadmodule "registrar.so"\nloadmodule "usrloc.so"\nmodparam("registrar", "nat_flag", 6)',
    ),
    (
        'loadmodule "rtpproxy.so"\nloadmodule "nathelper.so"\nmodparam("rtpproxy", "rtpproxy_sock", "udp:127.0.0.1:7722")\nmodparam("nathelper", "received_avp", "$avp(R)")',
        'loadmodule "nathelper.so"\n\nmodparam("nathelper", "rtpproxy_sock", "udp:127.0.0.1:7722")\nmodparam("nathelper", "received_avp", 42)',
    ),
    ("socket=udp:127.0.0.1:5080", "listen=udp:127.0.0.1:5080"),
    ('loadmodule "htable.so"\nmodparam("htable", "htable", "a=>size=8;")', '/* loadmodule "htable.so" */\n/* modparam("htable", "htable", "a=>size=8;") */'),
]  # fmt: skip


TEXTOPS = [
    ('$ua =~ "scanner|sipcli"', 'search("^User-Agent[ ]*:.*(scanner|sipcli)")'),
    ('$hdr(Event) == "presence.winfo"', r'search("^(Event|o)[ ]*:[ ]*presence\\.winfo[ ]*$")'),
    ('$hdr(Event) != "presence"', '!search("^(Event|o)[ ]*:[ ]*presence[ ]*$")'),
    ('$hdr(X-Way) =~ "^in"', 'search("^X-Way[ ]*:[ ]*in")'),
    ("$hdr(Replaces) != $null", 'search("^Replaces[ ]*:")'),
    ("$hdr(Replaces) == $null", '!search("^Replaces[ ]*:")'),
]
AVPOPS = [
    ("$avp(from) = $fU;", 'avp_write("$from/username", "s:from");'),
    ('$avp(s:way) = "in";', 'avp_write("s:in", "s:way");'),
    ("$avp(i:7) = 12;", 'avp_write("i:12", "i:7");'),
    ("$ru = $avp(target);", 'avp_pushto("$ruri", "s:target");'),
    ("$avp(way) = $null;", 'avp_delete("s:way/g");'),
    ('if ($avp(way) == "in") log(1, "x");', 'if (avp_check("s:way", "eq/s:in")) log(1, "x");'),
    ('if ($avp(way) != "in") log(1, "x");', 'if (!avp_check("s:way", "eq/s:in")) log(1, "x");'),
    ("$avp(way) = $ru + $fU;", "/* $avp(way) = $ru + $fU; */ ;"),
    ("$var(n) = 0;", 'avp_write("i:0", "s:n");'),
    ("$var(who) = $fU;", 'avp_write("$from/username", "s:who");'),
    ('$avp(n) = "a"; $var(n) = "b";', 'avp_write("s:a", "s:n"); avp_write("s:b", "s:var_n");'),
    ('if ($var(who) =~ "^b") log(1, "x");', 'if (avp_check("s:who", "re/s:^b")) log(1, "x");'),
    ("$rU = $var(who);", 'avp_pushto("$ruri/username", "s:who");'),
    ("$var(n) = $var(n) + 1;", "/* $var(n) = $var(n) + 1; */ ;"),
]
NEXT_HOPS = [
    ('$du = "sip:10.0.0.9"; t_relay();', '{ t_relay_to_udp("10.0.0.9", "5060");'),
    (
        'if (src_port == 5070) { $du = "sip:gw.example.com:5080;transport=tcp"; if (!t_relay()) drop; }',
        'if (src_port == 5070) { if (!t_relay_to_tcp("gw.example.com", "5080")) drop; }',
    ),
    ('$du = "sip:10.0.0.9"; log(1, "x"); t_relay();', '{ log(1, "x"); t_relay_to_udp("10.0.0.9", "5060");'),
    ('$du = "sip:10.0.0.9"; if (src_port == 1) { t_relay(); }', '/* $du = "sip:10.0.0.9" */ ;'),
    ('$du = "sip:10.0.0.9"; route(RELAY);', '/* $du = "sip:10.0.0.9" */ ; route(1);'),
    ('if (src_port == 1) { $du = "sip:10.0.0.9"; } t_relay();', '/* $du = "sip:10.0.0.9" */ ; }'),
    (
        '$du = "sip:10.0.0.9"; $du = "sip:10.0.0.8"; t_relay();',
        '/* $du = "sip:10.0.0.9" */ ; t_relay_to_udp("10.0.0.8", "5060");',
    ),
    ('if (src_port == 1) $du = "sip:10.0.0.9"; t_relay();', '/* $du = "sip:10.0.0.9" */ ; t_relay();'),
    ('$du = "sip:" + $si; t_relay();', '/* $du = "sip:" + $si */ ; t_relay();'),
    ("$du = $avp(next); t_relay();", "/* $du = $avp(next) */ ; t_relay();"),
    ("$du = $null; t_relay();", "/* $du = $null */ ; t_relay();"),
]


@pytest.mark.parametrize(("old", "new"), TEXTOPS, ids=[old for old, _ in TEXTOPS])
def test_headers_are_searched_for(old: str, new: str) -> None:
    text = new_text("kamailio", f'loadmodule "textops.so"\nroute {{ if ({old}) drop; }}')
    assert f"route {{ if ({new}) drop; }}" in text


@pytest.mark.parametrize(("old", "new"), AVPOPS, ids=[old for old, _ in AVPOPS])
def test_avps_are_those_of_avpops(old: str, new: str) -> None:
    assert new in new_text("kamailio", f'loadmodule "avpops.so"\nroute {{ {old} drop; }}')


@pytest.mark.parametrize(("old", "new"), NEXT_HOPS, ids=[old for old, _ in NEXT_HOPS])
def test_a_next_hop_is_said_where_the_request_is_forwarded(old: str, new: str) -> None:
    head = 'loadmodule "tm.so"\nloadmodule "avpops.so"\n'
    result = migrated("kamailio", f"{head}route {{ {old} drop; }}\nroute[RELAY] {{ t_relay(); drop; }}")
    assert result.source is not None and new in result.source.text
    lost = [remark for remark in result.remarks if remark.is_lost]
    assert [remark.line for remark in lost] == [3] * new.count("/*"), "all that is left out is told"


FAILURE = 'loadmodule "tm.so"\nloadmodule "registrar.so"\nloadmodule "usrloc.so"\nroute {{ t_on_failure("1"); {main} }}\nfailure_route[1] {{ {failed} }}\n{more}'
RELAY = "route[1] { t_relay(); exit; }"


@pytest.mark.parametrize(
    ("main", "failed", "more", "new"),
    [
        ("t_relay();", '$ru = "sip:vm@192.0.2.1"; t_relay();', "", 'rewriteuri("sip:vm@192.0.2.1"); append_branch(); t_relay();'),
        ("t_relay();", '$rU = "vm"; if (!t_relay()) exit;', "", 'rewriteuser("vm"); append_branch(); if (!t_relay()) break;'),
        ("t_relay();", '$du = "sip:192.0.2.1"; t_relay();', "", 'append_branch(); t_relay_to_udp("192.0.2.1", "5060");'),
        ("t_relay();", 'if (lookup("location")) t_relay();', "", 'if (lookup("location")) { append_branch(); t_relay(); }'),
        # Where requests come along that have not failed, too, the branch is appended before.
        ("route(1);", '$rU = "vm"; route(1);', RELAY, 'rewriteuser("vm"); append_branch(); route(1);'),
        ("t_relay();", '$rU = "vm"; route(1);', RELAY, 'rewriteuser("vm"); route(1);'),
        ("t_relay();", '$rU = "vm"; append_branch(); t_relay();', "", 'rewriteuser("vm"); append_branch(); t_relay();'),
        ("t_relay();", 'append_branch("sip:b@192.0.2.1"); t_relay();', "", 'append_branch("sip:b@192.0.2.1"); t_relay();'),
    ],
)  # fmt: skip
@pytest.mark.parametrize("origin", ["openser", "kamailio"])
def test_a_failure_route_appends_where_it_forwards(origin: str, main: str, failed: str, more: str, new: str) -> None:
    result = migrated(origin, FAILURE.format(main=main, failed=failed, more=more))
    assert result.source is not None
    text = " ".join(result.source.text.split())
    assert new in text
    assert not [d for d in result.report.diagnostics if d.code.name == "SER0510"]
    # Each request is appended once.
    appends_in_route = main == "t_relay();" and more != ""
    assert ("route[1] { append_branch(); t_relay();" in text) == appends_in_route
    assert text.count("append_branch(") == 1


def test_a_branch_that_some_ways_have_is_to_look_at() -> None:
    text = FAILURE.format(
        main="t_relay();", failed='if (src_port == 5070) append_branch("sip:b@192.0.2.1");\nt_relay();', more=""
    )
    told = [
        (remark.line, remark.is_lost) for remark in migrated("kamailio", text).remarks if "t_relay()" in remark.text
    ]
    assert told == [(6, False)]


def test_a_0_8_config_is_taken_by_its_word() -> None:
    text = FAILURE.format(main="t_relay();", failed='rewriteuser("vm"); t_relay();', more="")
    assert "append_branch" not in new_text("0.8", text)


def test_what_a_variable_is_now_is_told_once_and_only_of_those_that_are_carried_over() -> None:
    text = 'loadmodule "avpops.so"\nroute {\n$var(a) = 1;\n$var(a) = 2;\n$var(b) = $var(a) + 1;\nif ($var(a) == 2) drop; drop;\n}'
    result = migrated("kamailio", text)
    assert [(r.line, r.text.split(" ")[0]) for r in result.remarks if not r.is_lost] == [(3, "$var(a)")]


def test_accounting_is_asked_for_by_flags() -> None:
    old = 'loadmodule "acc.so"\nroute { if (method == BYE) do_accounting("log|db", "failed"); do_accounting("log", "missed"); }'
    text = new_text("openser", old)
    assert "if (method == BYE) { setflag(30); setflag(29); } setflag(28);" in text
    for parameter in ('"log_flag", 30', '"db_flag", 29', '"log_missed_flag", 28', '"failed_transactions", 1'):
        assert f'modparam("acc", {parameter})' in text


def test_a_cancel_is_relayed_where_t_check_trans_knew_its_invite() -> None:
    old = 'loadmodule "tm.so"\nroute { if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; } t_check_trans(); t_relay(); }'
    result = migrated("kamailio", old)
    assert (
        result.source is not None and 'if ((method == "CANCEL" || t_lookup_request())) t_relay();' in result.source.text
    )
    assert [remark.text for remark in result.remarks] == [
        "t_check_trans is gone: t_relay and t_newtran absorb repetitions"
    ]


def test_milliseconds_become_seconds() -> None:
    old = (
        'loadmodule "tm.so"\nmodparam("tm", "fr_timer", 30000)\nmodparam("tm", "fr_inv_timeout", 120)\nroute { drop; }'
    )
    text = new_text("kamailio", old)
    assert '"fr_timer", 30)' in text and '"fr_inv_timer", 120)' in text


# Who may do what must not get lost on the way.
CREDENTIALS = [
    (
        'if (!auth_check("$fd", "subscriber", "0")) { auth_challenge("$fd", "1"); exit; }',
        'if (method == "REGISTER") { if (!www_authorize("", "subscriber")) { www_challenge("", "1"); break; } }'
        ' else if (!proxy_authorize("", "subscriber")) { proxy_challenge("", "1"); break; }',
    ),
    (
        'if (auth_check("$fd", "subscriber", "0")) log(1, "y");',
        'if (((method == "REGISTER" && www_authorize("", "subscriber")) || (method != "REGISTER" && proxy_authorize("", "subscriber"))))',
    ),
    (
        'if (af == INET) auth_challenge("a.org", "0");',
        'if (af == INET) { if (method == "REGISTER") www_challenge("a.org", "0"); else proxy_challenge("a.org", "0"); }',
    ),
    (
        'if (!www_authorize("$td", "subscriber")) { www_challenge("$td", "auth"); exit; }',
        'if (!www_authorize("", "subscriber")) { www_challenge("", "1"); break; }',
    ),
    (
        'if (!proxy_authorize("a.org", "subscriber")) { proxy_challenge("a.org", "0"); exit; }',
        'if (!proxy_authorize("a.org", "subscriber")) { proxy_challenge("a.org", "0"); break; }',
    ),
    ('if (allow_source_address("1")) exit;', "if (allow_trusted()) break;"),
]
NATS = [
    (
        'rtpproxy_manage("co");',
        'if (method == "BYE" || method == "CANCEL") unforce_rtp_proxy(); else force_rtp_proxy();',
    ),
    (
        'if (af == INET) rtpproxy_manage("co");',
        'if (af == INET) { if (method == "BYE" || method == "CANCEL") unforce_rtp_proxy(); else force_rtp_proxy(); }',
    ),
    ('if (!rtpproxy_offer("co")) exit;', "if (!force_rtp_proxy()) break;"),
    ("if (is_first_hop()) set_contact_alias();", 'if (!search("^Record-Route[ ]*:")) fix_nated_contact();'),
    ('if (has_body("application/sdp")) exit;', 'if (search("^(Content-Type|c)[ ]*:[ ]*application/sdp")) break;'),
]
TEXTS = [
    ('if (strempty($rU)) exit;', 'if (!(uri =~ "^sips?:[^@]+@")) break;'),
    ('if (starts_with("$rU", "+4")) exit;', r'if (uri =~ "^sips?:\\+4") break;'),
    ('if ($avp(a) == $null) exit;', 'if (!avp_check("s:a", "re/s:.*")) break;'),
    ('if (is_avp_set("$avp(s:a)/s")) exit;', 'if (avp_check("s:a", "re/s:.*")) break;'),
    ('$ru = "sip:" + $avp(a) + "@" + "10.0.0.9" + ":" + "5070";',
     'avp_pushto("$ruri/username", "s:a"); rewritehostport("10.0.0.9:5070");'),
    ('if (af == INET) $ru = "sip:" + $avp(a) + "@10.0.0.9";',
     'if (af == INET) { avp_pushto("$ruri/username", "s:a"); rewritehostport("10.0.0.9"); }'),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), CREDENTIALS + NATS + TEXTS, ids=[old for old, _ in CREDENTIALS + NATS + TEXTS])
def test_functions_of_others_are_those_that_do_it_here(old: str, new: str) -> None:
    assert new in " ".join(new_text("kamailio", f'route {{\n{old}\nlog(1, "x"); }}').split())


def test_a_route_of_both_asks_whether_it_has_a_reply() -> None:
    text = new_text(
        "kamailio",
        'route { t_on_reply("A"); route(B); t_relay(); }\nonreply_route[A] { route(B); }\nroute[B] { if (is_reply()) { log(1, "x"); } if (is_request()) log(1, "y"); }',
    )
    assert (
        'if ((status =~ "^[1-6][0-9][0-9]$")) { log(1, "x"); }' in text
        and 'if (!(status =~ "^[1-6][0-9][0-9]$")) log(1, "y");' in text
    )


def test_who_uses_another_name_than_his_own_is_refused() -> None:
    head = 'loadmodule "auth_db.so"\nmodparam("auth_db", "db_url", "sqlite:///a.db")\n'
    text = (
        head
        + 'route {\nif (!auth_check("$fd", "subscriber", "1")) {\nauth_challenge("$fd", "0");\nexit;\n}\nlog(1, "x"); }'
    )
    result = migrated("kamailio", text)
    assert result.source is not None
    for part in (
        'loadmodule "uri_db.so"',
        'modparam("auth_db|uri_db", "db_url",',
        'if (!(www_authorize("", "subscriber") && check_to() && check_from())) { www_challenge("", "0"); break; }',
        'else if (!(proxy_authorize("", "subscriber") && check_from())) {\n        proxy_challenge("", "0");\n',
    ):
        assert part in result.source.text
    assert [(remark.line, remark.is_lost) for remark in result.remarks] == [(1, False)]
    # Who is asked in which way is known, too, where the answer is looked at.
    assert "SER0514" not in [d.code.name for d in result.report.diagnostics]


LOOPED = [
    (  # what it asks is what it changes
        'while ($avp(a) != $null) { $avp(a) = $null; }',
        'route[19] { # while of line 3 if (avp_check("s:a", "re/s:.*")) { avp_delete("s:a/g"); route(19); } }',
    ),
    ('while (src_port == 1) { if (af == INET) break; setflag(1); }', "if (src_port == 1) { if (af == INET) break; setflag(1); route(19);"),
    ('while (src_port == 1) { if (af == INET) exit; }', "if (af == INET) { setflag(31); break; } route(19); if (isflagset(31)) break;"),
    ('$var(i) = 0; while ($var(i) < 2) { log(1, "$var(i)"); $var(i) = $var(i) + 1; }', 'route[19] { # while of line 3 log(1, "0"); log(1, "1"); }'),
    ('$var(i) = 6; while ($var(i) >= 2) { setflag($var(i)); $var(i) = $var(i) - 4; }', "route[19] { # while of line 3 setflag(6); setflag(2); }"),
    ('while (af == INET) { while (af == INET6) { setflag(1); } setflag(2); }',
     "route[19] { # while of line 3 if (af == INET6) { setflag(1); route(19); } } route[18] { # while of line 3 if (af == INET) { route(19);"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), LOOPED, ids=[old for old, _ in LOOPED])
def test_a_loop_is_a_route(old: str, new: str) -> None:
    """One that calls itself, or one that has what is done as often as it is done."""
    text = new_text("kamailio", f'loadmodule "avpops.so"\nroute {{\n{old} log(1, "x"); }}')
    assert " ".join(new.split()) in " ".join(text.split())


@pytest.mark.parametrize(
    ("old", "why"),
    [
        ('while ($var(n) < 9) { $var(n) = $var(n) * 2; }', "would never end"),
        ('while (src_port == 1) { foo(); }', "would never end"),
        ('while (src_port == 1) { return; }', "returns from the route"),
        ('$var(i) = 0; while ($var(i) < 99) { log(1, "a"); $var(i) = $var(i) + 1; }', "would never end"),
        ('$var(i) = 0; while ($var(i) < 2) { $var(i) = $var(i) + 1; log(1, "a"); }', "would never end"),
        ('$var(i) = 0; while ($var(i) < 2) { log(1, "a"); $var(i) = $var(i) + 1; } if ($var(i) == 2) drop;', "would never end"),
    ],
)  # fmt: skip
def test_a_loop_that_might_not_end_is_left_out(old: str, why: str) -> None:
    result = migrated(
        "kamailio", f'loadmodule "avpops.so"\nroute {{ route(A); }}\nroute[A] {{\n\n{old} log(1, "x"); }}'
    )
    assert result.source is not None and "route[19]" not in result.source.text
    assert [remark.line for remark in result.remarks if "while" in remark.text and why in remark.text] == [5]


def test_there_are_no_more_routes_than_0_9_has() -> None:
    routes = "".join(f'route[{n}] {{ log(1, "x"); }}\n' for n in range(1, 20))
    result = migrated("kamailio", f"route {{ while (af == INET) {{ setflag(1); }} }}\n{routes}")
    assert "19 routes" in next(remark.text for remark in result.remarks if remark.is_lost)


def test_a_line_of_what_has_moved_is_told_as_it_was() -> None:
    old = 'route {\n\nwhile (src_port == 1) {\n\nt_relay("0x05");\nsetflag(1);\n}\nswitch ($rm) {\ncase "ACK":\nif (af == INET) break;\nt_relay("0x05");\n}\nlog(1, "x");\n}'
    told = [(r.line, r.text.split(" ")[0]) for r in migrated("kamailio", f'loadmodule "tm.so"\n{old}').remarks]
    assert told == [(4, "while"), (6, "t_relay"), (9, "switch"), (12, "t_relay")]


REPLIES = [
    ('reply_route { log(1, "r"); }', 'onreply_route[19] { log(1, "r"); }', 'onreply_route[1] { log(1, "r"); log(1, "a"); }'),
    ('reply_route { log(1, "r"); return; }', 'onreply_route[19] { log(1, "r");', 'onreply_route[1] { log(1, "r"); log(1, "a"); }'),
    ('reply_route { if (af == INET) drop; }', "onreply_route[19] { if (af == INET) drop; }", 'onreply_route[1] { log(1, "a"); }'),
    ('reply_route { if (!sanity_check("1", "2")) { drop; } return; }', "/* reply_route", 'onreply_route[1] { log(1, "a"); }'),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "other"), REPLIES, ids=[old for old, _, _ in REPLIES])
def test_what_ran_for_all_replies_runs_for_those_of_forwarded_requests(old: str, new: str, other: str) -> None:
    head = 'loadmodule "tm.so"\nroute { t_on_reply("A"); t_relay(); }\nonreply_route[A] { log(1, "a"); }\n'
    text = " ".join(new_text("kamailio", head + old).split())
    assert new in text and other in text
    assert ('route { t_on_reply("19");' in text) is ("/*" not in new)


TM = 'loadmodule "tm.so"\n'
ARMED = [
    (  # whoever asks finds none: nothing else arms one
        'route {{ if (!t_is_set("failure_route")) t_on_failure("M"); t_relay(); }}',
        'route { t_on_failure("1"); t_relay(); }',
    ),
    (
        'route {{ if (af == INET) t_on_failure("O"); if (method == "INVITE" && !t_is_set("failure_route")) t_on_failure("M"); t_relay(); }}',
        'route { if (af == INET) { t_on_failure("2"); setflag(30); } if (method == "INVITE" && !isflagset(30)) t_on_failure("1"); t_relay(); }',
    ),
    ('route {{ t_on_reply("A"); if (t_is_set("onreply_route")) t_relay(); }}', 't_on_reply("1"); setflag(30); if (isflagset(30)) t_relay();'),
    ('route {{ t_on_failure("0"); if (!t_is_set("failure_route")) t_relay(); }}', 't_on_failure("0"); resetflag(30); if (!isflagset(30)) t_relay();'),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), ARMED, ids=[old for old, _ in ARMED])
def test_whether_a_route_is_armed_is_a_flag(old: str, new: str) -> None:
    routes = "failure_route[M] { exit; }\nfailure_route[O] { exit; }\nonreply_route[A] { exit; }\n"
    text = " ".join(new_text("kamailio", f"{TM}{old.format()}\n{routes}").split())
    assert new in text
    # One that fails again has none until another is armed.
    assert text.count("{ resetflag(30); break; }") == 2 * ("isflagset" in new and "failure_route" in old)


def test_a_transaction_does_not_remember_that_the_script_has_been_left() -> None:
    """Its flags are those of the request, as they were when it was forwarded: who fails twice must not find the first end."""
    old = 'route { t_on_failure("1"); route(A); t_relay(); }\nroute[A] { if (af == INET) exit; }\nfailure_route[1] { route(A); t_on_failure("1"); append_branch(); t_relay(); }'
    text = " ".join(new_text("kamailio", TM + old).split())
    assert "failure_route[1] { resetflag(31); route(1); if (isflagset(31)) break;" in text
    assert 'route { t_on_failure("1"); route(1); if (isflagset(31)) break; t_relay(); }' in text


@pytest.mark.parametrize(
    ("body", "new"),
    [
        # A repetition ends the script in t_newtran, and is neither answered nor forwarded by who has called the route.
        ("if (!t_newtran()) sl_reply_error();", "setflag(31); if (!t_newtran()) sl_reply_error(); resetflag(31);"),
        ('t_newtran(); send_reply("404", "x");', 'setflag(31); t_newtran(); resetflag(31); t_reply("404", "x");'),
        # Where the script is left behind it anyway, the flag stays.
        (
            "if (af == INET) { if (!t_newtran()) { sl_reply_error(); } exit; }",
            "if (af == INET) { setflag(31); if (!t_newtran()) { sl_reply_error(); } setflag(31); break; }",
        ),
        # In the block the flag tells of the routes that are called there.
        (
            'if (!t_newtran()) { route(B); log(1, "x"); } else { route(B); log(1, "y"); }',
            'setflag(31); if (!t_newtran()) { resetflag(31); route(2); if (isflagset(31)) break; log(1, "x"); } '
            'else { resetflag(31); route(2); if (isflagset(31)) break; log(1, "y"); } resetflag(31);',
        ),
    ],
)
def test_what_ends_the_script_in_a_called_route_ends_it_there(body: str, new: str) -> None:
    old = f"route {{ route(A); t_relay(); }}\nroute[A] {{ {body} }}\nroute[B] {{ if (af == INET) exit; }}"
    text = " ".join(new_text("kamailio", TM + old).split())
    assert "route { route(1); if (isflagset(31)) break; t_relay(); }" in text
    assert f"route[1] {{ {new} }}" in text


REFUSED = """\
user eve at 10.0.0.7 uri sip:eve@example.com password wrong
test "nobody is registered who does not prove himself"
  when REGISTER from eve
  then 401
  and no contact of eve
  when eve authenticates
  then 401
  and no contact of eve
"""


def test_who_is_challenged_in_a_called_route_is_not_served_by_its_caller(tmp_path: Path) -> None:
    """A challenge ends the route that calls it before anything can be said behind it."""
    modules = "".join(
        f'loadmodule "{name}.so"\n' for name in ("sqlite", "sl", "tm", "usrloc", "registrar", "auth", "auth_db")
    )
    old = (
        f'{modules}modparam("auth_db", "db_url", "sqlite:////a.db")\n'
        'request_route { route(AUTH); save("location"); }\n'
        'route[AUTH] { if (is_method("REGISTER") || from_uri == myself) {\nif (!auth_check("$fd", "subscriber", "1")) {\n'
        'auth_challenge("$fd", "0");\nexit;\n}\n}\nreturn; }'
    )
    text = "listen=udp:10.0.0.1:5060\nalias=example.com\n" + new_text("kamailio", old)
    source = Source("ser.sertest", REFUSED)
    file, report = parse_tests(source)
    assert not report.has_errors
    outcome = running.run(
        file.cases[0], running.Tests(source, file, report, Config(Source("ser.cfg", text))), running.Configs()
    )
    assert outcome.failure is None, (outcome.failure, outcome.trace)


def test_a_cancel_of_nothing_is_not_relayed_where_t_check_trans_knew_it() -> None:
    old = f'{TM}route {{ if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }} t_relay(); }}'
    assert 'modparam("tm", "refuse_stray_cancel", 1)' in new_text("kamailio", old)


LISTEN = [
    ("listen=udp:10.0.0.1:5060 advertise a.org:5070", 'listen=udp:10.0.0.1:5060 advertised_address="a.org" advertised_port=5070', []),
    ("socket=udp:10.0.0.1:5060 as a.org", 'listen=udp:10.0.0.1:5060 advertised_address="a.org"', []),
    ('listen=udp:10.0.0.1 name "x"', "listen=udp:10.0.0.1", ["CHANGED"]),
    ("listen=10.0.0.1 10.0.0.2", "listen=10.0.0.1 10.0.0.2", []),
    ("listen=10.0.0.1 advertise a.org\nlisten=10.0.0.2 advertise b.org", 'listen=10.0.0.1 advertised_address="a.org"\nlisten=10.0.0.2', ["LOST"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "fates"), LISTEN, ids=[old for old, _, _ in LISTEN])
def test_the_address_that_others_are_told_is_a_parameter_of_its_own(old: str, new: str, fates: list[str]) -> None:
    result = migrated("kamailio", f"{old}\nroute {{ drop; }}")
    assert result.source is not None and result.source.text == f"{new}\nroute {{ drop; }}\n"
    assert [remark.fate.name for remark in result.remarks] == fates


def test_registrar_tells_users_apart_as_usrloc_does() -> None:
    head = 'loadmodule "sl.so"\nloadmodule "usrloc.so"\nloadmodule "registrar.so"\n'
    text = new_text("kamailio", head + 'modparam("usrloc", "use_domain", 1)\nroute { drop; }')
    assert 'modparam("usrloc|registrar", "use_domain", 1)' in text
    both = 'modparam("usrloc", "use_domain", 1)\nmodparam("registrar", "use_domain", 1)\n'
    assert both in new_text("kamailio", f"{head}{both}route {{ drop; }}")


AVP_FUNCTIONS = [
    ('avp_pushto("$ru/username", "$avp(s:cfu)");', 'avp_pushto("$ruri/username", "s:cfu");'),
    ('avp_write("$fu", "$avp(i:5)");', 'avp_write("$from", "i:5");'),
    ('avp_delete("$avp(way)/g");', 'avp_delete("s:way/g");'),
    ('if (avp_check("$avp(s:a)", "eq/s:b")) drop;', 'if (avp_check("s:a", "eq/s:b")) drop;'),
    ('avp_db_load("$ru/username", "$avp(s:cfu)");', 'avp_db_load("$ruri/username", "s:cfu");'),
]


@pytest.mark.parametrize(("old", "new"), AVP_FUNCTIONS, ids=[old for old, _ in AVP_FUNCTIONS])
def test_avpops_of_others_names_avps_otherwise(old: str, new: str) -> None:
    head = 'loadmodule "avpops.so"\nmodparam("avpops", "avp_url", "sqlite:///a.db")\nmodparam("avpops", "avp_table", "t")\n'
    assert new in new_text("openser", f"{head}route {{ {old} drop; }}")


def test_a_timer_s_avp_has_a_name_of_0_9() -> None:
    old = f'{TM}modparam("tm", "fr_inv_timer_avp", "$avp(i:12)")\nroute {{ drop; }}'
    assert 'modparam("tm", "fr_inv_timer_avp", "i:12")' in new_text("openser", old)


def test_variables_in_texts_and_uris_put_together_are_told() -> None:
    old = 'loadmodule "textops.so"\nroute {\nappend_hf("X-Src: $si\\r\\n");\n$ru = "sip:vm@" + $fd;\n$fu = "sip:x@y";\ndrop; }'
    lost = [(r.line, r.text.partition(": ")[2]) for r in migrated("kamailio", old).remarks if r.is_lost]
    assert [line for line, _ in lost] == [3, 4, 5]
    assert "$si as it stands" in lost[0][1] and "rewriteuri" in lost[1][1] and "From" in lost[2][1]


EVENTS = [
    ("event_route[xhttp:request]", "over HTTP"),
    ("event_route[tm:branch-failure:x]", "failure_route"),
    ("event_route[core:worker-one-init]", "stand in ser.cfg"),
    ("onsend_route", "before t_relay()"),
    ("local_route", "serctl trace"),
    ("timer_route[x, 60]", "cron"),
    ("error_route", "answered 400"),
]  # fmt: skip


@pytest.mark.parametrize(("head", "cure"), EVENTS, ids=[head for head, _ in EVENTS])
def test_a_route_that_0_9_does_not_run_is_told_with_what_does_its_work(head: str, cure: str) -> None:
    lost = [r for r in migrated("kamailio", f'route {{ drop; }}\n{head} {{ log(1, "x"); }}').remarks if r.is_lost]
    assert [r.line for r in lost] == [2] and cure in lost[0].text


GLOBALS = [
    ("enable_tls=yes", "LOST"), ("enable_tls=no", "NEEDLESS"), ("enable_sctp=no", "NEEDLESS"), ('log_prefix="x"', "NEEDLESS"),
    ("tls_max_connections=5", "NEEDLESS"), ("no_such_thing=5", "LOST"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "fate"), GLOBALS, ids=[old for old, _ in GLOBALS])
def test_a_global_parameter_goes_and_whether_that_matters_is_told(old: str, fate: str) -> None:
    result = migrated("kamailio", f"{old}\nroute {{ drop; }}")
    assert [(r.line, r.fate.name) for r in result.remarks] == [(1, fate)]


def test_a_file_that_may_be_missing_is_not_missed(tmp_path: Path) -> None:
    text = 'import_file "other.cfg"\nroute { drop; }'
    there, missing = tmp_path / "a", tmp_path / "b"
    for folder in (there, missing):
        folder.mkdir()
    (there / "other.cfg").write_text("debug=3\n")
    fates = [
        [r.fate.name for r in migrate(Source(str(folder / "old.cfg"), text), "kamailio").remarks]
        for folder in (there, missing)
    ]
    assert fates == [["LOST"], ["NEEDLESS"]]


def test_failed_calls_are_accounted_and_aliases_and_parameters_of_routes_looked_for() -> None:
    old = (
        'loadmodule "tm.so"\nloadmodule "acc.so"\nloadmodule "textops.so"\nloadmodule "usrloc.so"\nloadmodule "registrar.so"\n'
        'modparam("acc", "failed_transaction_flag", 3)\n'
        'route { if (check_route_param("nat=yes")) setflag(6); if (alias_db_lookup("dbaliases")) t_relay(); }'
    )
    text = new_text("kamailio", old)
    assert 'modparam("acc", "failed_transactions", 1)' in text
    assert 'search("^Route[ ]*:.*;nat=yes")' in text and 'lookup("aliases")' in text


def test_a_branch_route_is_a_route_that_runs_once() -> None:
    old = 'route { t_on_branch("B"); t_relay(); }\nbranch_route[B] { if (af == INET) exit; log(1, "x"); }'
    text = new_text("kamailio", old)
    assert "route { route(1); t_relay(); }" in text and 'route[1] { if (af == INET) break; log(1, "x"); }' in text
    dropped = migrated("kamailio", 'route { t_on_branch("B"); t_relay(); }\nbranch_route[B] { drop; }')
    assert [remark.line for remark in dropped.remarks if remark.is_lost] == [1, 2], "a branch alone cannot be dropped"


def test_parameters_of_one_s_own_are_written_out() -> None:
    old = 'gw.ip = "10.0.0.9" desc "gateway"\nroute {\nif (!strempty($sel(cfg_get.gw.ip))) { $ru = "sip:" + $rU + "@" + $sel(cfg_get.gw.ip); t_relay(); } }'
    result = migrated("kamailio", old)
    assert result.source is not None and 'rewritehostport("10.0.0.9"); t_relay();' in result.source.text
    assert [(remark.line, remark.is_lost) for remark in result.remarks] == [(1, False)]


def test_what_is_defined_on_the_command_line_chooses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "old.cfg").write_text(
        "#!trydef N 3\n#!ifdef WITH_X\nroute { setflag(N); }\n#!else\nroute { drop; }\n#!endif\n"
    )
    command = ["migrate", "--from", "kamailio", str(tmp_path / "old.cfg")]
    assert serc.main(command) == 0 and "route { drop; }" in capsys.readouterr().out
    assert serc.main([*command, "-D", "WITH_X", "--define", "N=7"]) == 0
    assert "route { setflag(7); }" in capsys.readouterr().out


def test_each_loss_has_its_cure() -> None:
    old = 'loadmodule "alias_db.so"\nloadmodule "usrloc.so"\nmodparam("usrloc", "timer_procs", 1)\nroute {\nadd_rr_param(";nat=yes"); if (!sanity_check()) exit;\nxlog("$sp is it"); }'
    told = [
        (remark.line, remark.text.rpartition(": ")[2]) for remark in migrated("kamailio", old).remarks if remark.is_lost
    ]
    assert told == [
        (1, 'lookup("aliases") of registrar, with aliases that serctl alias add has given'),
        (5, "add_rr_param is of OpenSER / Kamailio; 0.9 adds no parameters of one's own to Record-Route"),
    ]  # fmt: skip
    kept = [(remark.line, remark.fate.name) for remark in migrated("kamailio", old).remarks if not remark.is_lost]
    assert kept == [(3, "NEEDLESS"), (5, "NEEDLESS"), (6, "CHANGED")]


@pytest.mark.parametrize("result", ["$rc", "$retcode", "$var(rc)"])
def test_what_was_done_for_the_result_of_lookup_is_done_where_nobody_is_there(result: str) -> None:
    modules = "".join(f'loadmodule "{name}.so"\n' for name in ("sl", "tm", "usrloc", "registrar"))
    kept = "$var(rc) = $rc;" if result == "$var(rc)" else ""
    cases = (
        'case -1: case -3: t_newtran(); send_reply("404", "Not Found"); exit; case -2: send_reply("405", "x"); exit;'
    )
    old = f'{modules}route {{ if (!lookup("location")) {{ {kept} switch ({result}) {{ {cases} }} }} t_relay(); }}'
    text = new_text("kamailio", old)
    assert 't_newtran(); t_reply("404", "Not Found"); break;' in text and "405" not in text


@pytest.mark.parametrize(("old", "new"), MODULES, ids=[old for old, _ in MODULES])
def test_modules_are_those_that_0_9_has(old: str, new: str) -> None:
    assert new_text("kamailio", f"{old}\nroute {{ drop; }}") == f"{new}\nroute {{ drop; }}\n"


def test_what_left_the_script_in_a_called_route_still_leaves_it() -> None:
    text = new_text(
        "kamailio",
        'route {\n  if (method == ACK) { route(END); }\n  log(1, "on");\n}\nroute[END] { log(1, "x"); exit; }',
    )
    assert "route(1); break;" in text
    text = new_text("kamailio", 'route { route(MAY); log(1, "on"); }\nroute[MAY] { if (method == ACK) exit; return; }')
    assert "route(1); if (isflagset(31)) break; log" in text and "{ setflag(31); break; } break; }" in text
    text = new_text(
        "kamailio", 'route { if (af == INET) route(MAY); log(1, "x"); }\nroute[MAY] { route(A); }\nroute[A] { exit; }'
    )
    assert "if (af == INET) { route(1); if (isflagset(31)) break; } log" in text and "setflag(31); break; }" in text


def test_a_file_that_makes_no_sense_is_not_carried_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "old.cfg").write_text("route { if (method == ACK) { drop;\n")
    assert serc.main(["migrate", "--from", "kamailio", str(tmp_path / "old.cfg")]) == 1
    said = capsys.readouterr()
    assert said.out == "" and "cannot be carried over" in said.err


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "ser.cfg").write_text("mine")
    command = ["migrate", "--from", "0.8", str(CONFIGS / "ser-0.8.cfg"), "-o", str(tmp_path / "ser.cfg")]
    assert serc.main(command) == 1
    assert (tmp_path / "ser.cfg").read_text() == "mine"
    assert serc.main([*command, "--force"]) == 0


PROMISES = """\
given contact sip:bob@10.0.0.8 of bob
test "who is registered is called"
  when INVITE from alice to sip:bob@10.0.0.1
  then INVITE to 10.0.0.8
test "who is not is not found"
  when INVITE from alice to sip:eve@10.0.0.1
  then 404
test "a request that goes in circles ends"
  when OPTIONS from alice to sip:bob@10.0.0.1
    with header Max-Forwards "0"
  then 483
"""


@pytest.mark.parametrize(("origin", "name"), [each for each in FILES if each[1] != "openser.cfg"], ids=str)
def test_the_new_file_does_what_the_old_one_did(origin: str, name: str) -> None:
    result = migrate(Source.read(CONFIGS / name), origin)
    assert result.source is not None
    text = "listen=udp:10.0.0.1:5060\n" + result.source.text
    file, report = parse_tests(Source("ser.sertest", PROMISES))
    assert not report.has_errors
    tests = running.Tests(Source("ser.sertest", PROMISES), file, report, Config(Source("ser.cfg", text)))
    for case in file.cases:
        outcome = running.run(case, tests, running.Configs())
        assert outcome.failure is None, (outcome.case.name, outcome.failure, outcome.trace)
