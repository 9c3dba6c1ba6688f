"""Parameters of transactions, of what is written down of calls, and of the media between them."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Final

import engine
import pytest
from script import reply, request

from parameters.play import OTHER_URL, Effect, Event, Stage, answers, asked, db_url, passes, play, renamed, says, timers
from runtime.routing.ports import Watched, Watches
from runtime.server.worker.watching import EpollWatches

Seen = Callable[[str], str]

CALLEE: Final = "sip:bob@127.0.0.1:5090"
INVITE: Final = says(request("INVITE", CALLEE))
OLD: Final = "SIP/2.0/UDP 127.0.0.1:5080"
SDP: Final = "v=0\r\no=u 1 1 IN IP4 10.1.2.3\r\ns=-\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


def relayed(*events: Event, before: str = "", more: str = "", failure: str = 'log(1, "failed");') -> Seen:
    def seen(params: str) -> str:
        route = f'{before} t_on_failure("1"); if (t_relay()) log(1, "relayed");'
        return play(f"{more}{params} route {{ {route} }} failure_route[1] {{ {failure} }}", "tm avpops", *events)

    return seen


def at(text: str, port: int = 5090) -> str:
    return f"at {text} s to udp:127.0.0.1:{port} "


def old(uri: str = CALLEE, via: str = OLD) -> Event:
    """A request of RFC 2543, without a branch."""
    return says(request("INVITE", uri, Via=via))


def how_many(seen: Seen) -> Seen:
    """The number of INVITEs that leave."""
    return lambda params: str(seen(params).count("\nINVITE sip:"))


UAC: Final = (b"INVITE", b"sip:127.0.0.1:5090", b".", b"From: <sip:a@h>\r\nTo: <sip:b@h>\r\n", b"")


def told_application(params: str) -> str:
    """What t_write_unix writes."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as application:
        application.bind(os.path.join(folder, "app"))
        application.settimeout(20)
        action = "mail/more" if params else "mail"
        play(
            f'{params} route {{ t_newtran(); t_write_unix("{folder}/app", "{action}"); }}',
            "tm",
            says(request("INVITE", CALLEE, Subject="lunch")),
        )
        return application.recv(65536).decode()


ACK_486: Final = says(request("ACK", CALLEE, To="<sip:bob@example.com>;tag=bt"))
CANCEL: Final = says(request("CANCEL", CALLEE))
SECOND: Final = says(request("INVITE", CALLEE, Call_ID="another", Via=f"{OLD};branch=z9hG4bK3"))
MINE: Final = 'avp_write("i:9", "s:mine");'
USUAL_AVP: Final = 'avp_write("i:9", "s:callee_fr_timer");'
RELAY: Final = "forward(127.0.0.1, 5090);"

# --- acc -------------------------------------------------------------------------------------------------------------

LOGS: Final = 'modparam("acc", "log_level", 1) modparam("acc", "log_flag", 1) modparam("acc", "log_missed_flag", 2)\n'
ROWS: Final = f'{db_url("acc")}modparam("acc", "db_flag", 1) modparam("acc", "db_missed_flag", 2)\n'
ACK: Final = says(request("ACK", CALLEE, To="<sip:bob@example.com>;tag=bt", Via=f"{OLD};branch=z9hG4bK2"))


def accounted(*events: Event, base: str = LOGS, before: str = "setflag(1); setflag(2); setflag(3);") -> Seen:
    def seen(params: str) -> str:
        return play(f"{base}{params} route {{ {before} t_relay(); }}", "tm acc", *events)

    return seen


ANSWERED: Final = accounted(INVITE, answers("200 OK"), ACK)
REFUSED: Final = accounted(INVITE, answers("486 Busy"))
WRITTEN: Final = accounted(INVITE, answers("200 OK"), base=ROWS)
MISSED: Final = accounted(INVITE, answers("486 Busy"), base=ROWS)


def local_time(params: str) -> str:
    """In New York."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "EST5EDT")
        time.tzset()
        try:
            return WRITTEN(params)
        finally:
            patch.undo()
            time.tzset()


def of_column(parameter: str, snippet: str) -> Effect:
    return renamed(f"acc.acc_{parameter}_column", WRITTEN, snippet)


# --- avpops ----------------------------------------------------------------------------------------------------------

AVPS: Final = f"""{db_url("avpops", "avp_url")}modparam("avpops", "avp_table", "prefs")
    modparam("avpops", "avp_aliases", "a=s:usual") modparam("avpops", "db_scheme", "s:table=usual")
"""


def with_avps(route: str) -> Seen:
    def seen(params: str) -> str:
        return play(f"{AVPS}{params} route {{ {route} avp_print(); }}", "avpops", says(request()))

    return seen


def scheme(params: str) -> str:
    return with_avps(f'avp_db_load("$from", "s:x/${"t" if params else "s"}");')(params)


LOAD: Final = with_avps('avp_db_load("$from", "s:x");')
LOAD_ALL: Final = with_avps('avp_db_load("$from/domain", "s:x"); avp_db_load("u-1", "");')


# --- nathelper -------------------------------------------------------------------------------------------------------


class Impatient(Watches):
    """Waits for what comes, as ever, until it `hurries`: then time passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self._real = EpollWatches()
        self.hurries = False

    def watch(self, one: Watched) -> None:
        self._real.watch(one)
        self.count = self._real.count

    def forget(self, one: Watched) -> None:
        self._real.forget(one)
        self.count = self._real.count

    def wait(self, timeout_ms: int) -> int:
        passed_ms = timeout_ms if self.hurries else int(self._real.wait(timeout_ms))
        self.count = self._real.count
        return passed_ms


def silent_proxy(*events: Event) -> Seen:
    """What an RTP proxy is asked that says its version and then nothing any more."""

    def seen(params: str) -> str:
        with pytest.MonkeyPatch.context() as patch, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as proxy:
            patch.setattr(engine, "EpollWatches", Impatient)
            proxy.bind(("127.0.0.1", 0))
            proxy.settimeout(20)
            threading.Thread(target=_tell_version, args=(proxy,), daemon=True).start()
            place = f"udp:127.0.0.1:{proxy.getsockname()[1]}"
            cfg = f'modparam("nathelper", "rtpproxy_sock", "{place}")\n{params} route {{ force_rtp_proxy(); {RELAY} }}'
            stage = Stage(cfg, "nathelper", {}, 1, "", None)
            watches = stage.watches
            assert isinstance(watches, Impatient)
            watches.hurries = True
            for event in events:
                event(stage)
            proxy.setblocking(False)
            asked_for: list[str] = []
            with contextlib.suppress(BlockingIOError):
                while True:
                    asked_for.append(proxy.recv(4096).decode().split(" ")[1])
            return f"asked {' '.join(asked_for)} in {stage.now_ms} ms"

    return seen


def _tell_version(proxy: socket.socket) -> None:
    data, client = proxy.recvfrom(4096)
    proxy.sendto(data.partition(b" ")[0] + b" 20040107", client)


MEDIA: Final = says(request("INVITE", CALLEE, SDP, Content_Type="application/sdp"))


def no_proxy(params: str) -> str:
    """Of an RTP proxy at the usual place, which there is not."""
    return play(params + f"route {{ force_rtp_proxy(); {RELAY} }}", "nathelper", MEDIA)


def pings(seconds: float) -> Event:
    def event(stage: Stage) -> None:
        for _ in range(int(seconds * 5)):
            timers(stage)
            stage.now_ms += 200

    return event


def pinged(*events: Event, more: str = 'modparam("nathelper", "natping_interval", 30)\n') -> Seen:
    def seen(params: str) -> str:
        cfg = f"""modparam("nathelper", "rtpproxy_disable", 1) {more}{params}
            route {{ fix_nated_register(); avp_pushto("$X-Source/reply", "i:7"); save("location"); }}"""
        return play(cfg, "usrloc registrar avpops nathelper", *events)

    return seen


BIND: Final = says(request("REGISTER", "sip:h", Contact="<sip:b@127.1.0.1:5099>"))
PLAIN: Final = BIND
NATED: Final = says(request("REGISTER", "sip:h", Contact="<sip:b@10.0.0.1>"))


def mediaproxy(*events: Event, agent: str = "phone") -> Seen:
    """A client behind a NAT registers and calls; the proxy is not there. The file `odd` names its User-Agent."""

    def seen(params: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "odd"), "w") as file:
                file.write("phone")
            cfg = f"""{db_url("domain")}{params} route {{
                if (method == REGISTER) {{ setflag(4); save("location"); break; }};
                fix_contact(); use_media_proxy(); {RELAY} }}"""
            headers = {"Contact": "<sip:b@10.0.0.1:9>", "User-Agent": agent, "Content-Type": "application/sdp"}
            call = says(request("INVITE", CALLEE, SDP, **headers))
            return play(cfg, "domain usrloc registrar mediaproxy", *events, call, folder=folder)

    return seen


def asymmetric(params: str) -> str:
    """What a MediaProxy is asked."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as proxy:
        proxy.bind(os.path.join(folder, "proxy"))
        proxy.listen()
        proxy.settimeout(20)
        found: list[bytes] = []

        def serve() -> None:
            with proxy.accept()[0] as line:
                found.append(line.recv(4096))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        mediaproxy()(
            params.replace("FOLDER", folder) + f'modparam("mediaproxy", "mediaproxy_socket", "{folder}/proxy")\n'
        )
        thread.join(20)
        return found[0].decode()


EFFECTS: Final = [
    Effect("tm.ruri_matching", 0, how_many(relayed(old(), old("sip:eve@127.0.0.1:5090"))), "2", "1"),
    Effect("tm.via1_matching", 0, how_many(relayed(old(), old(via="SIP/2.0/UDP 127.0.0.1:5081"))), "2", "1"),
    Effect("tm.fr_timer", 9, relayed(INVITE, passes(200)), at("30", 5080), at("9", 5080)),
    Effect("tm.fr_inv_timer", 9, relayed(INVITE, answers("180 Ringing"), passes(200)), at("120", 5080), at("9", 5080)),
    Effect("tm.wt_timer", 1, how_many(relayed(INVITE, answers("486 Busy"), ACK_486, passes(2), INVITE)), "1", "2"),
    Effect("tm.retr_timer1p1", 2, relayed(INVITE, passes(8)), at("1"), at("2")),
    Effect("tm.retr_timer1p2", 5, relayed(INVITE, passes(8)), at("3"), at("6")),
    Effect("tm.retr_timer1p3", 2, relayed(INVITE, passes(8)), at("7"), at("5")),
    Effect("tm.retr_timer2", 8, relayed(INVITE, passes(16)), at("11"), ""),
    Effect(
        "tm.restart_fr_on_each_reply",
        0,
        relayed(INVITE, answers("180 Ringing"), passes(60), answers("180 Ringing"), passes(200)),
        at("180", 5080),
        at("120", 5080),
    ),
    Effect(
        "tm.pass_provisional_replies",
        1,
        lambda more: play(
            more + "route { drop; }", "tm", asked("t_uac_dlg", *UAC), answers("183 Wait"), answers("486 Busy")
        ),
        "",
        "183 Wait\n.\n",
    ),
    Effect("tm.refuse_stray_cancel", 1, relayed(CANCEL), "CANCEL sip:bob", "SIP/2.0 481"),
    Effect("tm.drop_stray_replies", 1, relayed(says(reply("200 Stray"))), "SIP/2.0 200 Stray", ""),
    Effect("tm.fr_timer_avp", "s:mine", relayed(INVITE, passes(40), before=MINE), at("30", 5080), at("9", 5080)),
    Effect(
        "tm.fr_inv_timer_avp",
        "s:mine",
        relayed(INVITE, answers("180 Ringing"), passes(200), before=MINE),
        at("120", 5080),
        at("9", 5080),
    ),
    Effect("tm.var_timers", 0, relayed(INVITE, passes(40), before=USUAL_AVP), at("9", 5080), at("30", 5080)),
    Effect("tm.max_transactions", 1, relayed(INVITE, SECOND, more=""), "", "503 "),
    Effect("tm.tw_append", "more:who=hdr[Subject]", told_application, "", "who: lunch"),
    Effect("acc.early_media", 1, accounted(INVITE, answers("183 Wait")), "", "transaction answered: "),
    Effect("acc.failed_transactions", 1, REFUSED, "", "transaction answered: "),
    Effect("acc.report_ack", 0, ANSWERED, "request acknowledged: ", ""),
    Effect("acc.report_cancels", 1, accounted(INVITE, answers("180 Ringing"), CANCEL), "", "method=CANCEL"),
    Effect("acc.log_flag", 3, accounted(INVITE, answers("200 OK"), before="setflag(3);"), "", "transaction answered: "),
    Effect("acc.log_missed_flag", 3, accounted(INVITE, answers("486 No"), before="setflag(3);"), "", "call missed: "),
    Effect("acc.log_level", 5, ANSWERED, "ACC: transaction answered", ""),
    Effect(
        "acc.log_fmt", "n", ANSWERED, "ACC: transaction answered: method=INVITE", "ACC: transaction answered: cseq=1"
    ),
    Effect(
        "acc.db_flag",
        3,
        lambda more: accounted(INVITE, answers("200 OK"), base=ROWS, before="setflag(3);")(more),
        "",
        "insert acc",
    ),
    Effect(
        "acc.db_missed_flag",
        3,
        accounted(INVITE, answers("486 No"), base=ROWS, before="setflag(3);"),
        "",
        "insert missed",
    ),
    Effect("acc.db_url", OTHER_URL, WRITTEN, "", f"open {OTHER_URL}"),
    renamed("acc.db_table_acc", WRITTEN, "insert <acc>:"),
    renamed("acc.db_table_missed_calls", MISSED, "insert <missed_calls>:"),
    Effect("acc.db_localtime", 1, local_time, "time=b'2004-11-09 11:33:20'", "time=b'2004-11-09 06:33:20'"),
    of_column("sip_from", " <sip_from>=b'<sip:alice"),
    of_column("sip_to", " <sip_to>=b'<sip:bob"),
    of_column("sip_status", " <sip_status>=b'200'"),
    of_column("sip_method", " <sip_method>=b'INVITE'"),
    of_column("i_uri", " <i_uri>=b'sip:bob@127"),
    of_column("o_uri", " <o_uri>=b'sip:bob@127"),
    of_column("sip_callid", " <sip_callid>=b'cid1@h'"),
    of_column("user", " <username>=b'alice'"),
    of_column("time", " <time>=b'2004-"),
    of_column("from_uri", " <from_uri>=b'sip:alice@"),
    of_column("to_uri", " <to_uri>=b'sip:bob@"),
    of_column("totag", " <totag>=b'bt'"),
    of_column("fromtag", " <fromtag>=b'ft1'"),
    of_column("domain", " <domain>=b'example.com'"),
    Effect("avpops.avp_url", OTHER_URL, LOAD, "", f"open {OTHER_URL}"),
    renamed("avpops.avp_table", LOAD, "query <prefs>:"),
    Effect(
        "avpops.avp_aliases",
        "b=i:7",
        lambda more: with_avps(f'avp_write("x", "{"$b" if more else "$a"}");')(more),
        "s:usual=s:x",
        "i:7=s:x",
    ),
    Effect("avpops.use_domain", 1, LOAD, "", " domain=b'example.com'"),
    renamed("avpops.uuid_column", LOAD_ALL, "where <uuid>=b'u-1'"),
    renamed("avpops.attribute_column", LOAD, " <attribute>=b'x'"),
    renamed("avpops.value_column", LOAD, ": <value> attribute"),
    renamed("avpops.type_column", LOAD, "attribute <type> where"),
    renamed("avpops.username_column", LOAD, "where <username>=b'alice'"),
    renamed("avpops.domain_column", LOAD_ALL, " <domain>=b'example.com'"),
    Effect("avpops.db_scheme", "t:table=other;value_col=v", scheme, "query usual: value where", "query other: v where"),
    Effect("mediaproxy.mediaproxy_socket", "/nowhere/else", mediaproxy(), "/proxydispatcher.sock", "/nowhere/else"),
    Effect("mediaproxy.natping_interval", 0, mediaproxy(NATED, pings(6)), "\n\0\0\0\0", ""),
    Effect("mediaproxy.sip_asymmetrics", "odd", mediaproxy(), "<sip:b@127.0.0.1:5080>", "<sip:b@127.0.0.1:9>"),
    Effect("mediaproxy.rtp_asymmetrics", "odd", asymmetric, "", ",asymmetric"),
    Effect("nathelper.natping_interval", 5, pinged(BIND, pings(6), more=""), "", "\n\0\0\0\0"),
    Effect("nathelper.ping_nated_only", 1, pinged(PLAIN, pings(31)), "\n\0\0\0\0", ""),
    Effect("nathelper.force_socket", "127.0.0.1:5071", pinged(BIND, pings(31)), "from 5070:\n\0", "from 5071:\n\0"),
    Effect("nathelper.received_avp", 7, pinged(BIND), "", "X-Source: sip:127.0.0.1:5080"),
    Effect("nathelper.rtpproxy_sock", "unix:/nowhere/else", no_proxy, "/var/run/rtpproxy.sock", "/nowhere/else"),
    Effect("nathelper.rtpproxy_disable", 1, no_proxy, "rtpproxy.sock", ""),
    Effect("nathelper.rtpproxy_retr", 2, silent_proxy(MEDIA), "asked U U U U U in", "asked U U in"),
    Effect("nathelper.rtpproxy_tout", 3, silent_proxy(MEDIA), "in 5", "in 15"),
    Effect(
        "nathelper.rtpproxy_disable_tout",
        0,
        silent_proxy(MEDIA, MEDIA),
        "asked U U U U U in",
        "asked U U U U U V V V V V in",
    ),
]
