"""rr at work. Reference modules-main, chapter 3 and appendix D; RFC 3261 16.4, 16.6 and 16.12."""

from __future__ import annotations

import pytest
from engine import Server, header, relay
from script import Site, request

from runtime.modules.rr import Rr
from runtime.routing.config import Config
from runtime.routing.context import L_ERR, Context
from runtime.routing.program import Program

OURS = "127.0.0.1:5070"
TO_5090 = "sip:bob@127.0.0.1:5090"


def record_routes(call: str, params: str = "", uri: str = TO_5090, **headers: str) -> list[str]:
    """The Record-Route values of the forwarded request."""
    site = Site(f"{params}\nroute {{ {call} forward(uri:host, uri:port); }}", "rr")
    return routes(site.answer(request("INVITE", uri, **headers)), "Record-Route")


def routes(data: bytes, name: str = "Route") -> list[str]:
    lines = data.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return [line.partition(": ")[2] for line in lines if line.startswith(name + ":")]


# --- record_route ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "headers", "expected"),
    [
        ("", {}, "<sip:127.0.0.1:5070;ftag=ft1;lr>"),
        ("", {"From": "<sip:alice@example.com>"}, "<sip:127.0.0.1:5070;lr>"),
        ("", {"From": "<sip:alice@example.com;tag=no>;tag=yes;x"}, "<sip:127.0.0.1:5070;ftag=yes;lr>"),
        ('modparam("rr", "append_fromtag", 0)', {}, "<sip:127.0.0.1:5070;lr>"),
        ('modparam("rr", "append_fromtag", 0)', {"From": "<sip:broken"}, "<sip:127.0.0.1:5070;lr>"),
        ('modparam("rr", "enable_full_lr", 1)', {}, "<sip:127.0.0.1:5070;ftag=ft1;lr=on>"),
        ('modparam("rr", "add_username", 1)', {}, "<sip:bob@127.0.0.1:5070;ftag=ft1;lr>"),
        ('advertised_address="sip.example.com"', {}, "<sip:sip.example.com:5070;ftag=ft1;lr>"),
        ("advertised_port=5060", {}, "<sip:127.0.0.1:5060;ftag=ft1;lr>"),
    ],
)
def test_our_address_is_recorded(params: str, headers: dict[str, str], expected: str) -> None:
    assert record_routes("record_route();", params, **headers) == [expected]


def test_it_stands_above_our_via_and_above_older_ones() -> None:
    site = Site("route { record_route(); forward(127.0.0.1, 5090); }", "rr")
    lines = site.answer(request("INVITE", Record_Route="<sip:older;lr>")).decode().split("\r\n")
    assert lines[1].startswith("Record-Route: <sip:127.0.0.1:5070;")
    assert lines[2].startswith("Via: SIP/2.0/UDP 127.0.0.1:5070;")
    assert lines.index("Record-Route: <sip:older;lr>") > 3


@pytest.mark.parametrize("sender", ["", "<sip:alice", '"Alice <sip:a@h>'])
def test_without_a_readable_from_nothing_is_recorded(sender: str) -> None:
    site = Site('route { if (!record_route()) log(1, "false"); forward(127.0.0.1, 5090); }', "rr")
    assert routes(site.answer(request("INVITE", From=sender)), "Record-Route") == []
    assert site.lines(1) == ["false"] and site.lines(L_ERR)[0].startswith("ERROR: record_route: ")


def test_a_second_record_route_is_refused() -> None:
    site = Site('route { record_route(); if (!record_route()) log(1, "false"); forward(127.0.0.1, 5090); }', "rr")
    assert len(routes(site.answer(request("INVITE")), "Record-Route")) == 1
    assert site.lines(1) == ["false"]


def test_between_two_protocols_both_sides_are_recorded() -> None:
    site = Site("route { record_route(); forward_tcp(127.0.0.1, 5090); }", "rr")
    assert routes(site.answer(request("INVITE")), "Record-Route") == [
        "<sip:127.0.0.1:5070;transport=tcp;r2=on;ftag=ft1;lr>",
        "<sip:127.0.0.1:5070;r2=on;ftag=ft1;lr>",
    ]
    single = Site('modparam("rr", "enable_double_rr", 0) route { record_route(); forward_tcp(127.0.0.1, 5090); }', "rr")
    assert routes(single.answer(request("INVITE")), "Record-Route") == ["<sip:127.0.0.1:5070;ftag=ft1;lr>"]


def test_between_two_interfaces_both_sides_are_recorded() -> None:
    rr = Rr()

    def route(ctx: Context) -> int:
        rr.record_route(ctx)
        return relay(ctx)

    program = Program(config=Config(advertised_address="a.example.com"), modules=(rr,), request=route)
    site = Server(program, ("udp:127.0.0.1:5070", "udp:[::1]:5060"))
    sent = site.only(request("INVITE", "sip:bob@[::1]:5090"))
    assert routes(sent.data, "Record-Route") == [
        "<sip:a.example.com;r2=on;ftag=ft1;lr>",
        "<sip:127.0.0.1:5070;r2=on;ftag=ft1;lr>",
    ]
    back = site.only(request("INVITE", TO_5090), "::1", to=1)
    assert routes(back.data, "Record-Route")[1] == "<sip:[::1];r2=on;ftag=ft1;lr>"


@pytest.mark.parametrize(
    ("call", "uri", "expected"),
    [
        ('record_route_preset("sip.example.com:5061");', TO_5090, "<sip:bob@sip.example.com:5061;ftag=ft1;lr>"),
        ('record_route_preset("h;transport=tcp");', "sip:127.0.0.1:5090", "<sip:h;transport=tcp;ftag=ft1;lr>"),
        ('rewriteuser("n"); record_route_preset("h");', TO_5090, "<sip:bob@h;ftag=ft1;lr>"),
        ('rewriteuser("n"); record_route_preset("h");', "sip:127.0.0.1:5090", "<sip:n@h;ftag=ft1;lr>"),
    ],
)
def test_a_preset_address_is_recorded_with_the_user(call: str, uri: str, expected: str) -> None:
    assert record_routes(call, uri=uri) == [expected]


def test_preset_may_be_called_twice() -> None:
    found = record_routes('record_route_preset("a"); record_route_preset("b");')
    assert sorted(found) == ["<sip:bob@a;ftag=ft1;lr>", "<sip:bob@b;ftag=ft1;lr>"]


# --- loose_route -----------------------------------------------------------------------------------------------------

IN_DIALOG = "<sip:bob@example.com>;tag=2"


def loose(
    uri: str = TO_5090, to: str = IN_DIALOG, params: str = "", **headers: str
) -> tuple[bool, str, str, list[str]]:
    """What loose_route() returned, where the request went, its Request-URI and its Route headers."""
    cfg = f'{params}\nroute {{ if (loose_route()) log(1, "true"); else log(1, "false"); forward(uri:host, uri:port); }}'
    site = Site(cfg, "rr")
    (sent,) = site.say(request("BYE", uri, To=to, **headers))
    host, port = sent.destination.pair()
    return site.lines(1) == ["true"], f"{host}:{port}", sent.data.split(b" ")[1].decode(), routes(sent.data)


def test_without_a_route_it_is_false() -> None:
    assert loose() == (False, "127.0.0.1:5090", TO_5090, [])


@pytest.mark.parametrize(
    ("route", "left"),
    [
        (f"<sip:{OURS};lr>", []),
        (f"<sip:{OURS};ftag=1;lr=on>", []),
        (f"<sip:x@{OURS};LR>", []),
        (f"<sip:{OURS}>", []),
        (f"<sip:{OURS};r2=on;lr>, <sip:[::1]:5070;r2=on;lr>", []),
        (f"<sip:{OURS};r2=on;lr>\r\nRoute: <sip:[::1]:5070;r2=on;lr>", []),
        (f"<sip:{OURS};r2=on;lr>", []),
    ],
)
def test_our_route_alone_is_removed_and_the_uri_decides(route: str, left: list[str]) -> None:
    assert loose(Route=route) == (True, "127.0.0.1:5090", TO_5090, left)
    # Before there is a dialog the script goes on: false, though the Route is gone.
    assert loose(to="<sip:bob@example.com>", Route=route) == (False, "127.0.0.1:5090", TO_5090, left)


@pytest.mark.parametrize(
    ("route", "next_hop", "left"),
    [
        (f"<sip:{OURS};lr>, <sip:127.0.0.1:5091;lr>", "127.0.0.1:5091", ["<sip:127.0.0.1:5091;lr>"]),
        (f"<sip:{OURS};lr>\r\nRoute: <sip:127.0.0.1:5091;lr>", "127.0.0.1:5091", ["<sip:127.0.0.1:5091;lr>"]),
        (
            f"<sip:{OURS};lr>,<sip:127.0.0.1:5091;lr>,<sip:c;lr>\r\nRoute: <sip:d>",
            "127.0.0.1:5091",
            ["<sip:127.0.0.1:5091;lr>,<sip:c;lr>", "<sip:d>"],
        ),
        ("<sip:127.0.0.1:5091;lr>, <sip:c;lr>", "127.0.0.1:5091", ["<sip:127.0.0.1:5091;lr>, <sip:c;lr>"]),
        (
            f"<sip:{OURS};r2=on;lr>,<sip:[::1]:5070;r2=on;lr>,<sip:127.0.0.1:5091;lr>",
            "127.0.0.1:5091",
            ["<sip:127.0.0.1:5091;lr>"],
        ),
        (
            f'"us, <us>" <sip:{OURS};lr> ;x=", " , "them" <sip:127.0.0.1:5091;lr>',
            "127.0.0.1:5091",
            ['"them" <sip:127.0.0.1:5091;lr>'],
        ),
    ],
)
def test_a_loose_router_is_the_next_hop_and_the_uri_stays(route: str, next_hop: str, left: list[str]) -> None:
    for to in (IN_DIALOG, "<sip:bob@example.com>"):
        assert loose(to=to, Route=route) == (True, next_hop, TO_5090, left)


def test_without_double_record_routing_r2_means_nothing() -> None:
    route = f"<sip:{OURS};r2=on;lr>, <sip:127.0.0.1:5091;r2=on;lr>"
    assert loose(params='modparam("rr", "enable_double_rr", 0)', Route=route)[1:] == (
        "127.0.0.1:5091",
        TO_5090,
        ["<sip:127.0.0.1:5091;r2=on;lr>"],
    )


@pytest.mark.parametrize(
    ("route", "left"),
    [
        (f"<sip:{OURS};lr>, <sip:127.0.0.1:5091>", []),
        ("<sip:127.0.0.1:5091>", []),
        (f"<sip:{OURS};lr>, <sip:127.0.0.1:5091>, <sip:c;lr>", ["<sip:c;lr>"]),
        (f"<sip:{OURS};lr>\r\nRoute: <sip:127.0.0.1:5091>\r\nRoute: <sip:c;lr>", ["<sip:c;lr>"]),
    ],
)
def test_a_strict_router_gets_into_the_uri_and_the_uri_to_the_end(route: str, left: list[str]) -> None:
    assert loose(Route=route) == (True, "127.0.0.1:5091", "sip:127.0.0.1:5091", left + [f"<{TO_5090}>"])


@pytest.mark.parametrize(
    ("route", "next_hop", "uri", "left"),
    [
        ("<sip:127.0.0.1:5091>", "127.0.0.1:5091", "sip:127.0.0.1:5091", []),
        ("<sip:127.0.0.1:5091;lr>", "127.0.0.1:5091", "sip:127.0.0.1:5091;lr", []),
        ("<sip:127.0.0.1:5091>, <sip:c>", "127.0.0.1:5091", "sip:127.0.0.1:5091", ["<sip:c>"]),
        ("<sip:127.0.0.1:5091;lr>, <sip:c@h>", "127.0.0.1:5091", "sip:c@h", ["<sip:127.0.0.1:5091;lr>"]),
        ("<sip:127.0.0.1:5091;lr>\r\nRoute: <sip:c@h>", "127.0.0.1:5091", "sip:c@h", ["<sip:127.0.0.1:5091;lr>"]),
        (
            f"<sip:{OURS};lr>, <sip:127.0.0.1:5091;lr>, <sip:d>, <sip:c@h>",
            "127.0.0.1:5091",
            "sip:c@h",
            ["<sip:127.0.0.1:5091;lr>, <sip:d>"],
        ),
    ],
)
def test_behind_a_strict_router_our_uri_is_undone(route: str, next_hop: str, uri: str, left: list[str]) -> None:
    assert loose(f"sip:{OURS}", Route=route) == (True, next_hop, uri, left)


def test_a_request_for_us_with_nothing_but_our_route_is_ours() -> None:
    assert loose(f"sip:{OURS}", Route=f"<sip:{OURS};lr>") == (False, OURS, f"sip:{OURS}", [])


@pytest.mark.parametrize(
    ("uri", "headers"),
    [
        (TO_5090, {"Route": "<sip:127.0.0.1"}),
        (TO_5090, {"Route": "<tel:+1>"}),
        (TO_5090, {"Route": f"<sip:{OURS};lr>, <nonsense>"}),
        (TO_5090, {"Route": "<sip:127.0.0.1;x\r\n y>"}),
        (f"sip:{OURS}", {"Route": "<sip:127.0.0.1;lr>, <sip:127.0.0.2;x\r\n y>"}),
        (TO_5090, {"Route": "<sip:a;lr>\r\nRoute: <sip:b"}),
        (TO_5090, {"Route": " "}),
        (TO_5090, {"Route": "<sip:a;lr>", "to": "<sip:bob"}),
        ("sip:", {"Route": "<sip:a;lr>"}),
    ],
)
def test_broken_routes_are_false_and_change_nothing(uri: str, headers: dict[str, str]) -> None:
    headers = dict(headers)
    to = headers.pop("to", IN_DIALOG)
    site = Site('route { if (!loose_route()) log(1, "false"); forward(127.0.0.1, 5090); }', "rr")
    data = request("BYE", uri, To=to, **headers)
    sent = site.answer(data)
    assert site.lines(1) == ["false"] and site.lines(L_ERR)[0].startswith("ERROR: loose_route: ")
    assert sent.split(b" ")[1] == uri.encode() and header(sent, "Route") == header(data, "Route")


@pytest.mark.parametrize("uri", ["tel:+1", "urn:service:sos"])
@pytest.mark.parametrize("route", ["<sip:127.0.0.1:5090;lr>", f"<sip:{OURS};lr>,<sip:127.0.0.1:5090;lr>"])
def test_a_uri_of_another_scheme_goes_where_its_route_says(uri: str, route: str) -> None:
    site = Site('route { if (!loose_route()) { log(1, "false"); }; forward(uri:host, uri:port); }', "rr")
    sent = site.answer(request("BYE", uri, To=IN_DIALOG, Route=route))
    assert site.lines(1) == [] and sent.startswith(b"BYE " + uri.encode())
    assert header(sent, "Route") == "<sip:127.0.0.1:5090;lr>"


def test_what_we_recorded_is_what_we_recognise() -> None:
    site = Site(
        "route { if (loose_route()) { forward(uri:host, uri:port); break; } record_route(); forward_tcp(127.0.0.1, 5090); }",
        "rr",
    )
    recorded = routes(site.answer(request("INVITE")), "Record-Route")
    for order in (recorded, recorded[::-1]):
        data = request("BYE", TO_5090, To=IN_DIALOG, Route=", ".join(order))
        sent = site.answer(data)
        assert routes(sent) == [] and sent.split(b" ")[1] == TO_5090.encode()


def test_record_route_strict_is_no_use_as_in_ser() -> None:
    assert not Rr().record_route_strict(Site("route { drop; }", "rr").context(request()))


@pytest.mark.parametrize("tag", ["a@b", "a<b", 'a"b"', "a?b"])
def test_a_from_tag_that_would_write_into_our_header_is_left_out(tag: str) -> None:
    assert record_routes("record_route();", From=f"<sip:alice@example.com>;tag={tag}") in (
        [f"<sip:{OURS};lr>"],
        [f"<sip:{OURS};ftag={tag.split('<')[0]};lr>"],
    )
