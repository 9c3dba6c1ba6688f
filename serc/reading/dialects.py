"""Constructs of SER 0.8 and 2.0, OpenSER and Kamailio, with what 0.9 writes instead. Reference core, chapter 10."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Foreign:
    """`origin`: whose it is; `instead`: the 0.9 spelling, completing "write …" or a sentence of its own."""

    origin: str
    instead: str


_OPENSER: Final = "OpenSER / Kamailio"
_LATER: Final = "SER 2.0, OpenSER and Kamailio"

# What a route block of another dialect is nearest to; None where 0.9 has nothing like it.
ROUTES: Final[dict[str, tuple[Foreign, Literal["route", "failure_route", "onreply_route"] | None]]] = {
    "reply_route": (
        Foreign("SER 0.8 and Kamailio", 'write onreply_route[1], and t_on_reply("1") to use it'),
        "onreply_route",
    ),
    "request_route": (Foreign("Kamailio", "write route without a number"), "route"),
    "branch_route": (Foreign(_OPENSER, "0.9 has no routes per branch: do it in route before t_relay()"), None),
    "error_route": (Foreign(_OPENSER, "0.9 has no error routes"), None),
    "local_route": (Foreign(_OPENSER, "0.9 runs no route for its own requests"), None),
    "startup_route": (Foreign("OpenSIPS", "0.9 runs no route at its start"), None),
    "timer_route": (Foreign("OpenSIPS", "0.9 runs no routes by the clock"), None),
    "event_route": (Foreign("Kamailio", "0.9 has no event routes"), None),
    "onsend_route": (Foreign("SER 2.0 and Kamailio", "0.9 has no routes on sending"), None),
}

# What named the reply_route for negative replies in 0.8, where one kind of route was for all replies.
ON_NEGATIVE: Final = "t_on_negative"


def failure_route_instead(number: str) -> str:
    """The way out for a reply_route that ON_NEGATIVE names."""
    return f'write failure_route[{number}], and t_on_failure("{number}") in the place of {ON_NEGATIVE}'


STATEMENTS: Final[dict[str, Foreign]] = {
    "exit": Foreign(_LATER, "write break, which ends the route; called routes return to their caller"),
    "stop": Foreign("no config language of SER", "write break, which ends the route"),
    "return": Foreign(_LATER, "write break, which ends the route and returns to the caller"),
    "while": Foreign(_LATER, "0.9 has no loops: unroll it, or let a route call itself"),
    "switch": Foreign(_OPENSER, "write if … else if …"),
    "case": Foreign(_OPENSER, "write if … else if …"),
    "goto": Foreign("other dialects", "call a route: route(1)"),
}

ITEMS: Final[dict[str, Foreign]] = {
    "include_file": Foreign("Kamailio", "put the text of that file here: 0.9 reads one file"),
    "import_file": Foreign("Kamailio", "put the text of that file here: 0.9 reads one file"),
    "loadpath": Foreign("Kamailio", "remove it and write whole paths after loadmodule"),
    "mpath": Foreign(_OPENSER, "remove it and write whole paths after loadmodule"),
    "flags": Foreign("SER 2.0 and Kamailio", "flags have numbers, 1 to 31"),
    "avpflags": Foreign("SER 2.0 and Kamailio", "0.9 has no flags of AVPs"),
    "modparamx": Foreign("Kamailio", "write modparam"),
    "cfgengine": Foreign("Kamailio", "remove it"),
}

_DB_URL: Final = 'write modparam("usrloc|auth_db|…", "db_url", "mysql://…"), with the modules that have a database'

_OTHERS: Final = "other programs"

GLOBALS: Final[dict[str, Foreign]] = {
    "bind": Foreign(_OTHERS, "write listen="),
    "workers": Foreign(_OTHERS, "write children="),
    "domain": Foreign(_OTHERS, "write alias="),
    "verbose": Foreign(_OTHERS, "write debug="),
    "multihomed": Foreign(_OTHERS, "write mhomed="),
    "loop_checks": Foreign(
        "SER 0.8", "remove it: 0.9 has no loop detection; let mf_process_maxfwd_header count Max-Forwards"
    ),
    "db_url": Foreign(_OTHERS, _DB_URL),
    "db_default_url": Foreign("OpenSIPS", _DB_URL),
    "log_level": Foreign("OpenSIPS", "write debug="),
    "log_stdout": Foreign("OpenSIPS", "write log_stderror=yes"),
    "stderror_enabled": Foreign("OpenSIPS", "write log_stderror=yes"),
    "syslog_enabled": Foreign("OpenSIPS", "write log_stderror=no"),
    "syslog_facility": Foreign("OpenSIPS", "write log_facility="),
    "xlog_facility": Foreign("OpenSIPS", "write log_facility="),
    "udp_workers": Foreign("OpenSIPS", "write children="),
    "tcp_workers": Foreign("OpenSIPS", "write tcp_children="),
    "socket": Foreign("OpenSIPS", "write listen="),
    "max_while_loops": Foreign(_OPENSER, "remove it: 0.9 has no loops"),
    "mpath": Foreign(_OPENSER, "remove it and write whole paths after loadmodule"),
    "loadpath": Foreign("Kamailio", "remove it and write whole paths after loadmodule"),
    "auto_aliases": Foreign(_OPENSER, "remove it: 0.9 always adds aliases by reverse DNS"),
    "tcp_max_connections": Foreign(_LATER, "remove it"),
    "tcp_connection_lifetime": Foreign(_LATER, "remove it"),
    "enable_tls": Foreign(_LATER, "remove it: TLS is not supported"),
    "server_header": Foreign(_OPENSER, "write server_signature=yes or no"),
    "user_agent_header": Foreign(_OPENSER, "write server_signature=yes or no"),
    "memdbg": Foreign(_LATER, "remove it"),
    "mlock_pages": Foreign(_LATER, "remove it"),
    "log_name": Foreign(_OPENSER, "remove it"),
    "disable_dns_failover": Foreign(_OPENSER, "remove it: 0.9 tries one address of a name"),
    "disable_dns_blacklist": Foreign(_OPENSER, "remove it"),
    "dst_blacklist": Foreign(_LATER, "remove it"),
    "use_dst_blacklist": Foreign(_LATER, "remove it"),
    "dns_cache_init": Foreign(_LATER, "remove it"),
    "use_dns_cache": Foreign(_LATER, "remove it"),
    "use_dns_failover": Foreign(_LATER, "remove it"),
    "dns_try_ipv6": Foreign(_LATER, "remove it"),
    "dns_retr_time": Foreign(_LATER, "remove it"),
    "dns_retr_no": Foreign(_LATER, "remove it"),
    "dns_servers_no": Foreign(_LATER, "remove it"),
}

# What other dialects write behind the addresses of `listen`, where 0.9 takes it for one.
LISTEN_WORDS: Final[dict[str, Foreign]] = {
    "advertise": Foreign("Kamailio", "write advertised_address=… and advertised_port=… as parameters of their own"),
    "as": Foreign("OpenSIPS", "write advertised_address=… and advertised_port=… as parameters of their own"),
    "use_children": Foreign("OpenSIPS", "write children=… as a parameter of its own"),
    "use_workers": Foreign("OpenSIPS", "write children=… as a parameter of its own"),
    "name": Foreign("Kamailio", "remove it: addresses have no names"),
}

# Functions of other dialects. Where `instead` names an operand or an action of the core, loadmodule cannot help.
FUNCTIONS: Final[dict[str, Foreign]] = {
    "len_gt": Foreign("SER 0.8", "write msg:len > n, or msg:len > max_len"),
    "addRecordRoute": Foreign("SER 0.8", "write record_route()"),
    "rewriteFromRoute": Foreign("SER 0.8", "write if (loose_route()) { t_relay(); break; }"),
    "record_route_strict": Foreign("SER 0.8", "write record_route()"),
    "sl_filter_ACK": Foreign("SER 0.8", "remove it: sl absorbs the ACKs to its replies by itself"),
    "sl_filter_ack": Foreign("SER 0.8", "remove it: sl absorbs the ACKs to its replies by itself"),
    "t_on_negative": Foreign("SER 0.8", 'write t_on_failure("n") and failure_route[n]'),
    "t_unref": Foreign("SER 0.8", "remove it: transactions are released by themselves"),
    "t_add_transaction": Foreign("SER 0.8", "write t_newtran()"),
    "t_forward": Foreign("SER 0.8", "write t_relay_to_udp(host, port)"),
    "t_forward_uri": Foreign("SER 0.8", "write t_relay()"),
    "t_send_reply": Foreign("SER 0.8", "write t_reply(code, reason)"),
    "t_setflag": Foreign("SER 0.8", "write setflag(n)"),
    "t_fork_to_uri": Foreign("SER 0.8", "write append_branch(uri)"),
    "t_fork_on_no_response": Foreign("SER 0.8", "write t_on_failure and failure_route"),
    "t_relay_to": Foreign("SER 0.8", "write t_relay_to_udp(host, port)"),
    "t_relay_udp": Foreign("SER 2.0", "write t_relay_to_udp(host, port), or t_relay()"),
    "t_relay_tcp": Foreign("SER 2.0", "write t_relay_to_tcp(host, port), or t_relay()"),
    "lookup_contact": Foreign("SER 0.8", "write lookup(table)"),
    "lookup_contacts": Foreign("SER 2.0", "write lookup(table)"),
    "save_contacts": Foreign("SER 2.0", "write save(table)"),
    "save_contact": Foreign("SER 0.8", "write save(table)"),
    "is_in_group": Foreign("SER 0.8", 'write is_user_in("From", group)'),
    "exec_uri": Foreign("SER 0.8", "write exec_dset(command)"),
    "mf_add_maxfwd_header": Foreign("SER 0.8", "write mf_process_maxfwd_header(n)"),
    "mf_decrement_maxfwd": Foreign("SER 0.8", "write mf_process_maxfwd_header(n)"),
    "mf_is_maxfwd_present": Foreign("SER 0.8", "write mf_process_maxfwd_header(n)"),
    "mf_is_maxfwd_zero": Foreign("SER 0.8", "write mf_process_maxfwd_header(n)"),
    "is_method": Foreign(_OPENSER, 'write method == "INVITE"; for several method == "INVITE" || method == "ACK"'),
    "has_totag": Foreign(_OPENSER, 'write search("^(To|t):.*;[ ]*tag=") of textops'),
    "uri_host_eq": Foreign(_OPENSER, "write uri =~ a regular expression"),
    "t_check_trans": Foreign(_LATER, "write t_lookup_request()"),
    "t_is_canceled": Foreign(_LATER, 'write t_check_status("487")'),
    "t_any_timeout": Foreign(_LATER, 'write t_check_status("408")'),
    "t_branch_timeout": Foreign(_LATER, 'write t_check_status("408")'),
    "t_any_replied": Foreign(_LATER, "remove it"),
    "t_on_branch": Foreign(_LATER, "0.9 has no routes per branch: do it in route before t_relay()"),
    "t_on_branch_failure": Foreign("Kamailio", 'write t_on_failure("n") and failure_route[n]'),
    "t_set_fr": Foreign(_LATER, 'write modparam("tm", "fr_inv_timer", seconds)'),
    "t_precheck_trans": Foreign("Kamailio", "remove it"),
    "t_save_lumps": Foreign("Kamailio", "remove it"),
    "t_was_cancelled": Foreign(_LATER, 'write t_check_status("487")'),
    "send_reply": Foreign("Kamailio", "write sl_send_reply(code, reason)"),
    "sl_reply": Foreign("SER 2.0", "write sl_send_reply(code, reason)"),
    "xdbg": Foreign(_OPENSER, 'write xlog("L_DBG", text)'),
    "rtpproxy_offer": Foreign(_OPENSER, "write force_rtp_proxy() of nathelper"),
    "rtpproxy_answer": Foreign(_OPENSER, "write force_rtp_proxy() of nathelper"),
    "engage_rtp_proxy": Foreign(_OPENSER, "write force_rtp_proxy() of nathelper"),
    "rtpproxy_manage": Foreign(_OPENSER, "write force_rtp_proxy() of nathelper"),
    "add_contact_alias": Foreign("Kamailio", "write fix_nated_contact() of nathelper"),
    "set_contact_alias": Foreign("Kamailio", "write fix_nated_contact() of nathelper"),
    "isdsturiset": Foreign("Kamailio", "remove it"),
    "resetdsturi": Foreign(_OPENSER, "remove it"),
    "setdsturi": Foreign(_OPENSER, "write t_relay_to_udp(host, port)"),
    "setbflag": Foreign(_OPENSER, "write setflag(n): 0.9 has no flags per branch"),
    "resetbflag": Foreign(_OPENSER, "write resetflag(n): 0.9 has no flags per branch"),
    "isbflagset": Foreign(_OPENSER, "write isflagset(n): 0.9 has no flags per branch"),
    "setsflag": Foreign(_OPENSER, "write setflag(n): 0.9 has no script flags"),
    "resetsflag": Foreign(_OPENSER, "write resetflag(n): 0.9 has no script flags"),
    "issflagset": Foreign(_OPENSER, "write isflagset(n): 0.9 has no script flags"),
    "is_request": Foreign("Kamailio", 'write !(status =~ "^[1-6][0-9][0-9]$"): in a request status is the URI'),
    "is_reply": Foreign("Kamailio", 'write status =~ "^[1-6][0-9][0-9]$": in a request status is the URI'),
    "is_first_hop": Foreign("Kamailio", 'write !search("^Record-Route[ ]*:") of textops'),
    "check_route_param": Foreign(_OPENSER, 'write search("^Route[ ]*:.*;NAME=VALUE") of textops'),
    "add_rr_param": Foreign(_OPENSER, "0.9 adds no parameters of one's own to Record-Route"),
    "t_is_branch_route": Foreign("Kamailio", "remove it: 0.9 has no routes per branch"),
    "starts_with": Foreign("Kamailio", 'write uri =~ "^sips?:TEXT"'),
    "strempty": Foreign("Kamailio", "write uri =~ a regular expression"),
    "allow_source_address": Foreign("Kamailio", "write allow_trusted()"),
    "check_address": Foreign(_OPENSER, "write allow_trusted()"),
    "auth_challenge": Foreign("Kamailio", "write www_challenge or proxy_challenge"),
    "auth_check": Foreign("Kamailio", "write www_authorize or proxy_authorize"),
    "pv_www_authorize": Foreign("Kamailio", "write www_authorize(realm, table)"),
    "pv_proxy_authorize": Foreign("Kamailio", "write proxy_authorize(realm, table)"),
    "db_check_to": Foreign(_OPENSER, "write check_to()"),
    "db_check_from": Foreign(_OPENSER, "write check_from()"),
    "alias_db_lookup": Foreign(_OPENSER, 'write lookup("aliases")'),
    "handle_ruri_alias": Foreign("Kamailio", "remove it"),
    "add_path_received": Foreign(_OPENSER, "remove it: 0.9 does not know Path"),
    "sanity_check": Foreign("SER 2.0 and Kamailio", "remove it: the server refuses what is malformed"),
    "avp_printf": Foreign(_OPENSER, "write avp_write(value, name) of avpops"),
    "avp_copy": Foreign(_OPENSER, "write avp_write($name, name) of avpops"),
    "avp_subst": Foreign(_OPENSER, "0.9 has none"),
    "is_avp_set": Foreign(_OPENSER, 'write avp_check(name, "re/.*") of avpops'),
    "ds_next_dst": Foreign(
        _OPENSER, "0.9 selects once, in route: a failure_route names the next with rewritehostport and append_branch"
    ),
    "ds_next_domain": Foreign(
        _OPENSER, "0.9 selects once, in route: a failure_route names the next with rewritehostport and append_branch"
    ),
    "has_body": Foreign(_OPENSER, "write search of textops"),
    "search_body": Foreign(_OPENSER, "write search of textops"),
    "subst_body": Foreign(_OPENSER, "write subst of textops"),
    "replace_body": Foreign(_OPENSER, "write replace of textops"),
    "www_authenticate": Foreign("Kamailio", "write www_authorize(realm, table)"),
    "proxy_authenticate": Foreign("Kamailio", "write proxy_authorize(realm, table)"),
    "is_from_user_enum": Foreign(_OPENSER, "0.9 has none"),
    "unregister": Foreign(_LATER, "0.9 has none: registrations end by themselves, or by FIFO command ul_rm"),
    "ds_select_domain": Foreign(_OPENSER, "write ds_select_dst(set, algorithm)"),
}


@dataclass(frozen=True)
class Renamed:
    """What 0.9 calls a function that takes the same arguments. `is_same`: it does the same, too; else it is near to it."""

    name: str
    is_same: bool = True


RENAMED: Final[dict[str, Renamed]] = {
    "addRecordRoute": Renamed("record_route"),
    "record_route_strict": Renamed("record_route"),
    "t_on_negative": Renamed("t_on_failure"),
    "t_add_transaction": Renamed("t_newtran"),
    "t_forward": Renamed("t_relay_to_udp"),
    "t_forward_uri": Renamed("t_relay"),
    "t_send_reply": Renamed("t_reply"),
    "t_setflag": Renamed("setflag"),
    "t_fork_to_uri": Renamed("append_branch"),
    "lookup_contact": Renamed("lookup"),
    "save_contact": Renamed("save"),
    "lookup_contacts": Renamed("lookup"),
    "save_contacts": Renamed("save"),
    "exec_uri": Renamed("exec_dset"),
    "t_check_trans": Renamed("t_lookup_request", False),
    "t_on_branch_failure": Renamed("t_on_failure", False),
    "send_reply": Renamed("sl_send_reply", False),
    "sl_reply": Renamed("sl_send_reply"),
    "setsflag": Renamed("setflag", False),
    "resetsflag": Renamed("resetflag", False),
    "issflagset": Renamed("isflagset", False),
    "setbflag": Renamed("setflag", False),
    "resetbflag": Renamed("resetflag", False),
    "isbflagset": Renamed("isflagset", False),
    "db_check_to": Renamed("check_to"),
    "db_check_from": Renamed("check_from"),
    "pv_www_authorize": Renamed("www_authorize", False),
    "pv_proxy_authorize": Renamed("proxy_authorize", False),
    "www_authenticate": Renamed("www_authorize", False),
    "proxy_authenticate": Renamed("proxy_authorize", False),
    "search_body": Renamed("search", False),
    "replace_body": Renamed("replace", False),
    "subst_body": Renamed("subst", False),
    "ds_select_domain": Renamed("ds_select_dst", False),
}


def in_our_words(name: str, arguments: tuple[str, ...]) -> str:
    """What 0.9 writes for this very call of another dialect, "" where FUNCTIONS says all."""
    if name == "is_method" and len(arguments) == 1 and arguments[0]:
        return "write " + " || ".join(f'method == "{method}"' for method in arguments[0].split("|"))
    return ""


# Calls whose number of arguments is that of another dialect.
OVERLOADS: Final[dict[tuple[str, int], Foreign]] = {
    ("save", 2): Foreign(_LATER, "write save(table)"),
    ("lookup", 2): Foreign(_LATER, "write lookup(table)"),
    ("registered", 2): Foreign(_LATER, "write registered(table)"),
    ("t_relay", 1): Foreign(_LATER, "write t_relay_to_udp(host, port), or t_relay()"),
    ("drop", 1): Foreign(_LATER, "write drop, which ends the route"),
    ("break", 1): Foreign(_LATER, "write break, which ends the route"),
    ("record_route", 1): Foreign(_LATER, "write record_route()"),
    ("t_newtran", 1): Foreign(_LATER, "write t_newtran()"),
    ("append_hf", 2): Foreign(_LATER, "write append_hf(text)"),
    ("search_hf", 3): Foreign("Kamailio", "write search(regex)"),
    ("check_to", 1): Foreign(_LATER, "write check_to()"),
    ("check_from", 1): Foreign(_LATER, "write check_from()"),
    ("xlog", 1): Foreign(_LATER, "write xlog(level, text)"),
}

# Pseudo-variables in texts that 0.9 sends or logs as they stand.
PSEUDO_VARIABLE: Final = re.compile(
    r"\$(?:(?:r[uUdmsrpzb]|f[uUdtn]|t[uUdtn]|c[ist]|s[ip]|d[udsp]|m[bli]|ua|pp|T[fs]|a[iuU]|R[ip]|proto|br)(?![A-Za-z0-9_])"
    r"|(?:var|avp|hdr|shv|dlg_var|xavp|sht|ct|fU|rU)\(([^)]*)\)?)"
)
# What xlog writes in their place, where it is not "%" with the same letters.
_SPECIFIERS: Final = {"$si": "%is"}
_SAME_SPECIFIERS: Final = frozenset("$ci $cs $ct $ft $fu $mb $mi $ml $pp $rm $rs $rr $ru $tt $tu $Tf $Ts $ua".split())


def specifier_of(variable: re.Match[str]) -> str:
    """The specifier of xlog that stands for a pseudo-variable; "" where 0.9 has none."""
    text = variable[0]
    if text.startswith("$hdr(") and variable[1]:
        return f"%{{{variable[1]}}}"
    return _SPECIFIERS.get(text, "%" + text[1:] if text in _SAME_SPECIFIERS else "")


# What is compared in their place.
OPERANDS: Final = {
    "ru": "uri",
    "rU": 'uri =~ "^sip:USER@"',
    "rd": 'uri =~ "@HOST"',
    "rm": "method",
    "rs": "status",
    "fu": "from_uri",
    "fU": 'from_uri =~ "^sip:USER@"',
    "fd": 'from_uri =~ "@HOST"',
    "tu": "to_uri",
    "tU": 'to_uri =~ "^sip:USER@"',
    "td": 'to_uri =~ "@HOST"',
    "si": "src_ip",
    "sp": "src_port",
    "Ri": "dst_ip",
    "Rp": "dst_port",
    "ml": "msg:len",
    "proto": "proto",
    "af": "af",
    "ua": 'search("^User-Agent:.*TEXT") of textops',
    "avp": "avp_check(name, value) or avp_write(value, name) of avpops",
    "var": "a flag, or an AVP of avpops",
    "hdr": "search(regex) of textops",
}

# What looks like a comment and is a directive elsewhere.
DIRECTIVE: Final = re.compile(
    r"#!(SER|KAMAILIO|OPENSER|MAXCOMPAT|MAX_COMPAT|ALL|define|trydef|redefine|ifdef|ifndef|else|endif|subst|substdef)\b"
)
