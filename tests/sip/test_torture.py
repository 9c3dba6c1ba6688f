"""Messages that are legal and hostile, or broken, through the parsers and the whole engine. After RFC 4475 and RFC 5118."""

from __future__ import annotations

import json
import re
import time
from functools import cache
from pathlib import Path

import pytest
from engine import Server
from facts import Facts, facts
from script import Site

from runtime.build import NATIVE
from runtime.modules import core
from runtime.modules.maxfwd import Maxfwd
from runtime.modules.sl import Sl
from runtime.routing.config import Config
from runtime.routing.context import Context
from runtime.routing.destination import Destination
from runtime.routing.program import Program
from runtime.routing.verdict import STOP, verdict
from runtime.sip.message import parse
from runtime.sip.scan import BadMessage

# A script that asks everything that can be asked of a message, and changes what can be changed.
EVERYTHING = r"""
alias="example.com"
route {
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); break; }
    if (msg:len >= max_len) log(3, "large");
    if (loose_route()) log(3, "routed");
    record_route();
    if (uri == myself || from_uri == myself || to_uri == myself) log(3, "ours");
    if (from_uri =~ "^sip:.*@" && !(to_uri =~ "%00")) log(3, "plain");
    if (src_ip == 10.0.0.0/8 || method =~ "^[A-Z]+$" || uri =~ "[0-9]") log(3, "seen");
    if (!has_totag()) append_branch();
    if (uri_param("transport", "tcp")) add_uri_param("x=y");
    tel2sip();
    search("^Contact:.*<");
    subst("/^Subject: (.*)$/Subject: \1!/i");
    replace_all("a=", "b=");
    subst_user("/^[0-9]+/00/");
    prefix("1"); strip(1);
    remove_hf("Supported");
    append_hf("X-Seen: yes\r\n");
    append_urihf("X-Uri: ", "\r\n");
    append_to_reply("X-Reply: yes\r\n");
    xlog("L_INFO", "%ci %cs %ct %fu %ft %is %mb %ml %rm %ru %tt %tu %ua %{Via[-1]} %{Contact[1]}\n");
    force_rport();
    if (!forward(uri:host, uri:port)) sl_reply_error();
    if (method == INVITE) sl_send_reply("302", "Moved"); else sl_send_reply("200", "OK");
}
"""
MODULES = "sl maxfwd rr textops uri xlog"


@cache
def everything() -> Site:
    return Site(EVERYTHING, MODULES)


def survives(data: bytes) -> float:
    """Seconds of CPU that parsing and handling took, the best of three; whatever the bytes are, nothing is raised."""
    best = 1e9
    for _ in range(3):
        begin = time.thread_time()
        try:
            parse(data)
        except BadMessage:
            pass
        everything().say(data)
        best = min(best, time.thread_time() - begin)
        del everything().log.records[:]
    return best


# --- legal and hostile -----------------------------------------------------------------------------------------------

WHITE_SPACE = b"""\
OPTIONS sip:carol@chicago.example;unknown;x=y SIP/2.0
t\t :
   "C. \\"\\\\" <sip:carol@chicago.example>
  ;  TAG
   =  a1
FROM\t: <sip:dave@denver.example>;x="tag=no;";
 tag
 =
 b2
max-forwards :
 0012
i:   white
cSeQ :
\t007
\tOPTIONS
VIA :
 SIP
 /
 2.0
 /
 TCP
 a.example
 :
 5080
 ;
 branch
 =
 z9hG4bKwhite
 ;rport
 , SIP/2.0/UDP
 b.example ;branch=z9hG4bKblack(with, a (comment\\) in a) comment)
Empty:
Subject:
 :;,<>"
v:SIP/2.0/TLS [2001:DB8::1]:5061;received=2001:db8::2;branch=z9hG4bKred
m :  "<sip:no@where>, " <sip:dave@a.example;lr> ; q=0.5 ,
 sip:dave@b.example;expires=10 , <tel:+1-201-555-0123>
Route:<sip:p1.example;lr>,
\t<sip:p2.example;lr>
ROUTE : "p, 3" <sip:p3.example>
L :
 4

body"""

MESSAGES = {
    "white space everywhere": (
        WHITE_SPACE,
        Facts(
            start="OPTIONS sip:carol@chicago.example;unknown;x=y",
            from_="sip:dave@denver.example",
            from_tag="b2",
            to="sip:carol@chicago.example",
            to_tag="a1",
            call_id="white",
            cseq="7 OPTIONS",
            vias=(
                "tcp a.example:5080 z9hG4bKwhite",
                "udp b.example z9hG4bKblack",
                "tls [2001:DB8::1]:5061 z9hG4bKred received=2001:db8::2",
            ),
            max_forwards=12,
            content_length=4,
            contacts=("sip:dave@a.example;lr", "sip:dave@b.example", "tel:+1-201-555-0123"),
            routes=("sip:p1.example;lr", "sip:p2.example;lr", "sip:p3.example"),
        ),
    ),
    "characters that nobody uses": (
        b"""\
~!%*_+`'.-aZ9 sip:a%00b;c?d/e:p&w=+$,;?@-h_.example:00005070;%6Cr;lr?x=%20&y SIP/2.0
v:SIP/2.0/UDP h-._1;branch=!%*_+`'~.-;\xc3\xa9=\xc3\xa8
f:~ token! %*_+`' <http://www.example/?a=<b>;tag=~!%*_+`'.
t:"\\\x01\\\xc3\xa9\xe2\x82\xac\\"" <urn:x:y>
i:a@b)(><:\\/"][?}{%Z
CSeq:4294967295 ~!%*_+`'.-aZ9
Max-Forwards:255
!%*_+`'~.-: \xf0\x9f\x93\x9e
l:0

""",
        Facts(
            start="~!%*_+`'.-aZ9 sip:a%00b;c?d/e:p&w=+$,;?@-h_.example:00005070;%6Cr;lr?x=%20&y",
            from_="http://www.example/?a=<b",
            from_tag="~!%*_+`'.",
            to="urn:x:y",
            to_tag=None,
            call_id='a@b)(><:\\/"][?}{%Z',
            cseq="4294967295 ~!%*_+`'.-aZ9",
            vias=("udp h-._1 !%*_+`'~.-",),
            max_forwards=255,
        ),
    ),
    "RFC 2543, and no end of lines but LF": (
        b"""\
INVITE sip:UserB@example.com SIP/2.0
Via: SIP/2.0/UDP iftgw.example.com (old, but good)
From: <sip:+13035551111@ift.example.net;user=phone>
To: sip:+16505552222@ss1.example.net;user=phone
Call-ID: 1717@ift.example.com
CSeq: 56 INVITE
""",
        Facts(
            start="INVITE sip:UserB@example.com",
            from_="sip:+13035551111@ift.example.net;user=phone",
            from_tag=None,
            to="sip:+16505552222@ss1.example.net",
            to_tag=None,
            call_id="1717@ift.example.com",
            cseq="56 INVITE",
            vias=("udp iftgw.example.com",),
            max_forwards=-1,
            content_length=-1,
        ),
    ),
    "a reply in other words": (
        "SIP/2.0 299 Всё  хорошо: 2.0\n"
        "Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bK1;rport=7\n"
        "Via: SIP/2.0/TCP [::ffff:192.0.2.2];received=[2001:db8::9];branch=z9hG4bK2\n"
        "CSeq: 0 ACK\nFrom: sip:a@h;tag=1\nTo: sip:b@h;x;tag=2\nCall-ID: x y\nContent-Length: 000\n\n".encode(),
        Facts(
            start="299 Всё  хорошо: 2.0",
            from_="sip:a@h",
            from_tag="1",
            to="sip:b@h",
            to_tag="2",
            call_id="x y",
            cseq="0 ACK",
            vias=(
                "udp [2001:db8::9:1]:6050 z9hG4bK1",
                "tcp [::ffff:192.0.2.2] z9hG4bK2 received=[2001:db8::9]",
            ),
            max_forwards=-1,
        ),
    ),
    "two messages in a datagram": (
        b"""\
REGISTER sip:example.com SIP/2.0
To: sip:j@example.com
From: sip:j@example.com;tag=4
Call-ID: first
Contact: *
CSeq: 8 REGISTER
Via: SIP/2.0/UDP 192.0.2.125;branch=z9hG4bK1
Max-Forwards: 70
Content-Length: 0


INVITE sip:joe@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bK2
Call-ID: second

""",
        Facts(
            start="REGISTER sip:example.com",
            from_="sip:j@example.com",
            from_tag="4",
            to="sip:j@example.com",
            to_tag=None,
            call_id="first",
            cseq="8 REGISTER",
            vias=("udp 192.0.2.125 z9hG4bK1",),
            contacts=("*",),
        ),
    ),
    "the first of every header counts": (
        b"""\
INVITE sip:user@company.example SIP/2.0
Via: SIP/2.0/UDP 192.0.2.25;branch=z9hG4bK1;branch=z9hG4bK2
Max-Forwards: 70
CSeq: 5 INVITE
Call-ID: one
CSeq: 59 INVITE
Call-ID: two
From: sip:caller@example.com;tag=1;tag=2
To: sip:user@example.com
t: sip:other@example.net;tag=3
From: sip:caller@example.net;tag=4
l: 0
Content-Length: 154
Max-Forwards: 5

""",
        Facts(
            start="INVITE sip:user@company.example",
            from_="sip:caller@example.com",
            from_tag="1",
            to="sip:user@example.com",
            to_tag=None,
            call_id="one",
            cseq="5 INVITE",
            vias=("udp 192.0.2.25 z9hG4bK1",),
        ),
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_hostile_message_says_what_it_says(name: str, line_end: bytes) -> None:
    data, expected = MESSAGES[name]
    assert facts(data.replace(b"\n", line_end)) == expected


@pytest.mark.parametrize("name", MESSAGES)
def test_a_hostile_message_goes_on_with_all_it_says(name: str) -> None:
    data = MESSAGES[name][0].replace(b"\n", b"\r\n")
    destination = Destination(b"127.0.0.1", 5090)
    program = Program(
        config=Config(),
        request=lambda ctx: verdict(core.forward(ctx, destination, core.UDP)),
        destinations=(destination,),
    )
    (sent,) = Server(program, ("udp:127.0.0.1:5070", "udp:[::1]:5070", "tcp:[::1]:5070")).say(data, "192.0.2.99")
    before, after = facts(data), facts(sent.data)
    if data.startswith(b"SIP/"):
        assert after.vias == before.vias[1:]
    else:
        assert (
            after.vias[0].startswith("udp 127.0.0.1:5070 z9hG4bK")
            and after.vias[1] == before.vias[0] + " received=192.0.2.99"
        )
        assert after.vias[2:] == before.vias[1:]
    assert Facts(**{**vars(after), "vias": before.vias}) == before


@pytest.mark.parametrize("name", MESSAGES)
def test_a_hostile_message_survives_every_function(name: str) -> None:
    assert survives(MESSAGES[name][0].replace(b"\n", b"\r\n")) < (0.005 if NATIVE else 0.5)


# --- large -----------------------------------------------------------------------------------------------------------

LARGE = {
    "a line of Vias": (b"OPTIONS sip:h SIP/2.0\r\nVia: ", b"SIP/2.0/UDP h,", b"SIP/2.0/UDP h\r\n\r\n"),
    "lines of Vias": (b"OPTIONS sip:h SIP/2.0\r\n", b"Via: SIP/2.0/UDP h\r\n", b"\r\n"),
    "parameters of Via": (b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h", b";a", b"\r\n\r\n"),
    "comments in Via": (b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h", b"()", b"\r\n\r\n"),
    "a comment that never ends": (b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h", b"(", b"\r\n\r\n"),
    "empty headers": (b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n", b"a:\n", b"\r\n"),
    "broken lines": (b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n", b":\n", b"\r\n"),
    "folded lines": (b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nTo:", b"\r\n ", b"<sip:b@h>\r\n\r\n"),
    "line ends in front": (b"", b"\r\n", b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n"),
    "a long Request-URI": (b"OPTIONS sip:", b"a;@", b" SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n"),
    "parameters of the Request-URI": (b"OPTIONS sip:h", b";lr=1", b" SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n"),
    "a long host": (b"OPTIONS sip:", b"h.", b" SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n"),
    "Routes": (
        b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nTo: <sip:b@h>;tag=1\r\nRoute: ",
        b"<sip:a>,",
        b"<sip:b>\r\n\r\n",
    ),
    "our Routes": (
        b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nTo: <sip:b@h>;tag=1\r\n",
        b"Route: <sip:127.0.0.1:5070;lr>\r\n",
        b"\r\n",
    ),
    "quotes in To": (b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nTo: ", b'"', b"<sip:b@h>\r\n\r\n"),
    "backslashes in To": (b'OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nTo: "', b"\\", b"\r\n\r\n"),
    "parameters of From": (b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:b@h>", b";tagg", b"\r\n\r\n"),
    "Contacts": (b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n", b"Contact: <sip:a@h>\r\n", b"\r\n"),
    "a number": (b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nMax-Forwards: ", b"9", b"\r\n\r\n"),
    "a long Call-ID": (b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nCall-ID: ", b"x", b"\r\n\r\n"),
    "headers to remove": (b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n", b"Supported:\r\n", b"\r\n"),
    "a body to change": (b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nl: 1\r\n\r\n", b"a=", b""),
    "zeros": (b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n", b"\0", b""),
}


def filled(before: bytes, unit: bytes, after: bytes, size: int = 65_535) -> bytes:
    return before + unit * ((size - len(before) - len(after)) // len(unit)) + after


@pytest.mark.parametrize("name", LARGE)
def test_the_largest_datagram_takes_no_longer_than_its_size_asks_for(name: str) -> None:
    small, large = (survives(filled(*LARGE[name], size)) for size in (16_384, 65_535))
    assert large < (0.1 if NATIVE else 10)
    # Four times the bytes: about four times as long, never the square of it.
    assert large < 10 * small + (0.002 if NATIVE else 0.05), (small, large)


# --- the RFCs' own messages, and others ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corpus(shared: Path) -> Path:
    return shared / "corpus" / "sip"


def test_every_message_of_the_corpus_survives_every_function_quickly(corpus: Path) -> None:
    names = [line.split("\t")[0] for line in (corpus / "INDEX.tsv").read_text().splitlines()[1:]]
    assert len(names) > 80
    took = {name: survives((corpus / name).read_bytes()) for name in names}
    slow = {name: seconds for name, seconds in took.items() if seconds > (0.005 if NATIVE else 0.5)}
    assert not slow


def observed(corpus: Path) -> dict[str, tuple[bytes, str, int, list[str]]]:
    """What SER 0.9.7 made of the messages: name -> message, SER's address, the source port, what came out."""
    found = {}
    for name, record in json.loads((corpus / "observed.json").read_text()).items():
        sent = [text for _, _, text in record["stateless"]["out"]]
        # The recording does not say from which port the client sent; where that shows it is in the text.
        ports = re.findall(r"rport=(\d+)|req_src_port=(\d+)", "".join(sent))
        port = int("".join(ports[0])) if ports else 5060
        found[name] = ((corpus / name).read_bytes(), "127.0.0.2", port, sent)
    return found


def masked(text: str) -> str:
    """Without what differs from server to server: version, process number, branches and tags, which only their server can make."""
    text = re.sub(r"(;branch=z9hG4bK[0-9a-f]+\.)[0-9a-f]{32}\.0", r"\1", text)
    text = re.sub(r";tag=[0-9a-f]{32}", ";tag=", text)
    return re.sub(r"router \(.*\)\r", "router\r", re.sub(r"pid=\d+", "pid=", text))


# Where SER 0.9.7 sends nothing and we do. The messages are good enough to be forwarded, and wsinv is a valid one.
FORWARDED_HERE = {"rfc4475/insuf.dat", "rfc4475/quotbal.dat", "rfc4475/wsinv.dat"}
# It says two lengths, and SER passes both on: whoever comes next may believe either (RFC 3261 18.3). It leaves here with the right one.
PUT_RIGHT = {"rfc4475/mcl01.dat"}
# The kernel refuses to send to a broadcast address: what leaves the engine does not leave the machine.
REFUSED_BY_THE_KERNEL = {"rfc4475/bcast.dat"}


def test_what_leaves_is_byte_for_byte_what_the_original_sent(corpus: Path) -> None:
    maxfwd, sl, destination = Maxfwd(), Sl(), Destination(b"127.0.0.9", 5099)

    def route(ctx: Context) -> int:
        if not maxfwd.mf_process_maxfwd_header(ctx, 10):
            sl.sl_send_reply(ctx, 483, b"Too Many Hops")
            return STOP
        return verdict(core.forward(ctx, destination, core.UDP))

    program = Program(config=Config(syn_branch=False), modules=(maxfwd, sl), request=route, destinations=(destination,))
    site = Server(program, ("udp:127.0.0.1:5060",))
    differing = set()
    for name, (data, source, port, sent) in observed(corpus).items():
        ours = [masked(s.data.decode("latin-1")) for s in site.say(data, source, port)]
        if ours != [masked(text) for text in sent]:
            differing.add(name)
    assert differing == FORWARDED_HERE | PUT_RIGHT | REFUSED_BY_THE_KERNEL
