"""What 0.9 has in the place of modules and parameters that it has not: the cure, told beside each loss."""

from __future__ import annotations

from typing import Final

_NOTHING_TO_DO: Final = "nothing has to be done, but for its functions, where some are called"

MODULES: Final[dict[str, str]] = {
    **dict.fromkeys("kex corex tmx textopsx sipmsgops signaling cfgutils proto_udp proto_tcp".split(), _NOTHING_TO_DO),
    "cfg_rpc": "serctl reload changes what runs",
    "counters": "serctl statistics, or ser --metrics, has them",
    "statistics": "serctl statistics, or ser --metrics, has them",
    "debugger": "serctl trace and serc trace show which statements run",
    "htable": "a flag or an AVP lives as long as its request; pike blocks addresses by itself",
    "alias_db": 'lookup("aliases") of registrar, with aliases that serctl alias add has given',
    "dialplan": "if (uri =~ …) { strip(n); prefix(text); } says the same, and needs a reload for a change",
    "drouting": "lcr, or if (uri =~ …) with rewritehostport",
    "carrierroute": "lcr, or if (uri =~ …) with rewritehostport",
    "dialog": "nothing counts calls here; the rr and tm modules need none",
    "sanity": "what is malformed is refused before ser.cfg sees it",
    "ratelimit": "pike limits the requests of an address",
    "pipelimit": "pike limits the requests of an address",
    "uac": "no function changes From, or gives credentials to a gateway: the gateway has to trust this address",
    "sqlops": "avp_db_load of avpops reads rows",
    "xhttp": "ser --metrics, and serctl over the FIFO or a Unix socket",
    "httpd": "ser --metrics, and serctl over the FIFO or a Unix socket",
}

PARAMETERS: Final[dict[tuple[str, str], str]] = {
    ("acc", "log_extra"): "log_fmt says which fields there are; the caller, the called and both URIs are among them",
    ("acc", "db_extra"): "the columns of acc are SER's: the caller, the called and both URIs are among them",
    ("acc", "detect_direction"): "remove it: from and to are as in the request",
    ("registrar", "method_filtering"): "remove it: all contacts of a user are taken",
    ("registrar", "gruu_enabled"): "remove it: phones without GRUU behave as before",
    (
        "registrar",
        "use_path",
    ): "phones behind another proxy that adds Path are not reached: let it rewrite their Contact",
    ("registrar", "path_mode"): "remove it",
    ("usrloc", "timer_procs"): "remove it: one process does this",
    ("usrloc", "nat_bflag"): "load registrar, whose nat_flag it is",
    ("nathelper", "sipping_bflag"): "remove it: with ping_nated_only all contacts with registrar's nat_flag are pinged",
    ("nathelper", "sipping_from"): "remove it: pings are four bytes, no requests",
    ("auth_db", "load_credentials"): "rpid_column names the one column that is kept",
    ("permissions", "load_backends"): "remove it: trusted is read where db_url is set",
    ("domain", "register_myself"): "name the domains in alias=, so that myself knows them",
    ("tm", "failure_reply_mode"): "remove it: a branch that is appended in a failure route is tried alone",
}


def of_module(name: str) -> str:
    """The end of a sentence, with what begins it; "" where there is nothing to say."""
    return f": {MODULES[name]}" if name in MODULES else ""


def of_parameter(modules: str, parameter: str) -> str:
    """Of the first of several modules that there is something to say of."""
    found = [PARAMETERS[module, parameter] for module in modules.split("|") if (module, parameter) in PARAMETERS]
    return f": {found[0]}" if found else ""
