"""speeddial, pdt and avp_db at work. Reference modules-more, A.2.3 and A.2.6, and modules-main, chapter 16."""

from __future__ import annotations

import pytest
from engine import header
from script import ask, request
from tables import URL, Tables, TableSite

from runtime.routing.engine import ProgramError

pytestmark = pytest.mark.usefixtures("tables_in")


def speeddial(params: str = "") -> TableSite:
    def row(short: bytes, uri: bytes | None, domain: bytes = b"example.com") -> dict[str, int | float | bytes | None]:
        user: dict[str, int | float | bytes | None] = {"username": b"alice", "domain": b"example.com"}
        return {**user, "sd_username": short, "sd_domain": domain, "new_uri": uri}

    rows = [row(b"42", b"sip:dial@h"), row(b"43", b"noscheme@h"), row(b"44", b"sip:far@h", b"other.org")]
    route = 'if (sd_lookup("speed_dial")) append_hf("X: found\\r\\n"); forward(127.0.0.1, 5090);'
    cfg = f'modparam("speeddial", "db_url", "{URL}") {params} route {{ {route} }}'
    return TableSite(Tables(speed_dial=[*rows, row(b"45", None)]), cfg, "textops speeddial")


@pytest.mark.parametrize(
    ("uri", "sender", "params", "new"),
    [
        ("sip:42@example.com", "alice@example.com", "", "sip:dial@h"),
        ("sip:43@example.com", "alice@example.com", "", "sip:noscheme@h"),
        ("sip:44@example.com", "alice@example.com", "", "sip:far@h"),
        ("sip:44@example.com", "alice@example.com", 'modparam("speeddial", "use_domain", 1)', ""),
        ("sip:44@other.org", "alice@example.com", 'modparam("speeddial", "use_domain", 1)', "sip:far@h"),
        ("sip:42@h", "alice@SIP.example.com", 'modparam("speeddial", "domain_prefix", "sip.")', "sip:dial@h"),
        ("sip:45@example.com", "alice@example.com", "", ""),
        ("sip:46@example.com", "alice@example.com", "", ""),
        ("sip:42@example.com", "bob@example.com", "", ""),
        ("sip:42@example.com", "alice@other.org", "", ""),
        ("sip:example.com", "alice@example.com", "", ""),
    ],
)
def test_a_short_number_is_the_caller_s(uri: str, sender: str, params: str, new: str) -> None:
    sent = speeddial(params).answer(request(uri=uri, From=f"<sip:{sender}>;tag=1"))
    assert sent.split(b" ")[1].decode() == (new or uri)
    assert header(sent, "X") == ("found" if new else None)


def test_speeddial_answers_errors_and_ends_the_script() -> None:
    site = speeddial()
    assert site.answer(request(From="garbage")).startswith(b"SIP/2.0 400 Bad Request\r\n")
    site.tables.down = True
    assert site.answer(request(uri="sip:42@h")).startswith(b"SIP/2.0 500 Server Internal Error\r\n")


def test_a_column_that_holds_no_text_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tables, "query", lambda *_: [[5]])
    assert speeddial().answer(request(uri="sip:42@h")).startswith(b"SIP/2.0 500 ")


# --- pdt -------------------------------------------------------------------------------------------------------------


def pdt(params: str = 'modparam("pdt", "prefix", "00")', codes: tuple[int, ...] = (125, 13)) -> TableSite:
    route = 'if (prefix2domain()) append_hf("X: ok\\r\\n"); forward(127.0.0.1, 5090);'
    cfg = f'modparam("pdt", "db_url", "{URL}") {params} route {{ {route} }}'
    return TableSite(Tables(domains=[{"code": c, "domain": b"d%d.org" % c} for c in codes]), cfg, "textops pdt")


@pytest.mark.parametrize(
    ("uri", "new"),
    [
        ("sip:001250555@gw", "sip:555@d125.org"),
        ("sip:00130555@gw:5066;x=y?a=b", "sip:555@d13.org;x=y?a=b"),
        ("sip:0012505:pw@gw", "sip:5:pw@d125.org"),
        ("sip:001250@gw", "sip:@d125.org"),
        ("sip:123@gw", "sip:123@gw"),
        ("sip:gw", "sip:gw"),
        ("sip:0099055@gw", ""),
        ("sip:00x@gw", ""),
        ("sip:00125@gw", ""),
        ("sip:000555@gw", ""),
        ("sip:00999999999990@gw", ""),
    ],
)
def test_a_code_becomes_its_domain(uri: str, new: str) -> None:
    sent = pdt().answer(request(uri=uri))
    assert sent.split(b" ")[1].decode() == (new or uri)
    assert header(sent, "X") == ("ok" if new else None)


def test_get_domainprefix_tells_and_gives_codes() -> None:
    site = pdt(codes=(125, 13, 199))
    assert ask(site, "get_domainprefix", b"D125.org", b"0") == b"201 |Domain name= D125.orgDomain code= 1250\n"
    assert ask(site, "get_domainprefix", b"new.org", b"0") == b"203 |Domain name not registered yet\n"
    # 200 to 210 have the terminator in them.
    assert ask(site, "get_domainprefix", b"new.org", b"1") == b"202 |Domain name= new.org\tNew domain code=  2110\n"
    assert site.tables.tables["domains"][-1] == {"code": 211, "domain": b"new.org"}
    assert site.answer(request(uri="sip:0021105@gw")).startswith(b"OPTIONS sip:5@new.org ")
    assert ask(site, "get_domainprefix", b"new.org") == b"400 |get_domaincode: could not read from fifo\n"
    site.tables.down = True
    assert ask(site, "get_domainprefix", b"b.org", b"1").startswith(b"204 |")


@pytest.mark.parametrize(
    ("authorization", "code"), [(b"0", b"203"), (b"01", b"203"), (b"1", b"202"), (b"2", b"202"), (b"y", b"202")]
)
def test_who_says_anything_but_0_may_register(authorization: bytes, code: bytes) -> None:
    assert ask(pdt(), "get_domainprefix", b"new.org", authorization).startswith(code + b" |")


def test_the_code_0_leads_nowhere_and_hinders_nothing() -> None:
    site = pdt(codes=(0, 13))
    assert site.answer(request(uri="sip:000555@gw")).startswith(b"OPTIONS sip:000555@gw ")
    assert site.answer(request(uri="sip:0013055@gw")).startswith(b"OPTIONS sip:55@d13.org ")


def test_a_code_with_the_terminator_does_not_start() -> None:
    with pytest.raises(ProgramError, match="code 120 has the terminator 0"):
        pdt(codes=(120,))


# --- avp_db ----------------------------------------------------------------------------------------------------------


def avp_db(call: str, params: str = "") -> TableSite:
    rows: list[dict[str, int | float | bytes | None]] = [
        {"uuid": b"u1", "username": b"alice", "domain": b"a.org", "attribute": b"color", "value": b"red"},
        {"uuid": b"u2", "username": b"alice", "domain": b"b.org", "attribute": b"color", "value": b"blue"},
        {"uuid": b"u3", "username": b"bob", "domain": b"a.org", "attribute": b"size", "value": 7},
        {"uuid": b"u3", "username": b"bob", "domain": b"a.org", "attribute": b"nothing", "value": None},
    ]
    route = f"""avp_write("u2", "i:1"); if ({call}) append_hf("X: ok\\r\\n"); avp_pushto("$Color", "s:caller_color/g");
        avp_pushto("$Size", "s:callee_size"); avp_pushto("$Nothing", "s:callee_nothing"); forward(127.0.0.1, 5090);"""
    cfg = f'modparam("avp_db", "db_url", "{URL}") {params} route {{ {route} }}'
    return TableSite(Tables(usr_preferences=rows), cfg, "textops avpops avp_db")


@pytest.mark.parametrize(
    ("call", "params", "ok", "names"),
    [
        ('avp_load("caller")', "", True, {"Color": "blue"}),
        ('avp_load("Caller")', 'modparam("avp_db", "use_domain", 1)', True, {"Color": "red"}),
        ('avp_load("callee")', "", True, {"Size": "7"}),
        ('avp_load("caller_uuid")', "", True, {"Color": "blue"}),
        ('avp_load("callee_uuid")', "", False, {}),
        ('avp_load("callee_uuid")', 'modparam("avp_db", "callee_uuid_avp", 1)', True, {}),
    ],
)
def test_preferences_become_avps(call: str, params: str, ok: bool, names: dict[str, str]) -> None:
    sent = avp_db(call, params).answer(request(uri="sip:bob@a.org", From="<sip:alice@a.org>;tag=1"))
    assert header(sent, "X") == ("ok" if ok else None)
    found = {name: header(sent, name) for name in ("Color", "Size", "Nothing")}
    assert {name: value for name, value in found.items() if value} == names


def test_avp_load_is_false_without_its_database() -> None:
    site = avp_db('avp_load("caller")')
    site.tables.down = True
    assert header(site.answer(request()), "X") is None
    assert "ERROR: avp_load: the database is down" in site.lines()
