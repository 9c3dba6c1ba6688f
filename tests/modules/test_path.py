"""Path: requests to a client go the way by which it has registered. RFC 3327."""

from __future__ import annotations

import pytest
from engine import header, where
from script import Site, request

ROUTE = """
route {
    if (method=="REGISTER") { save("location"); break; };
    lookup("location");
    if (search("X-Stateless")) { forward(uri:host, uri:port); break; };
    t_relay();
}
"""


def site() -> Site:
    return Site(ROUTE, "sl tm textops usrloc registrar")


def register(server: Site, contact: str, path: str, supported: str = "path", call_id: str = "reg") -> bytes:
    headers = {"Contact": contact, "Path": path, "Supported": supported, "Call_ID": call_id}
    return server.answer(request("REGISTER", "sip:h", **headers))


def test_a_request_goes_by_the_path_of_its_contact() -> None:
    server = site()
    register(server, "<sip:bob@127.1.0.1>", "<sip:127.2.0.1:5071;lr>, <sip:127.2.0.2;lr>")
    (sent,) = [s for s in server.say(request("OPTIONS", "sip:bob@h")) if not s.data.startswith(b"SIP/2.0")]
    assert where(sent) == "udp:127.2.0.1:5071" and sent.data.startswith(b"OPTIONS sip:bob@127.1.0.1 SIP/2.0\r\n")
    assert header(sent.data, "Route") == "<sip:127.2.0.1:5071;lr>, <sip:127.2.0.2;lr>"


def test_several_path_headers_are_one_way() -> None:
    server = site()
    register(server, "<sip:bob@127.1.0.1>", "<sip:127.2.0.1;lr>\r\nPath: <sip:127.2.0.2;lr>")
    (sent,) = server.say(request("OPTIONS", "sip:bob@h", X_Stateless="y"))
    assert header(sent.data, "Route") == "<sip:127.2.0.1;lr>, <sip:127.2.0.2;lr>"


def test_each_branch_has_its_own_path() -> None:
    server = site()
    register(server, "<sip:one@127.1.0.1>;q=0.9", "<sip:127.2.0.1;lr>", call_id="a")
    register(server, "<sip:two@127.1.0.2>;q=0.5", "", call_id="b")
    register(server, "<sip:three@127.1.0.3>;q=0.1", "<sip:127.2.0.3;lr>", call_id="c")
    sent = [s for s in server.say(request("INVITE", "sip:bob@h")) if s.data.startswith(b"INVITE")]
    assert [(where(s), header(s.data, "Route")) for s in sent] == [
        ("udp:127.2.0.1:5060", "<sip:127.2.0.1;lr>"),
        ("udp:127.1.0.2:5060", None),
        ("udp:127.2.0.3:5060", "<sip:127.2.0.3;lr>"),
    ]


def test_a_cancel_goes_the_same_way() -> None:
    server = site()
    register(server, "<sip:bob@127.1.0.1>", "<sip:127.2.0.1;lr>")
    invite = [s for s in server.say(request("INVITE", "sip:bob@h")) if s.data.startswith(b"INVITE")][0]
    vias = [line for line in invite.data.decode().split("\r\n") if line.startswith("Via:")]
    ringing = "\r\n".join(["SIP/2.0 180 Ringing", *vias, "From: <sip:alice@example.com>;tag=ft1"])
    ringing += "\r\nTo: <sip:bob@example.com>;tag=x\r\nCall-ID: cid1@h\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    server.say(ringing.encode(), "127.2.0.1", 5060)
    sends = server.say(request("CANCEL", "sip:bob@h"))
    (cancel,) = [s for s in sends if s.data.startswith(b"CANCEL")]
    assert where(cancel) == "udp:127.2.0.1:5060" and header(cancel.data, "Route") == "<sip:127.2.0.1;lr>"


def test_routes_of_the_request_come_behind_the_path() -> None:
    server = site()
    register(server, "<sip:bob@127.1.0.1>", "<sip:127.2.0.1;lr>")
    (sent,) = server.say(request("OPTIONS", "sip:bob@h", Route="<sip:later;lr>", X_Stateless="y"))
    routes = [line for line in sent.data.decode().split("\r\n") if line.startswith("Route: ")]
    assert routes == ["Route: <sip:127.2.0.1;lr>", "Route: <sip:later;lr>"]


def test_a_client_that_does_not_know_path_is_reached_as_before() -> None:
    server = site()
    register(server, "<sip:bob@127.1.0.1>", "<sip:127.2.0.1;lr>", supported="gruu")
    (sent,) = server.say(request("OPTIONS", "sip:bob@h", X_Stateless="y"))
    assert where(sent) == "udp:127.1.0.1:5060" and header(sent.data, "Route") is None


def test_a_path_may_be_as_long_as_a_uri_and_no_longer() -> None:
    hop = "<sip:" + "p" * 502 + ";lr>"
    assert register(site(), "<sip:bob@127.1.0.1>", f"{hop},{hop}").startswith(b"SIP/2.0 200 ")
    for path in (f"{hop},{hop},<sip:p>", f"{hop}\r\nPath: {hop}\r\nPath: {hop}", "<sip:" + "p" * 1100 + ">"):
        assert register(site(), "<sip:bob@127.1.0.1>", path).startswith(b"SIP/2.0 400 ")


@pytest.mark.parametrize("path", ["<sip:p1;lr", "<>", "sip:", "<nonsense>", '"a <sip:p>'])
def test_a_path_that_could_be_no_route_is_refused(path: str) -> None:
    server = site()
    answer = register(server, "<sip:bob@127.1.0.1>", path)
    assert answer.startswith(b"SIP/2.0 400 ") and header(answer, "P-Registrar-Error") == "Path parse error"
