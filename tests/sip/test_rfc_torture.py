"""What the valid messages of RFC 4475 and RFC 5118 say, value by value. Skips where the messages are not at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from facts import Facts, facts
from runtime.sip import methods
from runtime.sip.message import parse
from runtime.sip.uri import BadUri, parse_uri

INTMETH = "!interesting-Method0123456789_*+`.%indeed'~"
INTURI = "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
LONG_NAME = "amazinglylongcallername" * 5
LONG_CALL_ID = "longreq.one" + "really" * 20 + "longcallid"

MESSAGES = {
    "rfc4475/wsinv.dat": Facts(
        start="INVITE sip:vivekg@chair-dnrc.example.com;unknownparam",
        from_="sip:jdrosen@example.com",
        from_tag="98asjd8",
        to="sip:vivekg@chair-dnrc.example.com",
        to_tag="1918181833n",
        call_id="wsinv.ndaksdj@192.0.2.1",
        cseq="9 INVITE",
        vias=(
            "udp 192.0.2.2 390skdjuw",
            "tcp spindle.example.com z9hG4bK9ikj8",
            "udp 192.168.255.111 z9hG4bK30239",
        ),
        max_forwards=68,
        content_length=150,
        contacts=("sip:jdrosen@example.com",),
        routes=("sip:services.example.com;lr;unknownwith=value;unknown-no-value",),
    ),
    "rfc4475/intmeth.dat": Facts(
        start=f"{INTMETH} {INTURI}:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
        from_="sip:mundane@example.com",
        from_tag="_token~1'+`*%!-.",
        to=f"{INTURI}@example.com",
        to_tag=None,
        call_id="intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
        cseq=f"139122385 {INTMETH}",
        vias=("tcp host1.example.com z9hG4bK-.!%66*_+`'~",),
        max_forwards=255,
    ),
    "rfc4475/esc01.dat": Facts(
        start="INVITE sip:sips%3Auser%40example.com@example.net",
        from_="sip:I%20have%20spaces@example.net",
        from_tag="938",
        to="sip:%75se%72@example.com",
        to_tag=None,
        call_id="esc01.239409asdfakjkn23onasd0-3234",
        cseq="234234 INVITE",
        vias=("udp host5.example.net z9hG4bKkdjuw",),
        max_forwards=87,
        content_length=150,
        contacts=("sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31",),
    ),
    "rfc4475/escnull.dat": Facts(
        start="REGISTER sip:example.com",
        from_="sip:null-%00-null@example.com",
        from_tag="839923423",
        to="sip:null-%00-null@example.com",
        to_tag=None,
        call_id="escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd",
        cseq="14398234 REGISTER",
        vias=("udp host5.example.com z9hG4bKkdjuw",),
        contacts=("sip:%00@host5.example.com", "sip:%00%00@host5.example.com"),
    ),
    "rfc4475/esc02.dat": Facts(
        start="RE%47IST%45R sip:registrar.example.com",
        from_="sip:resource@example.com",
        from_tag="f232jadfj23",
        to="sip:resource@example.com",
        to_tag=None,
        call_id="esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf",
        cseq="29344 RE%47IST%45R",
        vias=("tcp host.example.com z9hG4bK209%fzsnel234",),
        # C%6Fntact is no Contact.
        contacts=("sip:alias1@host1.example.com", "sip:alias3@host3.example.com"),
    ),
    "rfc4475/lwsdisp.dat": Facts(
        start="OPTIONS sip:user@example.com",
        from_="sip:caller@example.com",
        from_tag="323",
        to="sip:user@example.com",
        to_tag=None,
        call_id="lwsdisp.1234abcd@funky.example.com",
        cseq="60 OPTIONS",
        vias=("udp funky.example.com z9hG4bKkdjuw",),
    ),
    "rfc4475/dblreq.dat": Facts(
        start="REGISTER sip:example.com",
        from_="sip:j.user@example.com",
        from_tag="43251j3j324",
        to="sip:j.user@example.com",
        to_tag=None,
        call_id="dblreq.0ha0isndaksdj99sdfafnl3lk233412",
        cseq="8 REGISTER",
        vias=("udp 192.0.2.125 z9hG4bKkdjuw23492",),
        max_forwards=8,
        contacts=("sip:j.user@host.example.com",),
    ),
    "rfc4475/semiuri.dat": Facts(
        start="OPTIONS sip:user;par=u%40example.net@example.com",
        from_="sip:caller@example.org",
        from_tag="33242",
        to="sip:j_user@example.com",
        to_tag=None,
        call_id="semiuri.0ha0isndaksdj",
        cseq="8 OPTIONS",
        vias=("udp 192.0.2.1 z9hG4bKkdjuw",),
        max_forwards=3,
    ),
    "rfc4475/mpart01.dat": Facts(
        start="MESSAGE sip:kumiko@example.org",
        from_="sip:fluffy@example.com",
        from_tag="2fb0dcc9",
        to="sip:kumiko@example.org",
        to_tag=None,
        call_id="3d9485ad0c49859b@Zmx1ZmZ5LW1hYy0xNi5sb2NhbA..",
        cseq="1 MESSAGE",
        vias=("udp 127.0.0.1:5070 z9hG4bK-d87543-4dade06d0bdb11ee-1--d87543-",),
        content_length=553,
        contacts=("sip:fluffy@127.0.0.1:5070",),
        routes=("sip:127.0.0.1:5080",),
    ),
    "rfc4475/unreason.dat": Facts(
        start="200 = 2**3 * 5**2 но сто девяносто девять - простое",
        from_="sip:user@example.com",
        from_tag="11141343",
        to="sip:user@example.edu",
        to_tag="2229",
        call_id="unreason.1234ksdfak3j2erwedfsASdf",
        cseq="35 INVITE",
        vias=("udp 192.0.2.198 z9hG4bK1324923",),
        max_forwards=-1,
        content_length=154,
        contacts=("sip:user@host198.example.com",),
    ),
    "rfc4475/noreason.dat": Facts(
        start="100 ",
        from_="sip:user@example.com",
        from_tag="39ansfi3",
        to="sip:user@example.edu",
        to_tag="902jndnke3",
        call_id="noreason.asndj203insdf99223ndf",
        cseq="35 INVITE",
        vias=("udp 192.0.2.105 z9hG4bK2398ndaoe",),
        max_forwards=-1,
        contacts=("sip:user@host105.example.com",),
    ),
    "rfc4475/badbranch.dat": Facts(
        start="OPTIONS sip:user@example.com",
        from_="sip:caller@example.org",
        from_tag="33242",
        to="sip:user@example.com",
        to_tag=None,
        call_id="badbranch.sadonfo23i420jv0as0derf3j3n",
        cseq="8 OPTIONS",
        vias=("udp 192.0.2.1 z9hG4bK",),
        max_forwards=3,
    ),
    "rfc4475/cparam01.dat": Facts(
        start="REGISTER sip:example.com",
        from_="sip:watson@example.com",
        from_tag="DkfVgjkrtMwaerKKpe",
        to="sip:watson@example.com",
        to_tag=None,
        call_id="cparam01.70710@saturn.example.com",
        cseq="2 REGISTER",
        vias=("udp saturn.example.com:5060 z9hG4bKkdjuw",),
        # A parameter of the header, not of the URI.
        contacts=("sip:+19725552222@gw1.example.net",),
    ),
    "rfc4475/cparam02.dat": Facts(
        start="REGISTER sip:example.com",
        from_="sip:watson@example.com",
        from_tag="838293",
        to="sip:watson@example.com",
        to_tag=None,
        call_id="cparam02.70710@saturn.example.com",
        cseq="3 REGISTER",
        vias=("udp saturn.example.com:5060 z9hG4bKkdjuw",),
        contacts=("sip:+19725552222@gw1.example.net;unknownparam",),
    ),
    "rfc4475/regescrt.dat": Facts(
        start="REGISTER sip:example.com",
        from_="sip:user@example.com",
        from_tag="8",
        to="sip:user@example.com",
        to_tag=None,
        call_id="regescrt.k345asrl3fdbv@192.0.2.1",
        cseq="14398234 REGISTER",
        vias=("udp host5.example.com z9hG4bKkdjuw",),
        contacts=("sip:user@example.com?Route=%3Csip:sip.example.com%3E",),
    ),
    "rfc4475/inv2543.dat": Facts(
        start="INVITE sip:UserB@example.com",
        from_="sip:+13035551111@ift.client.example.net;user=phone",
        from_tag=None,
        to="sip:+16505552222@ss1.example.net",
        to_tag=None,
        call_id="inv2543.1717@ift.client.example.com",
        cseq="56 INVITE",
        vias=("udp iftgw.example.com",),
        max_forwards=-1,
        content_length=-1,
    ),
    "rfc4475/zeromf.dat": Facts(
        start="OPTIONS sip:user@example.com",
        from_="sip:caller@example.net",
        from_tag="3ghsd41",
        to="sip:user@example.com",
        to_tag=None,
        call_id="zeromf.jfasdlfnm2o2l43r5u0asdfas",
        cseq="39234321 OPTIONS",
        vias=("udp host1.example.com z9hG4bKkdjuw2349i",),
        max_forwards=0,
    ),
    "rfc4475/unksm2.dat": Facts(
        start="REGISTER sip:example.com",
        from_="http://www.example.com",
        from_tag="3234233",
        to="isbn:2983792873",
        to_tag=None,
        call_id="unksm2.daksdj@hyphenated-host.example.com",
        cseq="234902 REGISTER",
        vias=("udp 192.0.2.21:5060 z9hG4bKkdjuw",),
        contacts=("name:John_Smith",),
    ),
    "rfc4475/bcast.dat": Facts(
        start="200 OK",
        from_="sip:user@example.com",
        from_tag="11141343",
        to="sip:user@example.edu",
        to_tag="2229",
        call_id="bcast.0384840201234ksdfak3j2erwedfsASdf",
        cseq="35 INVITE",
        vias=("udp 192.0.2.198 z9hG4bK1324923", "udp 255.255.255.255 z9hG4bK1saber23"),
        max_forwards=-1,
        content_length=154,
        contacts=("sip:user@host28.example.com",),
    ),
    "rfc5118/ipv6-good": Facts(
        start="REGISTER sip:[2001:db8::10]",
        from_="sip:user@example.com",
        from_tag="81x2",
        to="sip:user@example.com",
        to_tag=None,
        call_id="SSG9559905523997077@hlau_4100",
        cseq="98176 REGISTER",
        vias=("udp [2001:db8::9:1] z9hG4bKas3-111",),
        contacts=("sip:caller@[2001:db8::1]",),
    ),
    "rfc5118/via-received-param-with-delim": Facts(
        start="BYE sip:[2001:db8::10]",
        from_="sip:user@example.com",
        from_tag="81x2",
        to="sip:user@example.com",
        to_tag="bd76ya",
        call_id="SSG9559905523997077@hlau_4100",
        cseq="321 BYE",
        vias=("udp [2001:db8::9:1] z9hG4bKas3-111 received=[2001:db8::9:255]",),
    ),
    "rfc5118/via-received-param-no-delim": Facts(
        start="OPTIONS sip:[2001:db8::10]",
        from_="sip:user@example.com",
        from_tag="81x2",
        to="sip:user@example.com",
        to_tag=None,
        call_id="SSG95523997077@hlau_4100",
        cseq="921 OPTIONS",
        vias=("udp [2001:db8::9:1] z9hG4bKas3 received=2001:db8::9:255",),
        contacts=("sip:caller@[2001:db8::9:1]",),
    ),
    "rfc5118/mult-ip-in-header": Facts(
        start="BYE sip:user@host.example.net",
        from_="sip:user@example.com",
        from_tag="81x2",
        to="sip:user@example.net",
        to_tag="9817--94",
        call_id="997077@lau_4100",
        cseq="89187 BYE",
        vias=(
            "udp [2001:db8::9:1]:6050 z9hG4bKas3-111",
            "udp 192.0.2.1 z9hG4bKjhja8781hjuaij65144",
            "tcp [2001:db8::9:255] z9hG4bK451jj received=192.0.2.200",
        ),
    ),
    "rfc5118/ipv4-mapped-ipv6": Facts(
        start="INVITE sip:user@example.com",
        from_="sip:user@east.example.com",
        from_tag="81x2",
        to="sip:user@example.com",
        to_tag=None,
        call_id="SSG9559905523997077@hlau_4100",
        cseq="612 INVITE",
        vias=("udp [::ffff:192.0.2.10]:19823 z9hG4bKbh19", "udp [::ffff:192.0.2.2] z9hG4bKas3-111"),
        content_length=236,
        contacts=("sip:ted@[::ffff:192.0.2.2]",),
    ),
}


@pytest.fixture(scope="module")
def corpus(shared: Path) -> Path:
    return shared / "corpus" / "sip"


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_says_what_the_rfc_says_it_says(corpus: Path, name: str) -> None:
    assert facts((corpus / name).read_bytes()) == MESSAGES[name]


def test_a_very_long_request_is_whole(corpus: Path) -> None:
    found = facts((corpus / "rfc4475/longreq.dat").read_bytes())
    assert len(found.vias) == 34
    assert found.vias[0] == "tcp sip33.example.com" and found.vias[32] == "tcp sip1.example.com"
    assert found.vias[33].startswith("tcp host.example.com verylonglong") and found.vias[33].endswith(
        "received=192.0.2.5"
    )
    assert found.from_ == f"sip:{LONG_NAME}@example.net" and found.from_tag == "12" + "982" * 50 + "424"
    assert found.to.startswith("sip:user@example.com:6000;unknownparam1=very") and found.to.endswith("NameWithNoValue")
    assert found.call_id == LONG_CALL_ID and found.cseq == "3882340 INVITE"
    assert found.contacts == (f"sip:{LONG_NAME}@host5.example.net",) and found.content_length == 150


def test_vias_of_other_transports_below_ours_do_no_harm(corpus: Path) -> None:
    msg = parse((corpus / "rfc4475/transports.dat").read_bytes())
    lines = [msg.value(msg.headers[i]) for i in range(6, 11)]
    assert [line.split(b" ")[0] for line in lines] == [
        b"SIP/2.0/UDP",
        b"SIP/2.0/SCTP",
        b"SIP/2.0/TLS",
        b"SIP/2.0/UNKNOWN",
        b"SIP/2.0/TCP",
    ]
    assert msg.via1 is not None and msg.buf[msg.via1.host_start : msg.via1.host_end] == b"t1.example.com"


@pytest.mark.parametrize(
    ("name", "user", "host", "port"),
    [
        ("rfc4475/esc01.dat", b"sips%3Auser%40example.com", b"example.net", 0),
        ("rfc4475/semiuri.dat", b"user;par=u%40example.net", b"example.com", 0),
        ("rfc4475/intmeth.dat", INTURI[4:].encode(), b"example.com", 0),
        ("rfc5118/ipv6-good", b"", b"[2001:db8::10]", 0),
        ("rfc5118/port-ambiguous", b"", b"[2001:db8::10:5070]", 0),
        ("rfc5118/port-unambiguous", b"", b"[2001:db8::10]", 5070),
        ("rfc5118/ipv6-correct-abnf-2-colons", b"user", b"[2001:db8::192.0.2.1]", 0),
    ],
)
def test_the_request_uri_falls_into_its_parts(corpus: Path, name: str, user: bytes, host: bytes, port: int) -> None:
    msg = parse((corpus / name).read_bytes())
    uri = parse_uri(msg.buf, msg.uri_start, msg.uri_end)
    assert (uri.user(), uri.host(), uri.port) == (user, host, port)


@pytest.mark.parametrize(
    "name", ["rfc4475/unkscm.dat", "rfc4475/novelsc.dat", "rfc4475/ltgtruri.dat", "rfc5118/ipv6-bad"]
)
def test_a_request_uri_that_is_none_of_ours_is_no_sip_uri(corpus: Path, name: str) -> None:
    msg = parse((corpus / name).read_bytes())
    with pytest.raises(BadUri):
        parse_uri(msg.buf, msg.uri_start, msg.uri_end)


def test_an_escaped_method_is_another_method(corpus: Path) -> None:
    assert parse((corpus / "rfc4475/esc02.dat").read_bytes()).method == methods.OTHER


def test_a_binary_body_is_whole(corpus: Path) -> None:
    msg = parse((corpus / "rfc4475/mpart01.dat").read_bytes())
    assert len(msg.body()) == 553 and msg.body().startswith(b"--7a9cbec02ceef655\r\n") and b"\0" in msg.body()
