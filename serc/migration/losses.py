"""What 0.9 has in the place of modules and parameters that it has not: the cure, told beside each loss."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_NOTHING_TO_DO: Final = "nothing has to be done"

MODULES: Final[dict[str, str]] = {
    **dict.fromkeys("kex corex tmx textopsx sipmsgops signaling cfgutils proto_udp proto_tcp".split(), _NOTHING_TO_DO),
    **dict.fromkeys(("pv", "siputils"), f"{_NOTHING_TO_DO}; what it was asked for is told where it stands"),
    "cfg_rpc": f"{_NOTHING_TO_DO}; serctl reload changes what runs",
    "counters": f"{_NOTHING_TO_DO}; ser --metrics and serctl moni have them",
    "statistics": f"{_NOTHING_TO_DO}; ser --metrics and serctl moni have them",
    "debugger": f"{_NOTHING_TO_DO}; serctl trace and serc trace show which statements run",
    "htable": "a flag or an AVP lives as long as its request; pike blocks addresses by itself",
    "alias_db": 'lookup("aliases") of registrar, with aliases that serctl alias add has given',
    "dialplan": "if (uri =~ …) { strip(n); prefix(text); } says the same, and needs a reload for a change",
    "drouting": "lcr, or if (uri =~ …) with rewritehostport",
    "carrierroute": "lcr, or if (uri =~ …) with rewritehostport",
    "dialog": "nothing counts calls here; the rr and tm modules need none",
    "sanity": f"{_NOTHING_TO_DO}; what is malformed is refused before ser.cfg sees it",
    "ratelimit": "pike limits the requests of an address",
    "pipelimit": "pike limits the requests of an address",
    "uac": "no function changes From, or gives credentials to a gateway: the gateway has to trust this address",
    "sqlops": "avp_db_load of avpops reads rows",
    "tls": "0.9 has no TLS: phones that need it have to come over a proxy that has it",
    "jsonrpcs": "serctl asks over the FIFO or a Unix socket",
    "ctl": "serctl asks over the FIFO or a Unix socket",
    "xhttp": "ser --metrics, and serctl over the FIFO or a Unix socket",
    "httpd": "ser --metrics, and serctl over the FIFO or a Unix socket",
}

PARAMETERS: Final[dict[tuple[str, str], str]] = {
    ("acc", "log_extra"): "log_fmt says which fields there are; the caller, the called and both URIs are among them",
    ("acc", "db_extra"): "the columns of acc are SER's: the caller, the called and both URIs are among them",
    ("acc", "detect_direction"): "remove it: from and to are as in the request",
    ("registrar", "method_filtering"): "remove it: all contacts of a user are taken",
    ("registrar", "gruu_enabled"): "remove it: phones without GRUU behave as before",
    ("registrar", "use_path"): "remove it: lookup follows the Path of whoever says that Path is supported",
    ("registrar", "path_mode"): "remove it",
    ("usrloc", "timer_procs"): "remove it: one process does this",
    ("usrloc", "nat_bflag"): "load registrar, whose nat_flag it is",
    ("nathelper", "sipping_bflag"): "remove it: with ping_nated_only all contacts with registrar's nat_flag are pinged",
    ("nathelper", "sipping_from"): "remove it: pings are four bytes, no requests",
    ("auth_db", "load_credentials"): "rpid_column names the one column that is kept",
    ("permissions", "load_backends"): "remove it: trusted is read where db_url is set",
    ("domain", "register_myself"): "name the domains in alias=, so that myself knows them",
    ("sanity", "autodrop"): "remove it: what is malformed is refused before ser.cfg sees it",
    ("jsonrpcs", "pretty_format"): "remove it",
    ("jsonrpcs", "transport"): "remove it",
    ("debugger", "cfgtrace"): "remove it",
    ("debugger", "log_level_name"): "remove it",
    ("tm", "failure_reply_mode"): "remove it: a branch that is appended in a failure route is tried alone",
}


@dataclass(frozen=True)
class Global:
    """A global parameter of others: why it goes, and whether nothing has to be done about it."""

    why: str
    is_needless: bool = True


_ONE_LIMIT: Final = "memory is the limit here"
GLOBALS: Final[dict[str, Global]] = {
    "enable_tls": Global("0.9 has no TLS: phones that need it have to come over a proxy that has it", False),
    "enable_sctp": Global("0.9 has no SCTP", False),
    "log_prefix": Global(
        "each line of the log has its time, level and process; xlog writes what of a message is wanted"
    ),
    "log_name": Global("syslog has the name of the program"),
    "tcp_accept_no_cl": Global("a message over TCP has to tell its length here, as RFC 3261 18.3 wants"),
    "tls_max_connections": Global(_ONE_LIMIT),
    "tcp_max_connections": Global(_ONE_LIMIT),
    "tcp_connection_lifetime": Global("tcp_connect_timeout and tcp_send_timeout are those of 0.9"),
    "http_reply_parse": Global("this server speaks no HTTP but for ser --metrics"),
    "max_while_loops": Global("loops become routes that call themselves, a hundred times at most"),
    "wait_worker1_mode": Global("there is nothing to wait for"),
    "server_id": Global("Call-IDs and tags have no part of this server's own"),
}

_AT_START: Final = "what is to be known from the start has to stand in ser.cfg, or in a database that a route reads"
_BY_THE_CLOCK: Final = "let cron call serctl, or a program that reads the database"
_ROUTES: Final[dict[str, str]] = {
    "event_route[xhttp:": "ser --metrics answers over HTTP, and serctl asks over the FIFO or a Unix socket",
    "event_route[tm:branch-failure:": "a failure_route runs when all branches have failed, and sees the best answer",
    "event_route[tm:local-request": "requests of the server's own leave as their module makes them; serctl trace shows them",
    "event_route[tm:local-response": "answers of the server's own leave as they are; serctl trace shows them",
    "event_route[sl:local-response": "answers of the server's own leave as they are; serctl trace shows them",
    "event_route[sl:filtered-ack": "the ACK of an answer without a transaction ends here; serctl trace shows it",
    "event_route[dispatcher:": "the dispatcher of 0.9 asks no gateway whether it is there: a failure_route finds out by 408",
    "event_route[usrloc:": "nothing runs where a contact expires; the table in the database, or serctl ul show, has what is there",
    "event_route[htable:": _AT_START,
    "event_route[core:worker": _AT_START,
    "event_route[core:modules": _AT_START,
    "event_route[core:receive-parse-error": "what cannot be read is answered 400, or dropped, and stands in the log",
    "event_route[core:pre-routing": "what is malformed, or too much, is refused before any route; let the main route begin with the rest",
    "event_route[siptrace": "serctl trace shows each message of a call",
    "event_route[network": "serctl trace shows each message of a call",
    "event_route[nathelper": "nothing runs where a phone does not answer its pings",
    "event_route[topo": "0.9 hides no topology",
    "event_route[websocket": "0.9 has no WebSocket: phones in browsers have to come over a proxy that has it",
    "event_route[tls": "0.9 has no TLS",
    "event_route[tcp": "nothing runs where a connection ends; the log says so",
    "event_route[dialog": "nothing counts calls here: acc writes down how they begin and end",
    "event_route[timer": _BY_THE_CLOCK,
    "event_route[rtimer": _BY_THE_CLOCK,
    "event_route[presence": "pa has no routes",
    "event_route[uac": "nothing registers at gateways here: the gateway has to trust this address",
    "timer_route": _BY_THE_CLOCK,
    "startup_route": _AT_START,
    "error_route": "what cannot be read is answered 400, or dropped, and stands in the log",
    "local_route": "requests of the server's own leave as their module makes them; serctl trace shows them",
    "onsend_route": "what it asks of the request can be asked before t_relay(); of where it is sent src_ip, dst_ip and the URI are known there",
}


def of_route(name: str) -> str:
    """The end of a sentence: what does what a route did that 0.9 does not run; "" where there is nothing to say."""
    found = [text for head, text in _ROUTES.items() if name.replace(" ", "").startswith(head)]
    return f": {found[0]}" if found else ""


_ASSIGNED: Final = re.compile(r"\$(\w+)[^=;]*=(?!=)")
_URI: Final = (
    "0.9 puts no URI together, and goes on with what it was: rewriteuri, rewriteuser, rewritehost, rewriteport, prefix and strip take what is "
    "written there, avp_pushto an AVP"
)
_KEPT: Final = "0.9 has nothing that changes From or To"
_NO_SUMS: Final = (
    "0.9 neither counts nor puts texts together: avp_write keeps a text, a number, or a part of the request"
)


def of_assignment(text: str) -> str:
    """Why a statement that sets a variable is lost; "" for others."""
    found = _ASSIGNED.match(text)
    if found is None:
        return ""
    if found[1] in ("ru", "rU", "rd", "rp"):
        return _URI
    if found[1] in ("fu", "fU", "fd", "fn", "tu", "tU", "td", "tn"):
        return _KEPT
    return _NO_SUMS if found[1] in ("var", "avp") else ""


def is_needless(cure: str) -> bool:
    """Is there nothing to do but to remove it?"""
    return _NOTHING_TO_DO in cure or cure.lstrip(" :;").startswith("remove it")


def of_module(name: str) -> str:
    """The end of a sentence, with what begins it; "" where there is nothing to say."""
    return f": {MODULES[name]}" if name in MODULES else ""


def of_parameter(modules: str, parameter: str) -> str:
    """Of the first of several modules that there is something to say of."""
    found = [PARAMETERS[module, parameter] for module in modules.split("|") if (module, parameter) in PARAMETERS]
    return f": {found[0]}" if found else ""
