"""registrar at work: what a REGISTER does and how it is answered. RFC 3261 10.3, reference modules-main, chapter 6."""

from __future__ import annotations

import pytest
from engine import header, where
from script import Site, ask, request

ROUTE = """
route {
    if (method=="REGISTER") { save("location"); break; };
    if (lookup("location")) { sl_send_reply("302", "Moved"); break; };
    sl_send_reply("404", "Not Found");
}
"""
MODULES = "sl textops usrloc registrar"


def site(parameters: str = "", route: str = ROUTE, modules: str = MODULES) -> Site:
    return Site(parameters + route, modules)


def register(server: Site, contact: str = "", cseq: int = 1, **headers: str) -> bytes:
    """The answer to a REGISTER of bob, with these contacts."""
    given = {"CSeq": f"{cseq} REGISTER", "Call-ID": "reg@h", "Contact": contact} | headers
    return server.answer(request("REGISTER", "sip:example.com", **given))


def contacts(answer: bytes) -> str | None:
    assert answer.startswith(b"SIP/2.0 200 OK\r\n"), answer
    return header(answer, "Contact")


def error(answer: bytes) -> str:
    """Status line and reason, as `400 Bad Request: why`."""
    return f"{answer.split(b' ', 1)[1].split(bytes([13]))[0].decode()}: {header(answer, 'P-Registrar-Error')}"


def redirected(server: Site, uri: str = "sip:bob@example.com") -> str | None:
    """Where lookup leads to."""
    return header(server.answer(request(uri=uri)), "Contact")


def test_who_has_no_contact_gets_a_200_without_any() -> None:
    assert contacts(register(site())) is None


def test_contacts_are_kept_by_q_and_those_of_one_header_backwards() -> None:
    server = site()
    assert contacts(register(server, "<sip:a@h>;q=0.1, <sip:b@h>;q=0.9, <sip:c@h>, <sip:d@h>")) == (
        "<sip:b@h>;q=0.9;expires=3600, <sip:a@h>;q=0.1;expires=3600, <sip:d@h>;expires=3600, <sip:c@h>;expires=3600"
    )
    assert redirected(server) == "sip:b@h, sip:a@h, sip:d@h, sip:c@h"


@pytest.mark.parametrize(
    ("parameters", "contact", "expires", "left"),
    [
        ("", "<sip:a@h>", "", 3600),
        ("", "<sip:a@h>", "200", 200),
        ("", "<sip:a@h>;expires=100", "200", 100),
        ("", '<sip:a@h>;expires=""', "200", 200),
        ("", "<sip:a@h>;expires", "200", 200),
        ("", "<sip:a@h>;;x", "200", 200),
        ("", "<sip:a@h>;expires=100;expires=300", "200", 300),
        ("", "<sip:a@h> ; expires = 100 ; x", "200", 100),
        ("", '<sip:a@h>;+sip.instance="<urn:uuid:1;expires=5>"', "200", 200),
        ("", "<sip:a@h>", "200\r\nExpires: 300", 200),
        ("", "<sip:a@h>;expires=soon", "200", 3600),
        ("", "<sip:a@h>;expires=-1", "200", 3600),
        ("", '<sip:a@h>;EXPIRES="90"', "200", 90),
        ("", "<sip:a@h>", "Sat, 01 Dec 2040 16:00:00 GMT", 3600),
        ("", "<sip:a@h>", "200 ", 200),
        ("", "<sip:a@h>", "10", 60),
        ("", "<sip:a@h>;expires=1", "", 60),
        ("", "<sip:a@h>", "99999999999999999999", 2**31 - 1),
        ('modparam("registrar", "min_expires", 0)', "<sip:a@h>", "1", 1),
        ('modparam("registrar", "max_expires", 300)', "<sip:a@h>", "301", 300),
        ('modparam("registrar", "max_expires", 300)', "<sip:a@h>", "", 300),
        ('modparam("registrar", "max_expires", 30)', "<sip:a@h>", "10", 30),
        ('modparam("registrar", "default_expires", 777)', "<sip:a@h>", "", 777),
        ('modparam("registrar", "default_expires", 777)', "<sip:a@h>", "never", 777),
    ],
)
def test_how_long_a_contact_lives(parameters: str, contact: str, expires: str, left: int) -> None:
    assert contacts(register(site(parameters), contact, Expires=expires)) == f"<sip:a@h>;expires={left}"


def test_seconds_go_by() -> None:
    server = site()
    register(server, "<sip:a@h>;expires=100")
    server.now_ms += 40_000
    assert contacts(register(server, cseq=2)) == "<sip:a@h>;expires=60"
    server.now_ms += 60_000
    assert contacts(register(server, cseq=3)) is None and redirected(server) is None


def test_a_contact_with_expires_0_is_removed_and_an_unknown_one_is_not_missed() -> None:
    server = site()
    register(server, "<sip:a@h>, <sip:b@h>")
    assert contacts(register(server, "<sip:a@h>;expires=0, <sip:c@h>;expires=0", 2)) == "<sip:b@h>;expires=3600"
    assert contacts(register(server, "<sip:b@h>", 3, Expires="0")) is None
    assert contacts(register(server, "<sip:b@h>", 4, Expires="0")) is None


@pytest.mark.parametrize("star", ["*", "*;expires=0", "* ;x"])
def test_a_star_removes_all(star: str) -> None:
    server = site()
    register(server, "<sip:a@h>, <sip:b@h>")
    assert contacts(register(server, star, 2, Expires="0")) is None
    assert contacts(register(server, "", 3)) is None


@pytest.mark.parametrize("contact", [",<sip:a@h>", "<sip:a@h>;, bob, <sip:b@h>", "<sip:a@h>,,<sip:b@h>"])
def test_what_has_no_scheme_between_commas_is_no_contact(contact: str) -> None:
    expected = ["<sip:b@h>;expires=3600"] if "b@h" in contact else []
    assert contacts(register(site(), contact)) == ", ".join([*expected, "<sip:a@h>;expires=3600"])


@pytest.mark.parametrize(
    "headers", [{"Contact": "<sip:b@h>;q=2"}, {"Contact": "<sip:b@h>", "CSeq": "2147483648 REGISTER"}]
)
def test_who_is_refused_for_a_number_is_told_what_there_is(headers: dict[str, str]) -> None:
    server = site()
    register(server, "<sip:a@h>")
    assert header(register(server, cseq=2, **headers), "Contact") == "<sip:a@h>;expires=3600"


def test_the_q_of_a_contact_that_goes_does_not_count() -> None:
    server = site()
    register(server, "<sip:a@h>")
    assert contacts(register(server, "<sip:a@h>;q=7;expires=0", 2)) is None


def test_zeros_before_a_q_do_not_count() -> None:
    assert (
        contacts(register(site(), "<sip:a@h>;q=00.5, <sip:b@h>;q=01"))
        == "<sip:b@h>;q=1;expires=3600, <sip:a@h>;q=0.5;expires=3600"
    )


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"Contact": "*", "Expires": "10"}, "* used in contact and expires is not zero"),
        ({"Contact": "*"}, "* used in contact and expires is not zero"),
        ({"Contact": "*\r\nContact: <sip:b@h>", "Expires": "0"}, "* used in contact and more than 1 contact"),
        ({"Contact": "<sip:b@h>\r\nContact: *", "Expires": "0"}, "* used in contact and more than 1 contact"),
        ({"Contact": "*, <sip:b@h>", "Expires": "0"}, "* used in contact and more than 1 contact"),
        ({"Contact": "<sip:b@h>", "Expires": " \r\nX: y"}, "Expires parse error"),
        ({"Contact": "<sip:b@h"}, "Contact parse error"),
        ({"Contact": '"b <sip:b@h>'}, "Contact parse error"),
        ({"Contact": "<>"}, "Contact parse error"),
        ({"Contact": "<sip:b@h>, ,"}, "Contact parse error"),
        ({"Contact": ","}, "Contact parse error"),
        ({"Contact": "<sip:b@h>, bob"}, "Contact parse error"),
        ({"Contact": "<sip:b@h>, *", "Expires": "0"}, "Contact parse error"),
        ({"Contact": "*;x, <sip:b@h>", "Expires": "0"}, "* used in contact and more than 1 contact"),
        ({"Contact": "<sip:b@h>;q="}, "Contact parse error"),
        ({"Contact": "<sip:b@h>;expires=;q=1"}, "Contact parse error"),
        ({"Contact": "<sip:b@h>;x="}, "Contact parse error"),
        ({"Contact": "<sip:b@h x>"}, "Contact parse error"),
        ({"Contact": f"<sip:{'b' * 1100}@h>"}, "Contact parse error"),
        ({"Contact": '<sip:b@h>;received="sip:x\r\n y"'}, "Contact parse error"),
        ({"Contact": "<sip:b@h>;q=2"}, "Invalid q param in contact"),
        ({"Contact": "<sip:b@h>;q=x"}, "Invalid q param in contact"),
        ({"Contact": "<sip:b@h>;"}, "Contact parse error"),
        ({"Contact": "<sip:b@h>;q=0.1 x"}, "Contact parse error"),
        ({"Contact": "<sip:b@h> x;q=0.1"}, "Contact parse error"),
        ({"Contact": "<sip:b@h> x"}, "Contact parse error"),
        ({"Contact": '<sip:b@h>;x="y'}, "Contact parse error"),
        ({"Contact": "<sip:b@h>,"}, "Contact parse error"),
        ({"Contact": "<sip:c@h>, <sip:b@h>;q=-1"}, "Invalid q param in contact"),
        ({"CSeq": "x REGISTER"}, "Invalid CSeq number"),
        ({"CSeq": "4294967296 REGISTER"}, "Invalid CSeq number"),
        ({"CSeq": "2147483648 REGISTER"}, "Invalid CSeq number"),
        ({"CSeq": "1"}, "Message parse error"),
        ({"To": "<sip:bob@example.com"}, "Message parse error"),
        ({"To": "<bob>"}, "Error while parsing AOR"),
        ({"To": "<tel:+1>"}, "Error while parsing AOR"),
        ({"To": "<sip:b%zz@h>"}, "Error while unescaping username"),
        ({"To": "<sip:b%0@h>"}, "Error while unescaping username"),
        ({"To": "<sip:b%00@h>"}, "Error while unescaping username"),
        ({"To": "<sip:b%0Dx@h>"}, "Error while unescaping username"),
        ({"To": ""}, "To header not found"),
        ({"Call-ID": ""}, "Call-ID header not found"),
        ({"CSeq": ""}, "CSeq header not found"),
        ({"X": "y\r\nno header"}, "Message parse error"),
    ],
)
def test_what_is_refused_says_why_and_changes_nothing(headers: dict[str, str], why: str) -> None:
    server = site()
    register(server, "<sip:a@h>")
    assert error(register(server, cseq=2, **headers)) == f"400 Bad Request: {why}"
    assert contacts(register(server, cseq=3)) == "<sip:a@h>;expires=3600"


@pytest.mark.parametrize(
    ("was", "broken"),
    [
        ("CSeq: 2 REGISTER", "CSeq: 2 INVITE"),
        ("CSeq: 2 REGISTER", "CSeq: 2 REGISTER x"),
        ("Content-Length: 0", "Content-Length: 9"),
        ("branch=z9hG4bK1", "branch=z9hG4bK1, junk"),
    ],
)
def test_what_can_only_be_answered_with_400_changes_nothing(was: str, broken: str) -> None:
    server = site()
    register(server, "<sip:a@h>")
    headers = {"CSeq": "2 REGISTER", "Call-ID": "reg@h", "Contact": "<sip:b@h>"}
    data = request("REGISTER", "sip:example.com", **headers).replace(was.encode(), broken.encode())
    assert error(server.answer(data)) == "400 Bad Request: Message parse error"
    assert contacts(register(server, cseq=3)) == "<sip:a@h>;expires=3600"


def test_a_broken_from_is_nobodys_business() -> None:
    assert contacts(register(site(), "<sip:a@h>", From="<sip:alice")) == "<sip:a@h>;expires=3600"


def test_a_user_too_long_to_be_known_is_refused() -> None:
    answer = register(site(), "<sip:a@h>", To=f"<sip:{'b' * 300}@h>")
    assert error(answer) == "500 Server Internal Error: Address Of Record too long"


def test_a_refused_request_ends_the_script() -> None:
    server = site(route='route { save("location"); log(1, "went on"); }')
    assert error(register(server, "*")).startswith("400 ")
    assert "went on" not in server.lines()
    register(server, "<sip:a@h>")
    assert "went on" in server.lines()


def test_all_changes_of_a_request_or_none() -> None:
    server = site()
    register(server, "<sip:a@h>")
    assert error(register(server, "<sip:a@h>;expires=0, <sip:b@h>, <sip:c@h>;q=7", 2)).startswith("400 ")
    assert contacts(register(server, cseq=3)) == "<sip:a@h>;expires=3600"


# --- order: RFC 3261 10.3, 6 and 7 -----------------------------------------------------------------------------------------


def test_a_request_that_was_overtaken_is_refused() -> None:
    server = site()
    register(server, "<sip:a@h>;expires=100", 5)
    for late in ("<sip:a@h>;expires=300", "<sip:a@h>;expires=0", "<sip:b@h>, <sip:a@h>"):
        answer = register(server, late, 4)
        assert error(answer) == "500 Server Internal Error: Out of order request"
        assert header(answer, "Contact") == "<sip:a@h>;expires=100"
    answer = register(server, "*", 4, Expires="0")
    assert error(answer) == "500 Server Internal Error: Out of order request"
    assert contacts(register(server, cseq=1)) == "<sip:a@h>;expires=100"


def test_a_repetition_is_answered_as_before() -> None:
    server = site()
    first = register(server, "<sip:a@h>", 7)
    assert register(server, "<sip:a@h>", 7) == first


def test_another_call_id_begins_its_own_count() -> None:
    server = site()
    register(server, "<sip:a@h>;expires=100", 500)
    assert contacts(register(server, "<sip:a@h>;expires=200", 1, Call_ID="new@h")) == "<sip:a@h>;expires=200"
    assert contacts(register(server, "<sip:a@h>;expires=300", 1)) == "<sip:a@h>;expires=300"


def test_contacts_of_an_older_request_do_not_stand_in_the_way_of_others() -> None:
    server = site()
    register(server, "<sip:a@h>", 5)
    answer = contacts(register(server, "<sip:b@h>", 4))
    assert answer == "<sip:a@h>;expires=3600, <sip:b@h>;expires=3600"


# --- how many ----------------------------------------------------------------------------------------------------------------

LIMITED = 'modparam("registrar", "max_contacts", 1) modparam("registrar", "retry_after", 30)'


def test_one_contact_too_many_is_refused_and_the_others_are_told() -> None:
    server = site(LIMITED)
    register(server, "<sip:a@h>")
    answer = register(server, "<sip:b@h>", 2)
    assert error(answer) == "503 Service Unavailable: Too many registered contacts"
    assert header(answer, "Retry-After") == "30" and header(answer, "Contact") == "<sip:a@h>;expires=3600"


def test_what_goes_makes_room_for_what_comes() -> None:
    server = site(LIMITED)
    register(server, "<sip:a@h>")
    assert contacts(register(server, "<sip:b@h>, <sip:a@h>;expires=0", 2)) == "<sip:b@h>;expires=3600"
    server.now_ms += 3_600_000
    assert contacts(register(server, "<sip:c@h>", 3)) == "<sip:c@h>;expires=3600"


def test_too_many_at_once_are_refused_although_the_user_is_new() -> None:
    assert error(register(site(LIMITED), "<sip:a@h>, <sip:b@h>")).startswith("503 ")


def test_three_thousand_contacts_of_one_user_are_refused_where_no_answer_could_name_them() -> None:
    server = site()
    statuses = []
    for n in range(0, 3_000, 200):
        many = ", ".join(f"<sip:bob@10.0.{i // 256}.{i % 256}:5060>" for i in range(n, n + 200))
        answer = register(server, many, n + 1)
        statuses.append(answer[8:11])
        assert len(answer) < 65_507
    first = statuses.index(b"503")
    assert 0 < first < 10 and set(statuses[first:]) == {b"503"}
    # What was taken is there.
    kept = contacts(register(server, cseq=20_000))
    assert kept is not None and kept.count("<sip:bob@") == first * 200


@pytest.mark.slow
def test_two_megabytes_of_contacts_leave_everything_as_it_was() -> None:
    """As many as datagrams hold, one after the other: each is answered, none is taken."""
    server = site()
    register(server, "<sip:a@h>")
    sent = 0
    while sent < 2 << 20:
        many = ", ".join(f"<sip:{sent + n:x}@h>" for n in range(4000))
        answer = register(server, many, 2 + sent)
        assert error(answer) == "503 Service Unavailable: Too many registered contacts"
        sent += len(many)
    assert contacts(register(server, cseq=1 << 30)) == "<sip:a@h>;expires=3600"


def test_a_full_store_is_told_with_500_and_what_is_there_stays() -> None:
    server = site('modparam("usrloc", "max_memory", 2)')
    answers = {}
    for n in range(20_000):
        answers[n] = register(server, f"<sip:a{n}@h>", To=f"<sip:user{n}@h>", User_Agent="x" * 255)
        if not answers[n].startswith(b"SIP/2.0 200"):
            break
    assert error(answers[n]) == "500 Server Internal Error: usrloc_contact_update failed"
    assert "2 MB" in server.lines(-1)[0]
    assert redirected(server, "sip:user0@h") == "sip:a0@h" and redirected(server, f"sip:user{n}@h") is None
    # Who is there can refresh, and who goes makes room.
    assert contacts(register(server, "<sip:a0@h>;expires=90", 2, To="<sip:user0@h>", User_Agent="y" * 255))
    for i in range(n * 3 // 4):
        assert contacts(register(server, f"<sip:a{i}@h>;expires=0", 3, To=f"<sip:user{i}@h>")) is None
    assert contacts(register(server, "<sip:new@h>", To="<sip:new@h>", User_Agent="x" * 255))


# --- who ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "to", "uri", "found"),
    [
        ("", "<sip:bob@one.dom>", "sip:bob@two.dom;x=y", True),
        ("", "<sip:BOB@h>", "sip:bob@h", True),
        ("", "<sip:bob@h>", "sip:b%6fb@h", True),
        ("", "<sip:b%6Fb@h>", "sip:bob:secret@h:99", True),
        ("", "<sip:bob@h>", "sip:h", False),
        ("", "<sip:h>", "sip:other", True),
        ('modparam("registrar", "case_sensitive", 1)', "<sip:Bob@h>", "sip:bob@h", False),
        ('modparam("registrar", "case_sensitive", 1)', "<sip:Bob@h>", "sip:Bob@h", True),
        ('modparam("usrloc|registrar", "use_domain", 1)', "<sip:bob@one.dom>", "sip:bob@two.dom", False),
        ('modparam("usrloc|registrar", "use_domain", 1)', "<sip:bob@one.dom>", "sip:BOB@ONE.dom:99", True),
        ('modparam("usrloc|registrar", "use_domain", 1)', "<sip:one.dom>", "sip:one.dom", True),
        (
            'modparam("usrloc|registrar", "use_domain", 1) modparam("registrar", "case_sensitive", 1)',
            "<sip:Bob@One.dom>",
            "sip:Bob@one.DOM",
            True,
        ),
        (
            'modparam("usrloc|registrar", "use_domain", 1) modparam("registrar", "realm_prefix", "sip.")',
            "<sip:bob@sip.one.dom>",
            "sip:bob@one.dom",
            True,
        ),
        (
            'modparam("usrloc|registrar", "use_domain", 1) modparam("registrar", "realm_prefix", "sip.")',
            "<sip:bob@sip.>",
            "sip:bob@SIP.",
            True,
        ),
    ],
)
def test_by_what_a_user_is_known(parameters: str, to: str, uri: str, found: bool) -> None:
    server = site(parameters)
    register(server, "<sip:a@h>", To=to)
    assert (redirected(server, uri) == "sip:a@h") is found


def test_tables_are_apart() -> None:
    server = site(route='route { if (method=="REGISTER") { save("aliases"); break; }; lookup("location"); }')
    register(server, "<sip:a@h>")
    assert ask(server, "ul_stats") == b"200 ok\nDomain Registered Expired\n'location' 0 0\n'aliases' 1 0\n"
    dumped = ask(server, "ul_dump")
    assert dumped.index(b"name : 'location'") < dumped.index(b"name : 'aliases'")


# --- behind a NAT -----------------------------------------------------------------------------------------------------------

NAT = """
modparam("registrar", "nat_flag", 3)
route {
    if (method=="REGISTER") { setflag(3); fix_nated_register(); save("location"); break; };
    if (lookup("location") && isflagset(3)) { append_to_reply("X-Nat: yes\\r\\n"); };
    sl_send_reply("302", "Moved");
}
"""


def nat_site(route: str = NAT) -> Site:
    return Site('modparam("nathelper", "rtpproxy_disable", 1)' + route, MODULES + " nathelper")


def test_the_address_behind_a_nat_is_kept_and_shown() -> None:
    assert contacts(register(nat_site(), "<sip:a@10.0.0.1>")) == (
        '<sip:a@10.0.0.1>;expires=3600;received="sip:127.0.0.1:5080"'
    )


@pytest.mark.parametrize(
    ("parameter", "is_kept"), [("nathelper|registrar", True), ("nathelper", False), ("registrar", False)]
)
def test_both_modules_have_to_mean_the_same_avp(parameter: str, is_kept: bool) -> None:
    answer = register(nat_site(f'modparam("{parameter}", "received_avp", 77)' + NAT), "<sip:a@10.0.0.1>")
    assert ((contacts(answer) or "").endswith(';received="sip:127.0.0.1:5080"')) is is_kept


def test_a_request_goes_to_the_address_behind_the_nat() -> None:
    """Where the NAT is, and not where the contact says; with an AVP of another number, too."""
    route = NAT.replace('sl_send_reply("302", "Moved")', "forward(uri:host, uri:port)")
    server = nat_site('modparam("nathelper|registrar", "received_avp", 77)' + route)
    register(server, "<sip:a@10.0.0.1>")
    sent = server.only(request())
    assert sent.data.startswith(b"OPTIONS sip:a@10.0.0.1 ") and where(sent) == "udp:127.0.0.1:5080"


def test_a_received_parameter_may_be_as_long_as_a_uri_and_no_longer() -> None:
    place = "sip:1.2.3.4:5;x="
    fits = place + "y" * (1024 - len(place))
    assert fits in (contacts(register(nat_site(), f'<sip:a@10.0.0.1>;received="{fits}"')) or "")
    assert register(nat_site(), f'<sip:a@10.0.0.1>;received="{fits}y"').startswith(b"SIP/2.0 400 ")


def test_a_received_parameter_of_the_contact_goes_before() -> None:
    assert contacts(register(nat_site(), '<sip:a@10.0.0.1>;received="sip:1.2.3.4:5"')) == (
        '<sip:a@10.0.0.1>;expires=3600;received="sip:1.2.3.4:5"'
    )


def test_lookup_sets_the_flag_of_a_contact_behind_a_nat() -> None:
    server = nat_site()
    register(server, "<sip:a@10.0.0.1>")
    assert header(server.answer(request()), "X-Nat") == "yes"


def test_a_refresh_without_the_flag_takes_it_away() -> None:
    route = NAT.replace("setflag(3);", 'if (search("X-Nat")) setflag(3);')
    server = nat_site(route)
    register(server, "<sip:a@h>", X_Nat="y")
    assert header(server.answer(request()), "X-Nat") == "yes"
    register(server, "<sip:a@h>", 2)
    assert header(server.answer(request()), "X-Nat") is None


def test_the_name_of_the_parameter_in_replies_can_be_chosen() -> None:
    answer = register(nat_site('modparam("registrar", "received_param", "rcv")' + NAT), "<sip:a@10.0.0.1>")
    assert contacts(answer) == '<sip:a@10.0.0.1>;expires=3600;rcv="sip:127.0.0.1:5080"'


def test_a_contact_that_nathelper_has_rewritten_is_kept_as_rewritten() -> None:
    server = nat_site('route { fix_nated_contact(); save("location"); }')
    assert contacts(register(server, "<sip:a@10.0.0.1;x=y>")) == "<sip:a@127.0.0.1:5080;x=y>;expires=3600"


# --- lookup ------------------------------------------------------------------------------------------------------------------


def test_without_append_branches_the_best_contact_alone_is_called() -> None:
    server = site('modparam("registrar", "append_branches", 0)')
    register(server, "<sip:a@h>;q=0.3, <sip:b@h>;q=0.8")
    assert redirected(server) == "sip:b@h"


def test_contacts_without_a_q_have_the_default() -> None:
    server = site('modparam("registrar", "default_q", 500)')
    assert contacts(register(server, "<sip:a@h>")) == "<sip:a@h>;q=0.5;expires=3600"


@pytest.mark.parametrize(
    ("given", "shown"), [("1", "1"), ("1.000", "1"), ("0", "0"), ("0.1239", "0.123"), (".5", "0.5")]
)
def test_how_a_q_is_read_and_written(given: str, shown: str) -> None:
    assert contacts(register(site(), f"<sip:a@h>;q={given}")) == f"<sip:a@h>;q={shown};expires=3600"


def test_the_newest_comes_first_where_the_config_says_so() -> None:
    server = site('modparam("usrloc|registrar", "desc_time_order", 1)')
    register(server, "<sip:a@h>;q=0.9", 1)
    register(server, "<sip:b@h>;q=0.1", 2)
    assert redirected(server) == "sip:b@h, sip:a@h"
    register(server, "<sip:a@h>;q=0.9", 3)
    assert redirected(server) == "sip:a@h, sip:b@h"


def test_a_uri_that_is_none_is_not_found() -> None:
    server = site()
    assert redirected(server, "tel:+1") is None
    assert "bad uri" in server.lines(-1)[0]


def test_registered_is_true_for_who_has_a_valid_contact() -> None:
    route = 'route { if (method=="REGISTER") { save("location"); break; }; '
    route += 'if (registered("location")) sl_send_reply("200", "yes"); else sl_send_reply("404", "no"); }'
    server = site(route=route)
    assert server.answer(request()).startswith(b"SIP/2.0 404 ")
    register(server, "<sip:a@h>;expires=60")
    assert server.answer(request()).startswith(b"SIP/2.0 200 ")
    server.now_ms += 60_000
    assert server.answer(request()).startswith(b"SIP/2.0 404 ")


def test_save_noreply_says_nothing_and_saves() -> None:
    route = ROUTE.replace('save("location")', 'save_noreply("location"); log(1, "went on")')
    server = site(route=route)
    assert server.say(request("REGISTER", "sip:h", Contact="<sip:a@h>")) == [] and "went on" in server.lines(1)
    assert redirected(server) == "sip:a@h"
    assert server.say(request("REGISTER", "sip:h", Contact="*")) == [] and server.lines(1).count("went on") == 1


def test_save_memory_marks_its_contacts_and_the_next_save_takes_the_mark_away() -> None:
    route = 'route { if (search("X-Mem")) save_memory("location"); else save("location"); }'
    server = site(route=route)
    register(server, "<sip:a@h>", X_Mem="y")
    assert b"Flags     : 256\n" in ask(server, "ul_dump")
    register(server, "<sip:a@h>", 2)
    assert b"Flags     : 0\n" in ask(server, "ul_dump")


def test_the_client_is_told_the_path_it_came_by() -> None:
    answer = register(site(), "<sip:a@h>", Supported="gruu, Path", Path="<sip:p1;lr>\r\nPath: <sip:p2;lr>")
    assert [line for line in answer.split(b"\r\n") if line.startswith(b"Path")] == [
        b"Path: <sip:p1;lr>",
        b"Path: <sip:p2;lr>",
    ]


# --- start -------------------------------------------------------------------------------------------------------------------


def test_use_domain_of_usrloc_and_registrar_must_agree() -> None:
    with pytest.raises(Exception, match="use_domain must be the same as usrloc's"):
        site('modparam("usrloc", "use_domain", 1)')


@pytest.mark.parametrize("count", [5_000, 450_000])
def test_more_contacts_than_an_answer_could_name_are_refused_and_change_nothing(count: int) -> None:
    server = site()
    register(server, "<sip:a@h>")
    many = ", ".join(f"<sip:u@10.{n >> 16}.{n >> 8 & 255}.{n & 255}>" for n in range(count))
    answer = register(server, many)
    # With ten megabytes of them the message is too long to be read at all.
    assert answer.startswith(b"SIP/2.0 503 " if count == 5_000 else b"SIP/2.0 400 ")
    assert header(answer, "P-Registrar-Error") is not None
    assert header(server.answer(request("REGISTER", "sip:h")), "Contact") == "<sip:a@h>;expires=3600"
