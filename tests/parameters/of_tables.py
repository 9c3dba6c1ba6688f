"""Parameters of modules that ask a database: what they ask it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from typing import Final

from phone import Phone, hex_of, nonce_of
from script import request

from parameters.play import OTHER, OTHER_URL, Effect, Event, Records, asked, db_url, passes, play, renamed, says, timers
from runtime.routing.database import Value

ANSWER: Final = 'sl_send_reply("200", "true"); else sl_send_reply("403", "false");'
FAR: Final = nonce_of("s3cret", 0x7FFFFFFF)
AUTH: Final = 'modparam("auth", "secret", "s3cret")\n' + db_url("auth_db")
ALICE: Final[dict[str, Value]] = {
    "username": b"alice",
    "domain": b"example.com",
    "password": b"secret",
    "ha1": hex_of("MD5", "alice:example.com:secret").encode(),
    "ha1b": hex_of("MD5", "alice@example.com:example.com:secret").encode(),
    "domn": 5,
    "uuid": b"u-1",
    "rpid": b"+49123",
    "flag": b"o",
}

Seen = Callable[[str], str]

SHA256: Final = """modparam("auth", "algorithms", "SHA-256")
    modparam("auth_db", "sha256_column", "s1") modparam("auth_db", "sha256_column_2", "s2")
"""
URI_DOMAIN: Final = 'modparam("uri_db", "use_domain", 1)\n'
SD_DOMAIN: Final = 'modparam("speeddial", "use_domain", 1)\n'


def authorized(username: str = "alice", algorithm: str = "", more: str = "") -> Seen:
    """A request with credentials; `more`: modparams that the parameter needs."""

    def seen(params: str) -> str:
        route = 'if (www_authorize("example.com", "subscriber")) avp_print(); else drop;'
        qop = "auth" if algorithm else ""
        credentials = Phone(username).credentials(FAR, "OPTIONS", "sip:example.com", algorithm=algorithm, qop=qop)
        cfg = f"{AUTH}{more}{params} route {{ {route} }}"
        return play(cfg, "auth auth_db avpops", says(request(Authorization=credentials)), subscriber=[ALICE])

    return seen


def preferences(party: str, uuid: str = "1") -> Seen:
    def seen(params: str) -> str:
        cfg = f'{db_url("avp_db")}{params} route {{ avp_write("u-1", "i:{uuid}"); avp_load("{party}"); }}'
        return play(cfg, "avpops avp_db", says(request()))

    return seen


def preferences_by_domain(params: str) -> str:
    return preferences("caller")('modparam("avp_db", "use_domain", 1)\n' + params)


def domain(params: str) -> str:
    cfg = db_url("domain") + params + f"route {{ if (is_from_local()) {ANSWER} }}"
    return play(cfg, "domain", says(request()), domain=[{"domain": b"EXAMPLE.com"}])


def group(params: str) -> str:
    cfg = db_url("group") + params + f'route {{ if (is_user_in("From", "admin")) {ANSWER} }}'
    return play(cfg, "group", says(request()), version=2)


def uri_db(function: str, more: str = "") -> Seen:
    def seen(params: str) -> str:
        route = f'www_authorize("example.com", "subscriber"); if ({function}()) {ANSWER}'
        cfg = f'{AUTH}{db_url("uri_db")}{more}{params} route {{ {route} }}'
        data = request(Authorization=Phone().credentials(FAR, "OPTIONS", "sip:example.com"))
        return play(cfg, "auth auth_db uri_db", says(data), version=3, subscriber=[ALICE])

    return seen


USES_TABLE: Final = 'modparam("uri_db", "use_uri_table", 1)\n'


def speeddial(params: str) -> str:
    cfg = db_url("speeddial") + params + 'route { sd_lookup("speed_dial"); }'
    return play(cfg, "speeddial", says(request(From="<sip:alice@sip.example.com>;tag=1", uri="sip:12@SIP.example.com")))


def pdt(user: str, *events: Event) -> Seen:
    def seen(params: str) -> str:
        cfg = db_url("pdt") + params + 'route { if (prefix2domain()) sl_send_reply("302", "Moved"); }'
        rows: Records = [{"code": 125, "domain": b"iptel.org"}]
        return play(cfg, "pdt", says(request(uri=f"sip:{user}@gw")), *events, domains=rows, other=rows)

    return seen


NEW_DOMAIN: Final = asked("get_domainprefix", b"new.org", b"1")


def permissions(mode: int = 0) -> Seen:
    def seen(params: str) -> str:
        cfg = f'{db_url("permissions")}modparam("permissions", "db_mode", {mode})\n{params}'
        cfg += f"route {{ if (allow_trusted()) {ANSWER} }}"
        row: dict[str, Value] = {"src_ip": b"127.0.0.1", "proto": b"any", "from_pattern": b"alice"}
        return play(cfg, "permissions", says(request()), trusted=[row])

    return seen


def silo(method: str) -> Seen:
    """A message is kept, or the kept ones are delivered; then the timer."""

    def seen(params: str) -> str:
        route = 'if (method == "REGISTER") m_dump(); else m_store("2");'
        rows: Records = [] if method == "MESSAGE" else [_kept()]
        data = request(
            method,
            body="hello",
            Content_Type="text/plain",
            To="<sip:bob@127.0.0.1:5090>",
            Contact="<sip:a@127.0.0.1:5099>",
        )
        cfg = f'{db_url("msilo")}modparam("msilo", "registrar", "sip:reg@127.0.0.1")\n{params} route {{ {route} }}'
        return play(cfg, "tm msilo", says(data), timers, timers, timers, timers, timers, version=3, silo=rows)

    return seen


def _kept() -> dict[str, Value]:
    texts = {"src_addr": b"sip:a@h", "dst_addr": b"sip:bob@127.0.0.1:5090", "username": b"bob", "domain": b"127.0.0.1"}
    return {**texts, "mid": 1, "body": b"hello", "ctype": b"text/plain", "inc_time": 5, "exp_time": 2_000_000_000}


def full_silo(params: str) -> str:
    """A message for a user who has one."""
    data = request(
        "MESSAGE", "sip:bob@127.0.0.1", body="hello", Content_Type="text/plain", To="<sip:bob@127.0.0.1:5090>"
    )
    return play(db_url("msilo") + params + 'route { m_store("0"); }', "tm msilo", says(data), version=3, silo=[_kept()])


def silent_silo(params: str) -> str:
    """Without a registrar nobody is told."""
    data = request("MESSAGE", body="hello", Content_Type="text/plain", Contact="<sip:a@127.0.0.1:5099>")
    return play(db_url("msilo") + params + 'route { m_store("2"); }', "tm msilo", says(data))


def gateways(params: str, route: str = "if (load_gws()) { avp_print(); next_gw(); t_relay(); }") -> str:
    number = int.from_bytes(socket.inet_aton("127.0.0.11"), sys.byteorder)
    gw: dict[str, Value] = {
        OTHER: None,
        "gw_name": b"gw",
        "ip_addr": number,
        "port": 5090,
        "uri_scheme": 1,
        "transport": 1,
    }
    way: dict[str, Value] = {OTHER: None, "prefix": b"", "from_uri": b"%alice%", "grp_id": 1, "priority": 1}
    cfg = db_url("lcr") + params + f"route {{ {route} }}"
    data = request("INVITE", "sip:+49123@example.com")
    return play(cfg, "tm avpops lcr", says(data), version=3, gw=[{**gw, "grp_id": 1, "prefix": b""}], lcr=[way])


def caller(params: str) -> str:
    """The route is for alice: who is she?"""
    route = 'avp_write("sip:nobody@h", "s:other"); if (load_gws()) { avp_print(); }'
    return gateways(params, route)


def by_q(params: str) -> str:
    route = """append_branch("sip:b@127.0.0.1:5090", "0.5"); append_branch("sip:c@127.0.0.1:5090", "0.1");
        load_contacts(); next_contacts(); avp_print();"""
    return gateways(params, route)


def last_of_q(params: str) -> str:
    """The last destinations, tried in the failure route."""
    cfg = f"""{db_url("lcr")}modparam("tm", "fr_timer", 1)\n{params}
        route {{ append_branch("sip:b@127.0.0.1:5090", "0.5"); load_contacts(); next_contacts(); t_on_failure("1"); t_relay(); }}
        failure_route[1] {{ next_contacts(); avp_print(); t_relay(); }}"""
    return play(cfg, "tm avpops lcr", says(request("INVITE", "sip:a@127.0.0.1:5091")), passes(3), gw=[], lcr=[])


EFFECTS: Final = [
    Effect("auth_db.db_url", OTHER_URL, authorized(), "", f"open {OTHER_URL}"),
    renamed("auth_db.user_column", authorized(), "where <username>=b'alice'"),
    renamed(
        "auth_db.domain_column", authorized(more='modparam("auth_db", "use_domain", 1)\n'), "<domain>=b'example.com'"
    ),
    renamed("auth_db.password_column", authorized(), "subscriber: <ha1> "),
    renamed("auth_db.password_column_2", authorized("alice@example.com"), "subscriber: <ha1b> "),
    Effect("auth_db.avps_column_int", "", authorized(), "s:domn=i:5", ""),
    Effect("auth_db.avps_column_str", "flag", authorized(), "s:uuid=s:u-1", "s:flag=s:o"),
    Effect(
        "auth_db.calculate_ha1",
        1,
        authorized(more='modparam("auth_db", "password_column", "password")\n'),
        "",
        "s:uuid",
    ),
    Effect("auth_db.use_domain", 1, authorized(), "", "domain=b'example.com'"),
    renamed("auth_db.sha256_column", authorized(algorithm="SHA-256", more=SHA256), "subscriber: <s1> "),
    renamed("auth_db.sha256_column_2", authorized("alice@example.com", "SHA-256", SHA256), "subscriber: <s2> "),
    Effect("avp_db.db_url", OTHER_URL, preferences("caller"), "", f"open {OTHER_URL}"),
    renamed("avp_db.pref_table", preferences("caller"), "query <usr_preferences>: "),
    renamed("avp_db.uuid_column", preferences("caller_uuid"), "where <uuid>=b'u-1'"),
    renamed("avp_db.username_column", preferences("caller"), "where <username>=b'alice'"),
    renamed("avp_db.domain_column", preferences_by_domain, "<domain>=b'example.com'"),
    renamed("avp_db.attr_column", preferences("caller"), ": <attribute> value where"),
    renamed("avp_db.val_column", preferences("caller"), ": attribute <value> where"),
    Effect("avp_db.caller_uuid_avp", 7, preferences("caller_uuid", "7"), "", "where uuid=b'u-1'"),
    Effect("avp_db.callee_uuid_avp", 7, preferences("callee_uuid", "7"), "", "where uuid=b'u-1'"),
    Effect("avp_db.use_domain", 1, preferences("callee"), "", "domain=b'example.com'"),
    Effect("domain.db_url", OTHER_URL, domain, "", f"open {OTHER_URL}"),
    Effect("domain.db_mode", 1, domain, "403 false", "200 true"),
    renamed("domain.domain_table", domain, "query <domain>: domain where domain="),
    renamed("domain.domain_col", domain, "query domain: <domain> where"),
    Effect("group.db_url", OTHER_URL, group, "", f"open {OTHER_URL}"),
    renamed("group.table", group, "query <grp>: grp where username="),
    renamed("group.user_column", group, "where <username>=b'alice'"),
    renamed(
        "group.domain_column",
        lambda more: group('modparam("group", "use_domain", 1)\n' + more),
        " <domain>=b'example.com'",
    ),
    renamed("group.group_column", group, " <grp>=b'admin'"),
    Effect("group.use_domain", 1, group, "", " domain=b'example.com'"),
    Effect("uri_db.db_url", OTHER_URL, uri_db("does_uri_exist"), "", f"open {OTHER_URL}"),
    renamed("uri_db.uri_table", uri_db("does_uri_exist", USES_TABLE), "query <uri>: uri_user where uri_user="),
    renamed("uri_db.uri_user_column", uri_db("check_from", USES_TABLE), "where <username>=b'alice' domain="),
    renamed("uri_db.uri_domain_column", uri_db("check_from", USES_TABLE), " <domain>=b'example.com' uri_user="),
    renamed("uri_db.uri_uriuser_column", uri_db("check_from", USES_TABLE), " <uri_user>=b'alice'"),
    renamed("uri_db.subscriber_table", uri_db("does_uri_exist"), "query <subscriber>: username where username=b'bob'"),
    renamed("uri_db.subscriber_user_column", uri_db("does_uri_exist"), "where <username>=b'bob'"),
    renamed("uri_db.subscriber_domain_column", uri_db("does_uri_exist", URI_DOMAIN), " <domain>=b'example.com'"),
    Effect(
        "uri_db.use_uri_table",
        1,
        uri_db("does_uri_exist"),
        "query subscriber: username where username=b'bob'",
        "query uri: uri_user where",
    ),
    Effect("uri_db.use_domain", 1, uri_db("does_uri_exist"), "", "username=b'bob' domain=b'example.com'"),
    Effect("speeddial.db_url", OTHER_URL, speeddial, "", f"open {OTHER_URL}"),
    renamed("speeddial.user_column", speeddial, "where <username>=b'alice'"),
    renamed("speeddial.domain_column", speeddial, " <domain>=b'sip.example.com'"),
    renamed("speeddial.sd_user_column", speeddial, " <sd_username>=b'12'"),
    renamed("speeddial.sd_domain_column", lambda more: speeddial(SD_DOMAIN + more), " <sd_domain>=b'SIP.example.com'"),
    renamed("speeddial.new_uri_column", speeddial, ": <new_uri> where"),
    Effect("speeddial.use_domain", 1, speeddial, "", " sd_domain=b'SIP.example.com'"),
    Effect("speeddial.domain_prefix", "sIp.", speeddial, " domain=b'sip.example.com'", " domain=b'example.com'"),
    Effect(
        "speeddial.domain_prefix",
        "sip.",
        lambda more: speeddial(SD_DOMAIN + more),
        "b'SIP.ex",
        "sd_domain=b'example.com'",
    ),
    Effect("pdt.db_url", OTHER_URL, pdt("1250555"), "", f"open {OTHER_URL}"),
    renamed("pdt.db_table", pdt("1250555"), "query <domains>: code domain"),
    Effect("pdt.prefix", "00", pdt("001250555"), "", "Contact: sip:555@iptel.org"),
    Effect("pdt.terminator", 9, pdt("1259555"), "", "Contact: sip:555@iptel.org"),
    Effect("pdt.start_range", 1000, pdt("1", NEW_DOMAIN), "New domain code=  1260", "New domain code=  11110"),
    Effect("permissions.db_url", OTHER_URL, permissions(), "", f"open {OTHER_URL}"),
    Effect("permissions.db_mode", 1, permissions(), "where src_ip=b'127.0.0.1'", "from_pattern where \n"),
    renamed("permissions.trusted_table", permissions(), "query <trusted>:"),
    renamed("permissions.source_col", permissions(), "where <src_ip>="),
    renamed("permissions.proto_col", permissions(), " <proto> from_pattern"),
    renamed("permissions.from_col", permissions(), "proto <from_pattern>"),
    Effect("msilo.db_url", OTHER_URL, silo("MESSAGE"), "", f"open {OTHER_URL}"),
    renamed("msilo.db_table", silo("MESSAGE"), "insert <silo>:"),
    Effect("msilo.registrar", "sip:reg@127.0.0.1", silent_silo, "", "From: sip:reg@127.0.0.1"),
    Effect("msilo.expire_time", 100, silo("MESSAGE"), "exp_time=1100259200", "exp_time=1100000100"),
    Effect("msilo.check_time", 7, silo("MESSAGE"), ": every 30000 ms", ": every 7000 ms"),
    Effect("msilo.clean_period", 9, silo("MESSAGE"), "delete silo:", ""),
    Effect("msilo.max_messages", 1, full_silo, "insert silo:", "are kept for its user"),
    Effect("msilo.use_contact", 0, silo("MESSAGE"), "MESSAGE sip:a@127.0.0.1:5099", "MESSAGE to sip:alice@"),
    renamed("msilo.sc_mid", silo("REGISTER"), ": <mid> src_addr"),
    renamed("msilo.sc_from", silo("MESSAGE"), " <src_addr>=b'sip:alice@"),
    renamed("msilo.sc_to", silo("MESSAGE"), " <dst_addr>=b'sip:bob@"),
    renamed("msilo.sc_uri_user", silo("MESSAGE"), " <username>=b'bob'"),
    renamed("msilo.sc_uri_host", silo("MESSAGE"), " <domain>=b'127.0.0.1'"),
    renamed("msilo.sc_body", silo("MESSAGE"), " <body>=b'hello'"),
    renamed("msilo.sc_ctype", silo("MESSAGE"), " <ctype>=b'text/plain'"),
    renamed("msilo.sc_exp_time", silo("MESSAGE"), " <exp_time>=1100259200"),
    renamed("msilo.sc_inc_time", silo("MESSAGE"), " <inc_time>=1100000000"),
    Effect("lcr.db_url", OTHER_URL, gateways, "", f"open {OTHER_URL}"),
    renamed("lcr.gw_table", gateways, "query <gw>:"),
    renamed("lcr.gw_name_column", gateways, "by <gw_name>"),
    renamed("lcr.ip_addr_column", gateways, "gw: <ip_addr> "),
    renamed("lcr.port_column", gateways, " <port> uri_scheme"),
    renamed("lcr.uri_scheme_column", gateways, " <uri_scheme> transport"),
    renamed("lcr.transport_column", gateways, " <transport> grp_id"),
    renamed("lcr.grp_id_column", gateways, " <grp_id> prefix"),
    renamed("lcr.lcr_table", gateways, "query <lcr>:"),
    renamed("lcr.prefix_column", gateways, " lcr: <prefix> "),
    renamed("lcr.from_uri_column", gateways, " <from_uri> "),
    renamed("lcr.priority_column", gateways, " <priority> where"),
    Effect("lcr.gw_uri_avp", "gws", gateways, "i:1400=s:sip:+49123@", "s:gws=s:sip:+49123@"),
    Effect("lcr.contact_avp", "rest", by_q, "i:1401=s:sip:c@", "s:rest=s:sip:c@"),
    Effect("lcr.fr_inv_timer_avp", "i:9", by_q, "s:fr_inv_timer_avp=i:30", "i:9=i:30"),
    Effect("lcr.fr_inv_timer", 99, last_of_q, "s:fr_inv_timer_avp=i:90", "s:fr_inv_timer_avp=i:99"),
    Effect("lcr.fr_inv_timer_next", 33, by_q, "s:fr_inv_timer_avp=i:30", "s:fr_inv_timer_avp=i:33"),
    Effect("lcr.rpid_avp", "other", caller, "i:1400=", ""),
]
