"""Parameters of modules that need neither a database nor tm."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from engine import Names
from script import request

from parameters.play import OTHER, Effect, Event, asked, passes, play, says
from runtime.routing.dns_records import Naptr

RELAY: Final = "forward(127.0.0.1, 5090);"


def options(params: str) -> str:
    return play(params + "route { options_reply(); }", "options", says(request(uri="sip:127.0.0.1:5070")))


def maxfwd(params: str) -> str:
    cfg = params + f'route {{ mf_process_maxfwd_header("10"); {RELAY} }}'
    return play(cfg, "maxfwd", says(request(Max_Forwards="70")))


def xlog(params: str) -> str:
    return play(params + 'route { xlog("L_ERR", "from %fu\\n"); }', "xlog", says(request()))


def gflags(params: str) -> str:
    return play(params + "route { drop; }", "gflags", asked("is_gflag", b"3"))


def mangler(params: str) -> str:
    cfg = params + f'route {{ encode_contact("x", "1.2.3.4"); {RELAY} }}'
    return play(cfg, "mangler", says(request(Contact="<sip:bob@10.0.0.1>")))


def pike(*events: Event) -> Callable[[str], str]:
    """Whether so many requests pass."""

    def seen(params: str) -> str:
        cfg = params + 'route { if (pike_check_req()) log(1, "passed"); }'
        found = play(cfg, "pike", *events)
        return f"{found}\n{found.count('passed')} passed"

    return seen


MANY: Final = (says(request()),) * 80


def dispatcher(params: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "dispatcher.list").write_text("1 sip:127.0.0.1:5090\n2 sip:127.0.0.1:5092\n")
        (Path(folder) / OTHER).write_text("1 sip:127.0.0.1:5091\n2 sip:127.0.0.1:5093\n")
        cfg = params + 'route { ds_select_dst("1", "0"); ds_select_dst("2", "0"); forward(uri:host, uri:port); }'
        return play(cfg, "dispatcher", says(request()), folder=folder)


def enum(params: str) -> str:
    rule = [Naptr(10, 10, "u", "E2U+sip", "!^.*$!sip:found@127.0.0.1!")]
    names = Names(naptr={b"1.2.3.e164.arpa.": rule, b"1.2.3.other.": rule})
    cfg = params + "route { if (enum_query()) forward(127.0.0.1, 5090); }"
    found = play(cfg, "enum", says(request(uri="sip:+321@h")), names=names)
    return found + "".join(name.decode() for _, name in names.asked)


def exec_msg(params: str) -> str:
    return play(params + 'route { if (exec_msg("sleep 2; test $SIP_RURI")) log(1, "true"); }', "exec", says(request()))


def ext(printed: str) -> Callable[[str], str]:
    def seen(params: str) -> str:
        cfg = (
            params
            + f'route {{ if (ext_rewriteuri("cat > /dev/null; echo {printed}")) sl_send_reply("302", "Moved"); }}'
        )
        return play(cfg, "ext", says(request()))

    return seen


def rr(params: str) -> str:
    """Record-Route within a protocol, and from one to the other."""
    cfg = (
        params
        + "route { record_route(); if (method == OPTIONS) forward(127.0.0.1, 5090); else forward_tcp(127.0.0.1, 5090); }"
    )
    return play(cfg, "rr", says(request()), says(request("MESSAGE")))


def rr_signed(params: str) -> str:
    """What a Route is worth that was signed with the secret "known"."""
    cfg = f'modparam("rr", "signed", 1) {params} route {{ if (loose_route()) log(1, "goes on"); else log(1, "is new"); drop; }}'
    return play(
        cfg, "rr", says(request("BYE", To="<sip:b@h>;tag=1", Route="<sip:127.0.0.1:5070;sig=97f4ded2a2525dea;lr>"))
    )


def flatstore(params: str) -> str:
    """What is in the file while the server runs."""
    with tempfile.TemporaryDirectory() as folder:
        cfg = f'modparam("acc", "db_url", "flatstore:{folder}") {params} route {{ acc_db_request("x", "acc"); }}'
        play(cfg, "tm flatstore acc", says(request()))
        return "".join(path.read_text() for path in Path(folder).glob("*.log"))


TWO: Final = "sip:a@h sip:b@h"

EFFECTS: Final = [
    Effect("options.accept", "application/sdp", options, "Accept: */*\r\n", "Accept: application/sdp\r\n"),
    Effect("options.accept_encoding", "gzip", options, "Accept-Encoding: \r\n", "Accept-Encoding: gzip\r\n"),
    Effect("options.accept_language", "de", options, "Accept-Language: en\r\n", "Accept-Language: de\r\n"),
    Effect("options.support", "path", options, "Support: \r\n", "Support: path\r\n"),
    Effect("maxfwd.max_limit", 30, maxfwd, "Max-Forwards: 16\r\n", "Max-Forwards: 30\r\n"),
    Effect("maxfwd.max_limit", 0, maxfwd, "Max-Forwards: 16\r\n", "Max-Forwards: 69\r\n"),
    Effect("xlog.buf_size", 10, xlog, "from sip:alice@example.com", "over buf_size 10"),
    Effect("gflags.initial", 8, gflags, "FALSE", "TRUE"),
    Effect("mangler.contact_flds_separator", "+", mangler, "<sip:x*bob**10", "<sip:x+bob++10"),
    Effect("pike.reqs_density_per_unit", 8, pike(*MANY), "\n38 passed", "\n11 passed"),
    Effect("pike.sampling_time_unit", 20, pike(*MANY, passes(9), says(request())), "\n39 passed", "\n38 passed"),
    Effect("pike.remove_latency", 20, pike(*MANY, passes(50), asked("print_timer_list")), "127.0.0.1 [byte", ""),
    Effect("dispatcher.list_file", OTHER, dispatcher, "udp:127.0.0.1:5090", "udp:127.0.0.1:5091"),
    Effect("dispatcher.force_dst", 1, dispatcher, "udp:127.0.0.1:5090", "udp:127.0.0.1:5092"),
    Effect("enum.domain_suffix", "other.", enum, "1.2.3.e164.arpa", "1.2.3.other"),
    Effect("enum.tel_uri_params", ";user=phone", enum, "sip:found@127.0.0.1 SIP", "sip:found@127.0.0.1;user=phone SIP"),
    Effect("exec.time_to_kill", 1, exec_msg, "true", ""),
    Effect("exec.setvars", 0, exec_msg, "true", ""),
    Effect("ext.check_new_uri", 0, ext("nonsense"), "is no uri", ""),
    Effect("ext.max_branches", 1, ext(TWO), "Contact: sip:a@h\r\n", "Contact: sip:a@h, <sip:b@h>;q=1\r\n"),
    Effect("rr.append_fromtag", 0, rr, "<sip:127.0.0.1:5070;ftag=ft1;lr>", "<sip:127.0.0.1:5070;lr>"),
    Effect("rr.enable_double_rr", 0, rr, ";r2=on", ""),
    Effect("rr.enable_full_lr", 1, rr, ";lr>", ";lr=on>"),
    Effect("rr.add_username", 1, rr, "<sip:127.0.0.1:5070", "<sip:bob@127.0.0.1:5070"),
    Effect("rr.signed", 1, rr, ";ftag=ft1;lr>", ";ftag=ft1;sig="),
    Effect("rr.secret", "known", rr_signed, "is new", "goes on"),
    Effect("flatstore.flush", 0, flatstore, "sip:alice@example.com|", ""),
]
