"""Letters that mean something to a database, in the names that each function of each module asks it about or tells it."""

from __future__ import annotations

from pathlib import Path

from phone import Phone, hex_of, nonce_of
from script import ask, request

from runtime.routing.database import Value
from runtime.routing.module import Module
from runtime.sip.transport import Send
from runtime.storage.connection import Connection, connect
from runtime.storage.url import DBTEXT, parse_url
from storage.test_modules import Server, fill_in, gateway, rows_in, way
from storage.test_registrations import made

NAMES = (
    "alice'OR'1'='1",
    "alice';DROP/**/TABLE/**/subscriber;--",
    'alice"OR"1"="1',
    "x'UNION/**/SELECT/**/ha1/**/FROM/**/subscriber--",
    "ali%",
    "a_ice",
    "ali\\ce",
    "alice\\",
    "\\'OR/**/1=1#",
    "%(username)s",
    "$1",
    "alice%27OR%27",
)
MODULES = "auth auth_db uri_db group avpops avp_db speeddial pdt lcr acc domain permissions usrloc registrar"
WITH_A_URL = "auth_db|uri_db|group|avp_db|speeddial|pdt|lcr|acc|domain|permissions|usrloc"
REALM = "example.com"
# Each question is a method of its own: 200 is yes, 404 is no.
QUESTIONS = {
    "GROUP": 'is_user_in("From", "admin")',
    "EXISTS": "does_uri_exist()",
    "PREFERS": 'avp_load("caller") && avp_check("s:caller_color", "eq/red/g")',
    "LOADS": 'avp_db_load("$from", "s:color") && avp_check("s:color", "eq/red/g")',
    "ATTRIBUTE": 'avp_db_load("$from", "$who") && avp_check("$who", "eq/red/g")',
    "DIALS": 'sd_lookup("speed_dial") && uri=~"^sip:found@"',
    "GATEWAY": "load_gws() && next_gw()",
    "LOCAL": "is_from_local()",
    "TRUSTED": "allow_trusted()",
    "FOUND": 'lookup("location")',
}
# Where a user has one row.
OF_A_USER = ("subscriber", "grp", "uri", "usr_preferences", "speed_dial")
KNOWN = 'if (!www_authorize("example.com", "subscriber")) { www_challenge("example.com", "0"); break; };'


def route_of() -> str:
    answer = 'sl_send_reply("200", "Yes"); else sl_send_reply("404", "No"); break;'
    asked = [f'if (method=="{method}") {{ if ({question}) {answer} }};' for method, question in QUESTIONS.items()]
    return f"""route {{
        {" ".join(asked)}
        if (method=="OWNS") {{ {KNOWN} if (check_from()) {answer} }};
        if (method=="STORES") {{ avp_write("red", "s:color"); if (avp_db_store("$from", "s:color")) {answer} }};
        if (method=="DELETES") {{ if (avp_db_delete("$from", "s:color")) {answer} }};
        if (method=="REGISTER") {{ save("location"); break; }};
        if (method=="FETCHES") {{ if (m_dump()) {answer} }};
        if (method=="MESSAGE") {{ if (m_store("2")) {answer} }};
        if (method=="ACCOUNTS") {{ if (acc_db_request("%s", "acc")) {answer} }};
        sl_send_reply("404", "No");
    }}"""


class Everything(Server):
    """A server with every module that asks a database, on the one at `url`."""

    def __init__(self, url: str, mode: int) -> None:
        parameters = f'modparam("{WITH_A_URL}", "db_url", "{url}") modparam("avpops", "avp_url", "{url}")\n'
        parameters += 'modparam("avpops", "avp_table", "usr_preferences") modparam("auth", "secret", "s3cret")\n'
        parameters += (
            f'modparam("auth_db|uri_db|group|speeddial", "use_domain", 1) modparam("usrloc", "db_mode", {mode})\n'
        )
        parameters += 'modparam("uri_db", "use_uri_table", 1) modparam("auth_db", "avps_column_int", "")\n'
        parameters += 'modparam("auth_db", "avps_column_str", "") modparam("avpops", "avp_aliases", "who=s:who")\n'
        super().__init__(url, "msilo", route_of(), parameters, MODULES)
        # Who asks.
        self.name = ""
        self.sent: list[Send] = []

    def says(self, method: str, name: str = "", **headers: str) -> bool:
        """Whether the answer is yes, for somebody of this name (where none is given, `self.name`)."""
        user = name or self.name
        given = {"From": f"<sip:{user}@{REALM}>;tag=1", "To": f"<sip:{user}@{REALM}>", "Call-ID": f"{method}{user}"}
        self.sent = self.say(request(method, f"sip:{user}@{REALM}", **{**given, **headers}))
        (answer,) = [send.data for send in self.sent if send.data.startswith(b"SIP/2.0 ")]
        return answer.startswith(b"SIP/2.0 200 ")

    def deliver(self) -> None:
        """What was sent beside the last answer has arrived, and the timers have seen it."""
        for sent in [send for send in self.sent if not send.data.startswith(b"SIP/2.0 ")]:
            self.accept(sent)
        msilo = self.engine.world.modules["msilo"]
        assert isinstance(msilo, Module)
        for timer in msilo.timers():
            timer.body(self.now_ms, [])

    def owns(self, name: str, sender: str) -> bool:
        credentials = Phone(name).credentials(nonce_of("s3cret", 0x7FFFFFFF), "OWNS")
        return self.says("OWNS", sender, Authorization=credentials)


def subscriber(name: str) -> dict[str, Value]:
    ha1 = hex_of("MD5", f"{name}:{REALM}:secret").encode()
    return {"username": name.encode(), "domain": REALM.encode(), "ha1": ha1, "phplib_id": hex_of("MD5", name).encode()}


def fill_for(db: Connection, name: str) -> None:
    """All that the database can know of a user."""
    user, domain = name.encode(), REALM.encode()
    who: dict[str, Value] = {"username": user, "domain": domain}
    fill_in(db, "subscriber", subscriber(name))
    fill_in(db, "grp", who | {"grp": b"admin"})
    fill_in(db, "uri", who | {"uri_user": user})
    fill_in(db, "usr_preferences", who | {"uuid": user, "attribute": b"color", "value": b"red", "type": 0})
    fill_in(db, "speed_dial", who | {"sd_username": user, "sd_domain": domain, "new_uri": b"sip:found@h"})


def escaped(name: str) -> str:
    """The name as it stands in the URI of somebody who registers: escapes count there."""
    return name.replace("%", "%25")


def counts(db: Connection) -> dict[str, int]:
    """How many rows each table has."""
    columns = {"subscriber": "username", "grp": "grp", "uri": "uri_user", "usr_preferences": "value"}
    columns |= {"speed_dial": "new_uri", "silo": "mid", "location": "contact", "acc": "sip_method", "domains": "code"}
    return {table: len(rows_in(db, table, column)) for table, column in columns.items()}


def nobody_else_has_it(site: Everything, db: Connection) -> None:
    """The name belongs to nobody yet, and to somebody then; alice is who she was."""
    name = site.name
    whole = counts(db)
    assert [method for method in QUESTIONS if site.says(method)] == []
    assert not site.owns(name, name) and not site.owns("alice", name)
    assert counts(db) == whole
    fill_for(db, name)
    whole = {table: count + (table in OF_A_USER) for table, count in whole.items()}
    owned = ["EXISTS", "PREFERS", "LOADS", "DIALS"]
    if '"' not in name:
        owned.append("GROUP")
    else:
        # No URI has that: From cannot be read, and who asks for its group refuses the request.
        assert not site.says("GROUP") and site.sent[-1].data.startswith(b"SIP/2.0 400 ")
    assert [method for method in owned if not site.says(method)] == []
    # A quoted string has no place for these: it would end too early.
    assert site.owns(name, name) is (name[-1] != "\\" and '"' not in name)
    assert not site.owns(name, "alice") and counts(db) == whole
    # What is written is about nobody else.
    assert site.says("DELETES") and site.says("LOADS", "alice") and not site.says("LOADS")
    assert site.says("STORES") and site.says("LOADS") and counts(db) == whole
    user = escaped(name)
    assert site.says("REGISTER", user, Contact=f"<sip:{user}@127.0.0.1:5090>") and site.says("FOUND", user)
    assert site.says("REGISTER", user, Contact="*", Expires="0", CSeq="2 REGISTER") and not site.says("FOUND", user)
    assert counts(db) == whole and site.says("FOUND", "alice")


def test_a_name_is_a_name(url: str) -> None:
    """Nobody is somebody else by it, who is called so is found by it, and nothing else changes."""
    db = connect(parse_url(made(url)))
    fill_for(db, "alice")
    fill_in(db, "domain", {"domain": b"elsewhere.org"})
    fill_in(db, "gw", gateway("gw", "127.0.0.11", 1))
    fill_in(db, "lcr", way("", 1, 1) | {"from_uri": b"sip:alice@example.com"})
    fill_in(db, "trusted", {"src_ip": b"127.0.0.1", "proto": b"any", "from_pattern": b"^sip:alice@example\\.com$"})
    site = Everything(url, 1)
    site.name = "alice"
    assert site.says("REGISTER", Contact="<sip:alice@127.0.0.1:5090>")
    of_alice = [method for method in QUESTIONS if method not in ("LOCAL", "ATTRIBUTE")]
    assert [method for method in of_alice if not site.says(method)] == [] and site.owns("alice", "alice")
    for name in NAMES:
        site.name = name
        nobody_else_has_it(site, db)


def test_a_name_is_written_down_as_it_is(url: str) -> None:
    """Messages that wait, calls that are written down, contacts, domains with a code."""
    db = connect(parse_url(made(url)))
    site = Everything(url, 3)
    for name in NAMES:
        site.name = name
        user = name.encode()
        assert site.says("ACCOUNTS") and [user] in rows_in(db, "acc", "username")
        contact = f"sip:{escaped(name)}@127.0.0.1:5090"
        assert site.says("REGISTER", escaped(name), Contact=f"<{contact}>")
        assert rows_in(db, "location", "username", "contact") == [[user.lower(), contact.encode()]]
        assert ask(site, "ul_show_contact", b"location", user).startswith(b"200 OK\n<%s>" % contact.encode())
        phone = f"<sip:{name}@127.0.0.1:5090>"
        assert site.says("MESSAGE", Content_Type="text/plain", body="hello", To=phone)
        assert rows_in(db, "silo", "username") == [[user]]
        assert site.says("FETCHES", To=phone)
        site.deliver()
        assert rows_in(db, "silo", "username") == []
        ask(site, "get_domainprefix", user, b"1")
        assert [user] in rows_in(db, "domains", "domain")
        assert ask(site, "ul_rm", b"location", user).startswith(b"200 ") and rows_in(db, "location", "contact") == []
    assert len(rows_in(db, "acc", "username")) == len(rows_in(db, "domains", "domain")) == len(NAMES)


def test_a_file_of_dbtext_is_named_by_ser_cfg_alone(tmp_path: Path) -> None:
    url = made(f"dbtext://{tmp_path}/database")
    assert parse_url(url).driver == DBTEXT
    db = connect(parse_url(url))
    site = Everything(url, 1)
    site.name = "../../outside"
    assert site.says("REGISTER", Contact="<sip:a@127.0.0.1:5090>")
    assert rows_in(db, "location", "username") == [[b"../../outside"]] and not (tmp_path / "outside").exists()
