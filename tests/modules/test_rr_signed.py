"""Record-Routes that are signed: what this server wrote is followed, and what somebody invents is not. RFC 3261 12.2, 16.4."""

from __future__ import annotations

import re

import pytest
from engine import Names
from script import Site, request

from runtime.routing.dns_records import A
from runtime.sip.address import Address

OURS = "127.0.0.1:5070"
BOB = "sip:bob@127.0.0.1:5090"
GATEWAY = "<sip:127.0.0.1:5091;lr>"
ROUTE = """
route {
    if (loose_route()) { log(1, "followed"); forward(uri:host, uri:port); break; }
    log(1, "new");
    record_route();
    forward(uri:host, uri:port);
}
"""
CALLER = "<sip:alice@example.com>;tag=ft1"
CALLEE = "<sip:bob@example.com>;tag=tt1"


def site_of(params: str = 'modparam("rr", "secret", "one that nobody knows")', route: str = ROUTE) -> Site:
    return Site(f'modparam("rr", "signed", 1)\n{params}\n{route}', "rr")


def lines(data: bytes, name: str) -> list[str]:
    head = data.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return [value for line in head for key, _, value in [line.partition(": ")] if key == name]


def recorded(site: Site, uri: str = BOB, **headers: str) -> list[str]:
    """The Record-Routes of a request that begins a dialog."""
    return lines(site.only(request("INVITE", uri, **headers)).data, "Record-Route")


def is_followed(site: Site, route: str, method: str = "BYE", uri: str = BOB, **headers: str) -> bool:
    """Whether the Route of a request in the dialog counts."""
    before = len(site.lines(1))
    site.say(request(method, uri, **{"To": CALLEE, "Route": route, **headers}))
    (line,) = site.lines(1)[before:]
    return line == "followed"


def test_a_signature_stands_in_the_record_route_and_only_where_it_is_asked_for() -> None:
    (signed,) = recorded(site_of())
    assert re.fullmatch(rf"<sip:{OURS};ftag=ft1;sig=[0-9a-f]{{16}};way=[0-9a-f]{{24}};lr>", signed)
    assert recorded(Site(ROUTE, "rr")) == [f"<sip:{OURS};ftag=ft1;lr>"]


@pytest.mark.parametrize("method", ["INVITE", "ACK", "BYE", "PRACK", "UPDATE", "INFO", "REFER"])
def test_both_sides_of_a_call_go_on_by_the_route_that_was_recorded(method: str) -> None:
    site = site_of()
    (route,) = recorded(site)
    assert is_followed(site, route, method)
    assert is_followed(site, route, method, From=CALLEE, To=CALLER)


def test_what_the_other_side_asks_for_inside_a_call_may_be_recorded_again() -> None:
    site = site_of()
    (route,) = recorded(site, From=CALLEE, To=CALLER)
    assert is_followed(site, route) and is_followed(site, route, From=CALLEE, To=CALLER)


@pytest.mark.parametrize("to", ["<sip:bob@example.com>", "<sip:bob@example.com>;tag=invented"])
@pytest.mark.parametrize(
    "route",
    [
        f"<sip:{OURS};lr>",
        f"<sip:{OURS};lr>, {GATEWAY}",
        f"<sip:{OURS};lr>, <sip:{OURS};lr>, {GATEWAY}",
        f"<sip:{OURS};ftag=ft1;sig=;lr>, {GATEWAY}",
        f"<sip:{OURS};ftag=ft1;sig;lr>, {GATEWAY}",
        f"<sip:{OURS};r2=on;ftag=ft1;sig=0123456789abcdef;lr>, {GATEWAY}",
        GATEWAY,
    ],
)
def test_a_route_that_somebody_invents_is_not_followed(to: str, route: str) -> None:
    site = site_of()
    recorded(site)
    assert not is_followed(site, route, "INVITE", To=to)
    assert not is_followed(site, route, "INVITE", f"sip:{OURS}", To=to)


def test_the_signature_of_one_call_is_none_for_another() -> None:
    site = site_of()
    (route,) = recorded(site)
    assert not is_followed(site, route, Call_ID="another@h")
    assert not is_followed(site, route, From="<sip:alice@example.com>;tag=other")
    # Where the Call-ID ends belongs to what is signed.
    (moved,) = recorded(site, Call_ID="cid1@hf", From="<sip:alice@example.com>;tag=t1")
    assert not is_followed(site, moved, Call_ID="cid1@h", From="<sip:alice@example.com>;tag=ft1")
    assert is_followed(site, moved, Call_ID="cid1@hf", From="<sip:alice@example.com>;tag=t1")


def test_a_signature_on_another_server_s_route_says_nothing() -> None:
    site = site_of()
    (route,) = recorded(site)
    assert not is_followed(site, route.replace(OURS, "127.0.0.1:5091"))
    assert not is_followed(site, f"{GATEWAY}, {route}")


def test_our_own_routes_are_taken_away_where_they_are_not_followed() -> None:
    site = site_of()
    data = request("INVITE", BOB, Route=f"<sip:{OURS};lr>, <sip:{OURS};lr>,{GATEWAY}", To=CALLEE)
    sent = site.only(data)
    assert lines(sent.data, "Route") == [GATEWAY] and sent.destination.port == 5090


def test_a_phone_may_put_its_outbound_proxy_above_the_route_of_the_call() -> None:
    site = site_of(route=ROUTE.replace("forward(uri:host, uri:port); break", "forward(127.0.0.1, 5095); break"))
    (route,) = recorded(site)
    assert is_followed(site, f"<sip:{OURS};lr>, {route}")
    assert not is_followed(site, f"<sip:{OURS};lr>, {GATEWAY}, {route}")


def test_a_call_that_comes_by_twice_goes_back_twice() -> None:
    site = site_of()
    (first,) = recorded(site)
    again = recorded(site, Record_Route=first)
    assert again == [first, first]
    sent = site.only(request("BYE", BOB, To=CALLEE, Route=", ".join(again)))
    assert lines(sent.data, "Route") == [first] and is_followed(site, first)


def test_both_of_a_pair_are_signed() -> None:
    site = Site(
        'modparam("rr", "signed", 1) route { if (loose_route()) { log(1, "followed"); forward(uri:host, uri:port); break; } '
        "record_route(); forward_tcp(127.0.0.1, 5090); }",
        "rr",
    )
    pair = recorded(site)
    assert len(pair) == 2 and ";transport=tcp;r2=on;" in pair[0]
    for order in (pair, pair[::-1]):
        sent = site.only(request("BYE", BOB, To=CALLEE, Route=", ".join(order)))
        assert lines(sent.data, "Route") == [] and site.lines(1)[-1] == "followed"


def test_a_strict_router_before_us_puts_the_signature_into_the_request_uri() -> None:
    site = site_of()
    (route,) = recorded(site)
    (sent,) = site.say(request("BYE", route.strip("<>"), To=CALLEE, Route=f"<{BOB}>"))
    assert site.lines(1)[-1] == "followed"
    assert sent.data.startswith(f"BYE {BOB} ".encode()) and lines(sent.data, "Route") == []
    site.say(request("BYE", f"sip:{OURS}", To=CALLEE, Route=f"<{BOB}>"))
    assert site.lines(1)[-1] == "new"


def test_a_preset_address_is_signed_too() -> None:
    route = ROUTE.replace("record_route();", f'record_route_preset("{OURS}");')
    site = site_of(route=route)
    (preset,) = recorded(site)
    assert ";sig=" in preset and is_followed(site, preset)


def test_the_same_secret_is_known_to_other_servers_and_after_a_restart() -> None:
    (route,) = recorded(site_of())
    assert is_followed(site_of(), route)
    assert not is_followed(site_of('modparam("rr", "secret", "another")'), route)
    assert not is_followed(site_of(""), route)


def test_a_secret_that_is_drawn_outlives_the_program() -> None:
    site = site_of("")
    (route,) = recorded(site)
    assert not is_followed(site_of(""), route)
    program = site.program(f'loadmodule "rr.so"\nmodparam("rr", "signed", 1)\n{ROUTE}')
    site.engine.exchange(program, program.config)
    assert is_followed(site, route)


def test_other_parameters_do_not_touch_the_signature() -> None:
    site = site_of(
        'modparam("rr", "append_fromtag", 0) modparam("rr", "enable_full_lr", 1) modparam("rr", "add_username", 1)'
    )
    (route,) = recorded(site)
    assert route.startswith(f"<sip:bob@{OURS};sig=") and route.endswith(";lr=on>")
    assert is_followed(site, route)


def test_digits_in_upper_case_are_the_same() -> None:
    site = site_of()
    (route,) = recorded(site)
    head, _, rest = route.partition(";sig=")
    assert is_followed(site, f"{head};sig={rest[:16].upper()}{rest[16:]}")


def test_without_a_readable_from_nothing_is_recorded_or_followed() -> None:
    site = site_of('modparam("rr", "append_fromtag", 0)')
    assert recorded(site, From="<sip:broken") == []
    (route,) = recorded(site)
    assert not is_followed(site, route, From="<sip:broken")
    assert is_followed(site, route)


@pytest.mark.parametrize("to", ["<sip:bob@example.com>", "<sip:bob@example.com>;tag=", "<sip:bob@example.com>;tag"])
def test_the_route_of_a_call_is_none_for_another_with_its_call_id_and_tag(to: str) -> None:
    site = site_of()
    (route,) = recorded(site)
    assert not is_followed(site, f"{route}, {GATEWAY}", "INVITE", To=to)
    assert is_followed(site, f"{route}, {GATEWAY}", "INVITE")


# --- where a dialog has gone -------------------------------------------------------------------------------------------

KEEPING = ROUTE.replace(
    'log(1, "followed");',
    'if (keeps_way()) log(1, "keeps"); else log(1, "leaves"); if (!comes_by_way()) log(1, "a stranger");',
)
ELSEWHERE = "sip:bob@127.0.0.77:5090"
CALLER_AT = "127.0.0.8"


def keeping_site(params: str = "") -> tuple[Site, str]:
    """A server through which CALLER_AT has called 127.0.0.1, and the Route of that call."""
    site = site_of(params, KEEPING)
    (sent,) = site.say(request("INVITE", BOB), CALLER_AT)
    (route,) = lines(sent.data, "Record-Route")
    return site, route


def said(site: Site, route: str, uri: str, source: str, method: str = "INVITE", **headers: str) -> list[str]:
    """What the script says of a request in the dialog."""
    before = len(site.lines(1))
    site.say(request(method, uri, **{"To": CALLEE, "Route": route, **headers}), source)
    return site.lines(1)[before:]


def keeps(site: Site, route: str, uri: str, method: str = "INVITE", source: str = CALLER_AT, **headers: str) -> bool:
    line = said(site, route, uri, source, method, **headers)[0]
    assert line in ("keeps", "leaves")
    return line == "keeps"


@pytest.mark.parametrize("method", ["INVITE", "REFER", "MESSAGE", "SUBSCRIBE", "OPTIONS", "UNKNOWN", "BYE"])
def test_a_dialog_goes_on_between_those_whom_it_began_between(method: str) -> None:
    site, route = keeping_site()
    assert keeps(site, route, BOB, method)
    assert keeps(site, route, "sip:bob@127.0.0.1:9", method)
    assert keeps(site, route, "sip:bob@localhost", method)
    assert keeps(site, route, f"sip:alice@{CALLER_AT}", method, "127.0.0.1", From=CALLEE, To=CALLER)
    # Nobody answers his own requests for the other side, in whatever direction he says that they go.
    assert not keeps(site, route, f"sip:alice@{CALLER_AT}", method, From=CALLEE, To=CALLER)
    assert not keeps(site, route, BOB, method, "127.0.0.1", From=CALLEE, To=CALLER)
    assert not keeps(site, route, ELSEWHERE, method)
    assert not keeps(site, route, "sip:bob@[::1]", method)
    assert not keeps(site, route, "sip:bob@unknown.example", method)
    assert not keeps(site, route, ELSEWHERE, method, From=CALLEE, To=CALLER)


def test_who_has_moved_goes_on_and_comes_from_elsewhere() -> None:
    site, route = keeping_site()
    for uri in (BOB, f"sip:alice@{CALLER_AT}"):
        assert said(site, route, uri, "127.0.0.99") == ["keeps", "a stranger"]
    assert said(site, route, ELSEWHERE, "127.0.0.99") == ["leaves", "a stranger"]


def test_both_sides_may_be_at_one_address() -> None:
    site = site_of("", KEEPING)
    (route,) = recorded(site)
    assert keeps(site, route, BOB, source="127.0.0.1")


def test_the_next_route_counts_where_there_is_one() -> None:
    site, route = keeping_site()
    assert not keeps(site, f"{route}, <{ELSEWHERE};lr>", BOB)
    assert not keeps(site, f"{route}, <{ELSEWHERE}>", BOB)
    assert keeps(site, f"{route}, {GATEWAY}", ELSEWHERE)
    # It comes back, and is looked at again.
    assert keeps(site, f"{route}, <sip:{OURS};lr>, <{ELSEWHERE};lr>", BOB)


def test_all_servers_of_a_name_count() -> None:
    names = Names()
    for host, other in ((b"both.example", "127.0.0.77"), (b"one.example", CALLER_AT)):
        names.record(A, host).ips = [Address.parse(ip, 0).ip for ip in ("127.0.0.1", other)]
    site = Site(f'modparam("rr", "signed", 1)\n{KEEPING}', "rr", names=names)
    (sent,) = site.say(request("INVITE", BOB), CALLER_AT)
    (route,) = lines(sent.data, "Record-Route")
    assert not keeps(site, route, "sip:bob@both.example")
    assert said(site, route, "sip:bob@one.example", "127.0.0.99")[0] == "keeps"


def test_the_marks_of_one_dialog_are_none_in_another() -> None:
    site, route = keeping_site()
    (sent,) = site.say(request("INVITE", ELSEWHERE, Call_ID="another@h"), CALLER_AT)
    (other,) = lines(sent.data, "Record-Route")
    marks = other.partition(";way=")[2].partition(";")[0]
    own, own_marks = route.partition(";way=")[0], route.partition(";way=")[2].partition(";")[0]
    assert keeps(site, f"{own};way={own_marks.upper()};lr>", BOB)
    for forged in (marks, "", own_marks[:11], own_marks[1:], own_marks[:12] + marks[12:], own_marks + marks):
        assert not keeps(site, f"{own};way={forged};lr>", ELSEWHERE)
    assert not keeps(site, f"{own};lr>", BOB)


def test_each_branch_goes_its_own_way() -> None:
    site = site_of(route=KEEPING.replace("forward(uri:host, uri:port);\n}", "forward(127.0.0.3, 5090);\n}"))
    (sent,) = site.say(request("INVITE", BOB), CALLER_AT)
    (route,) = lines(sent.data, "Record-Route")
    assert keeps(site, route, "sip:bob@127.0.0.3") and not keeps(site, route, BOB)


def test_a_strict_router_before_us_keeps_the_way_too() -> None:
    site, route = keeping_site()
    for uri, result in ((BOB, "keeps"), (ELSEWHERE, "leaves")):
        site.say(request("INVITE", route.strip("<>"), To=CALLEE, Route=f"<{uri}>"), CALLER_AT)
        assert site.lines(1)[-1] == result


def test_without_signatures_nothing_is_known_of_the_way() -> None:
    site = Site(KEEPING, "rr")
    (route,) = recorded(site)
    assert said(site, route, BOB, "127.0.0.1") == ["leaves", "a stranger"]
