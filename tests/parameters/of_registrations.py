"""Parameters of those who know where users are, who they are, and what is between them and us."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from phone import Phone, challenges, nonce_of
from script import request

from parameters.play import OTHER_URL, Effect, Event, db_url, ends, play, renamed, says, timers
from runtime.routing.database import Value

Seen = Callable[[str], str]

ROUTE: Final = """route {
    if (search("^X-Nat")) { setflag(4); setflag(7); fix_nated_register(); avp_write("sip:other@1.2.3.4", "i:7"); };
    if (method == "REGISTER") { save("location"); break; };
    if (lookup("location")) { if (isflagset(4)) log(1, "flag 4"); if (isflagset(7)) log(1, "flag 7"); sl_send_reply("302", "Moved"); break; };
    sl_send_reply("404", "Not Found");
}
"""
NO_RTPPROXY: Final = 'modparam("nathelper", "rtpproxy_disable", 1)\n'
BY_DOMAIN: Final = 'modparam("usrloc|registrar", "use_domain", 1)\n'


def bind(contact: str, cseq: int = 1, user: str = "bob@example.com", **headers: str) -> Event:
    to = f"<sip:{user}>"
    return says(request("REGISTER", "sip:h", Contact=contact, To=to, Call_ID="r", CSeq=f"{cseq} REGISTER", **headers))


def ask_for(uri: str = "sip:bob@example.com") -> Event:
    return says(request(uri=uri))


def served(*events: Event, more: str = "") -> Seen:
    """A registrar in memory."""

    def seen(params: str) -> str:
        cfg = NO_RTPPROXY + more + params + ROUTE
        return play(cfg, "textops usrloc registrar avpops nathelper", *events)

    return seen


ONE: Final = served(bind("<sip:b@127.1.0.1>"), ask_for())
TWO: Final = served(bind("<sip:b@127.1.0.1>"), bind("<sip:c@127.1.0.2>", 2), ask_for())
NATED: Final = served(bind("<sip:b@10.0.0.1>", X_Nat="y"), ask_for())


def stored(mode: int = 1, more: str = "") -> Seen:
    """A registrar with a database; what is asked of it."""

    def seen(params: str) -> str:
        cfg = f'{db_url("usrloc")}modparam("usrloc", "db_mode", {mode})\n{more}{params}{ROUTE}'
        headers = {"Contact": "<sip:b@127.1.0.1>;q=0.5", "User_Agent": "phone"}
        data = request("REGISTER", "sip:h", X_Nat="y", To="<sip:bob@example.com>", Call_ID="r", **headers)
        return play(
            NO_RTPPROXY + cfg, "textops usrloc registrar avpops nathelper", says(data), timers, version=6, location=[]
        )

    return seen


def kept(params: str) -> str:
    """What a second server finds that starts after the first one."""
    with tempfile.TemporaryDirectory() as folder:
        cfg = params.replace("FOLDER", folder) + NO_RTPPROXY + ROUTE
        modules = "textops usrloc registrar avpops nathelper"
        play(cfg, modules, bind("<sip:b@127.1.0.1>"), ends, folder=folder)
        return play(cfg, modules, ask_for(), folder=folder)


def loaded(params: str) -> str:
    """A registrar whose database has two users."""
    row: dict[str, Value] = {"domain": b"h", "contact": b"sip:b@127.1.0.1", "received": None, "expires": 3_000_000_000}
    row |= {"q": -1.0, "callid": b"r", "cseq": 1, "replicate": 0, "state": 0, "flags": 0, "user_agent": b"phone"}
    cfg = f'{NO_RTPPROXY}{db_url("usrloc")}modparam("usrloc", "db_mode", 1)\n{params}{ROUTE}'
    users: list[dict[str, Value]] = [{**row, "username": name} for name in (b"bob", b"carol")]
    return play(cfg, "textops usrloc registrar avpops nathelper", ask_for("sip:bob@h"), location=users)


def crowd(params: str) -> str:
    long = "x" * 900
    contacts = [bind(", ".join(f"<sip:{long}{n}@h>" for n in range(30)), user=f"u{user}@h") for user in range(60)]
    return served(*contacts)(params)


# --- auth ------------------------------------------------------------------------------------------------------------


def challenge(route: str = 'www_challenge("", "1");') -> Seen:
    def seen(params: str) -> str:
        return play(f"{params} route {{ {route} }}", "auth", says(request(From="<sip:alice@sip.example.com>;tag=1")))

    return seen


def authorized(route: str, count: int = 0, secret: str = "s3cret") -> Seen:
    """A request with the nonce of a server with that secret, sent twice."""

    def seen(params: str) -> str:
        row: dict[str, Value] = {"username": b"alice", "password": b"secret", "domain": b"", "rpid": b"sip:+1@h"}
        nonce = nonce_of(secret, 0x7FFFFFFF)
        credentials = Phone().credentials(nonce, "OPTIONS", "sip:example.com", qop="auth" if count else "", count=count)
        cfg = f"""modparam("auth", "secret", "s3cret") {db_url("auth_db")} modparam("auth_db", "calculate_ha1", 1)
            modparam("auth_db", "password_column", "password")
            modparam("auth_db", "avps_column_int", "") modparam("auth_db", "avps_column_str", "rpid")
            {params} route {{ if (www_authorize("example.com", "subscriber")) {{ log(1, "known"); {route} }} }}"""
        twice = [says(request(CSeq=f"{n} OPTIONS", Authorization=credentials)) for n in (1, 2)]
        return play(cfg, "auth auth_db", *twice, subscriber=[row])

    return seen


def nonce_life(params: str) -> str:
    """How long the nonce of a challenge lives."""
    found = challenge()(params)
    (parameters,) = challenges(found.encode())
    return f"{int(parameters['nonce'][:8], 16) - 1_100_000_000} s"


# --- permissions -----------------------------------------------------------------------------------------------------


def rules(call: str, before: str = "") -> Seen:
    """A caller who is denied, by all files but `other.…`."""

    def seen(params: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            for name in ("permissions.deny", "base.deny", "base.no"):
                (Path(folder) / name).write_text('ALL : "bob@"\n')
            for name in ("other.allow", "base.yes"):
                (Path(folder) / name).write_text("ALL : ALL\n")
            (Path(folder) / "other.deny").write_text('ALL : "bob@"\n')
            (Path(folder) / "base.no").write_text("")
            cfg = (
                f'{params} route {{ {before} if ({call}) sl_send_reply("200", "y"); else sl_send_reply("403", "n"); }}'
            )
            return play(cfg, "permissions", says(request()), folder=folder)

    return seen


RPID: Final = "append_rpid_hf(); forward(127.0.0.1, 5090);"
CAROL: Final = 'rewriteuri("sip:carol@h");'
BRANCH: Final = 'rewriteuri("sip:carol@h"); append_branch("sip:bob@h");'

EFFECTS: Final = [
    Effect("registrar.default_expires", 100, ONE, ";expires=3600", ";expires=100"),
    Effect("registrar.min_expires", 200, served(bind("<sip:b@h>;expires=90")), ";expires=90", ";expires=200"),
    Effect("registrar.max_expires", 200, ONE, ";expires=3600", ";expires=200"),
    Effect("registrar.default_q", 700, ONE, "<sip:b@127.1.0.1>;expires", "<sip:b@127.1.0.1>;q=0.7;expires"),
    Effect("registrar.append_branches", 0, TWO, "Contact: sip:b@127.1.0.1, sip:c@127.1.0.2\r\n", "sip:b@127.1.0.1\r\n"),
    Effect(
        "registrar.case_sensitive", 1, served(bind("<sip:b@h>"), ask_for("sip:BOB@h")), "302 Moved", "404 Not Found"
    ),
    Effect(
        "registrar.desc_time_order",
        1,
        served(bind("<sip:b@h>"), bind("<sip:c@h>", 2), bind("<sip:c@h>", 3), ask_for()),
        "Contact: sip:b@h, sip:c@h",
        "Contact: sip:c@h, sip:b@h",
    ),
    Effect("registrar.nat_flag", 7, NATED, "flag 4", "flag 7"),
    Effect(
        "registrar.realm_prefix",
        "sip.",
        served(bind("<sip:b@h>", user="bob@sip.example.com"), ask_for(), more=BY_DOMAIN),
        "404 Not Found",
        "302 Moved",
    ),
    Effect("registrar.received_param", "rcv", NATED, ';received="sip:127.0.0.1:5080"', ';rcv="sip:127.0.0.1:5080"'),
    Effect("registrar.received_avp", 7, NATED, ';received="sip:127.0.0.1:5080"', ';received="sip:other@1.2.3.4"'),
    Effect(
        "registrar.use_domain",
        1,
        lambda more: served(bind("<sip:b@h>"), ask_for("sip:bob@h"))(more and BY_DOMAIN),
        "302 Moved",
        "404 Not Found",
    ),
    Effect(
        "registrar.max_contacts", 1, TWO, "Contact: <sip:b@127.1.0.1>;expires=3600, <sip:c@", "503 Service Unavailable"
    ),
    Effect(
        "registrar.check_contacts", 0, served(bind("<sip:b@0.0.0.0>")), "Contact is nowhere", "<sip:b@0.0.0.0>;expires="
    ),
    Effect(
        "registrar.retry_after",
        30,
        served(bind("<sip:b@h>"), bind("<sip:c@h>", 2), more='modparam("registrar", "max_contacts", 1)\n'),
        "",
        "Retry-After: 30\r\n",
    ),
    *[
        renamed(f"usrloc.{column}_column", stored(), f" <{column}>=")
        for column in ("contact", "expires", "q", "callid")
    ],
    *[
        renamed(f"usrloc.{column}_column", stored(), f" <{column}>=")
        for column in ("cseq", "replicate", "state", "flags")
    ],
    renamed("usrloc.user_agent_column", stored(), " <user_agent>=b'phone'"),
    renamed("usrloc.received_column", stored(), " <received>=b'sip:"),
    renamed("usrloc.user_column", stored(), "<username>=b'bob'"),
    renamed("usrloc.domain_column", stored(more=BY_DOMAIN), "<domain>=b'example.com'"),
    Effect("usrloc.db_url", OTHER_URL, stored(), "", f"open {OTHER_URL}"),
    Effect("usrloc.timer_interval", 7, ONE, "every 60000 ms", "every 7000 ms"),
    Effect("usrloc.db_mode", 0, stored(), "location: ", ""),
    Effect("usrloc.use_domain", 1, lambda more: stored()(more and BY_DOMAIN), "", "domain=b'example.com'"),
    Effect("usrloc.desc_time_order", 1, TWO, "sip:b@127.1.0.1, sip:c@127.1.0.2", "sip:c@127.1.0.2, sip:b@127.1.0.1"),
    Effect("usrloc.keep", "FOLDER/kept", kept, "404 Not Found", "302 Moved"),
    Effect("usrloc.rows_at_start", 1, loaded, "302 Moved", "over 1 rows: contacts come while the server answers"),
    Effect("usrloc.max_memory", 2, crowd, "", "500 Server Internal Error"),
    Effect("auth.secret", "another", authorized(""), "known", ""),
    Effect("auth.check_uri", 1, authorized(""), "known", ""),
    Effect("auth.nonce_expire", 17, nonce_life, "300 s", "17 s"),
    Effect("auth.rpid_prefix", "<", authorized(RPID), "Remote-Party-ID: sip:+1@h;party", "Remote-Party-ID: <sip:+1@h;"),
    Effect(
        "auth.rpid_suffix", ">", authorized(RPID), "ID: sip:+1@h;party=calling;id-type=subscriber;screen=yes\r\n", "@h>"
    ),
    Effect("auth.realm_prefix", "sip.", challenge(), 'realm="sip.example.com"', 'realm="example.com"'),
    Effect("auth.algorithms", "SHA-256", challenge(), "", "algorithm=SHA-256"),
    Effect("auth.qop", "auth,auth-int", challenge(), 'qop="auth"', 'qop="auth,auth-int"'),
    Effect("auth.nonce_count", 0, lambda more: str(authorized("", 1)(more).count("known")), "1", "2"),
    Effect("permissions.default_allow_file", "other.allow", rules("allow_routing()"), "403 n", "200 y"),
    Effect("permissions.default_deny_file", "other.allow", rules("allow_routing()", CAROL), "200 y", "403 n"),
    Effect("permissions.check_all_branches", 0, rules("allow_routing()", BRANCH), "403 n", "200 y"),
    Effect("permissions.allow_suffix", ".yes", rules('allow_routing("base")'), "403 n", "200 y"),
    Effect("permissions.deny_suffix", ".no", rules('allow_routing("base")'), "403 n", "200 y"),
]
