"""jabber: gateway to Jabber. Reference modules-more, A.4."""

import re
from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param, string_param
from runtime.spec.effects import Does
from runtime.spec.kinds_sip import host_mistake
from runtime.spec.params import seconds_param, url_param

_DOMAIN: Final = re.compile(r"[^=\s]+(=.)?\Z")


def _domain_mistake(text: str) -> str:
    return "" if _DOMAIN.match(text) else f'"{text}" is not a domain, or domain=delimiter'


def _aliases_mistake(text: str) -> str:
    """N;alias1[=delimiter];…"""
    count, semicolon, aliases = text.partition(";")
    if not semicolon or not count.strip().isdigit():
        return "aliases wants N;alias;…, with the number of aliases first"
    given = len([alias for alias in aliases.split(";") if alias.strip()])
    return "" if given == int(count) else f"aliases announces {int(count)} and names {given}"


def _proxy_mistake(text: str) -> str:
    host, colon, port = text.partition(":")
    if colon and (not port.isdigit() or not 0 < int(port) < 65536):
        return f'"{port}" is not a port'
    return host_mistake(host)


EXPORTS: Final = ModuleSpec(
    name="jabber",
    summary="Gateway for messages and presence between SIP and Jabber.",
    needs=("tm",),
    database=True,
    functions=(
        function("jab_send_message", None, routes=REQUEST, does=Does.COPY, summary="Pass the MESSAGE to Jabber."),
        function("jab_join_jconf", None, routes=REQUEST, does=Does.NOTHING, summary="Join a conference."),
        function("jab_exit_jconf", None, routes=REQUEST, does=Does.NOTHING, summary="Leave a conference."),
        function("jab_go_online", None, routes=REQUEST, does=Does.NOTHING, summary="Log the user in at Jabber."),
        function("jab_go_offline", None, routes=REQUEST, does=Does.NOTHING, summary="Log the user out."),
    ),
    params=(
        url_param("db_url", "mysql://root@127.0.0.1/sip_jab"),
        string_param("jaddress", "127.0.0.1", "Host of the Jabber server.", check=host_mistake),
        integer_param("jport", 5222, "Its port.", low=1, high=65535),
        string_param(
            "jdomain", None, "Domain of Jabber users: domain=delimiter.", check=_domain_mistake, mandatory=True
        ),
        string_param("aliases", None, "N;alias=delimiter;…: other networks.", check=_aliases_mistake),
        string_param("proxy", None, "host:port that MESSAGEs are sent to.", check=_proxy_mistake),
        string_param("registrar", "jabber_gateway@127.0.0.1", "From of the gateway's own messages."),
        integer_param("workers", 2, "Worker processes.", low=1),
        integer_param("max_jobs", 10, "Sessions of each worker.", low=1),
        seconds_param("cache_time", 600, "Idleness after which a session is closed."),
        seconds_param("delay_time", 90, "Wait of a message for its session."),
        seconds_param("sleep_time", 20, "Period of the search for idle sessions."),
        seconds_param("check_time", 20, "Period of the search for dead workers."),
    ),
)
