"""The global parameters of ser.cfg: names, types, bounds, and the field of Config each fills. Reference core, chapter 4."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final


class GlobalType(enum.Enum):
    """What may stand behind the `=`; `value` completes "NAME wants …"."""

    INTEGER = "a number"
    BOOLEAN = "yes or no"
    STRING = "a string in quotes"
    WORD = "a string or a plain word"
    FACILITY = "a syslog facility such as LOG_LOCAL0, without quotes"
    TLS_METHOD = "SSLv23, SSLv2, SSLv3 or TLSv1"
    ADDRESS = "an IP address or a host name"
    SOCKETS = "addresses as in udp:192.0.2.1:5060"


@dataclass(frozen=True)
class Global:
    """A global parameter under its chief name.

    `field` is its name in Config, "" for those that are taken for compatibility and do nothing (`why` says so).
    `low` and `high` are inclusive bounds of a number. A `cumulative` one adds to what was given before.
    """

    name: str
    type: GlobalType
    field: str
    aliases: tuple[str, ...] = ()
    low: int = 0
    high: int = 2**31 - 1
    cumulative: bool = False
    summary: str = ""
    why: str = ""


def _integer(
    name: str, summary: str, *aliases: str, low: int = 0, high: int = 2**31 - 1, field: str | None = None
) -> Global:
    return Global(name, GlobalType.INTEGER, name if field is None else field, aliases, low, high, summary=summary)


def _boolean(name: str, summary: str) -> Global:
    return Global(name, GlobalType.BOOLEAN, name, summary=summary)


def _string(name: str, summary: str) -> Global:
    return Global(name, GlobalType.STRING, name, summary=summary)


def _word(name: str, summary: str, *aliases: str) -> Global:
    return Global(name, GlobalType.WORD, name, aliases, summary=summary)


def _ignored(name: str, kind: GlobalType, why: str, *aliases: str) -> Global:
    return Global(name, kind, "", aliases, why=why)


_NO_TLS: Final = "TLS is not supported, as in SER's own default build"

GLOBALS: Final = (
    _integer("debug", "log messages up to this level"),
    _boolean("fork", "several processes"),
    _boolean("log_stderror", "log to standard error instead of syslog"),
    Global("log_facility", GlobalType.FACILITY, "log_facility", summary="syslog facility"),
    Global("listen", GlobalType.SOCKETS, "listen", cumulative=True, summary="addresses to listen on"),
    Global("alias", GlobalType.SOCKETS, "alias", cumulative=True, summary="further names of this server"),
    _integer("port", "default port", low=1, high=65535),
    _boolean("dns", "look up Via hosts"),
    _boolean("rev_dns", "look up source addresses"),
    _integer("children", "UDP processes per address"),
    _integer("maxbuffer", "upper bound of the receive buffer in bytes"),
    _boolean("check_via", "drop replies whose first Via is not this server"),
    _boolean("syn_branch", "short branch parameters in stateless forwarding"),
    _integer("memlog", "level at which memory status is logged", "mem_log"),
    _boolean("sip_warning", "add Warning to own replies"),
    _boolean("server_signature", "add Server to own replies"),
    _boolean("reply_to_via", "send own replies to the Via host"),
    _boolean("mhomed", "pick the sending interface per destination"),
    _word("user", "user to run as", "uid"),
    _word("group", "group to run as", "gid"),
    _word("chroot", "root directory"),
    _word("workdir", "working directory", "wdir"),
    _string("fifo", "path of the control FIFO"),
    _string("fifo_dir", "directory of the reply FIFOs"),
    _string("fifo_db_url", "database of the FIFO command DB"),
    _integer("sock_mode", "mode of FIFO and Unix socket", "fifo_mode", "file_mode", high=0o7777),
    _word("sock_user", "owner of FIFO and Unix socket", "fifo_user"),
    _word("sock_group", "group of FIFO and Unix socket", "fifo_group"),
    _string("unix_sock", "path of the control socket"),
    _integer("unix_sock_children", "processes that read the control socket"),
    _integer("unix_tx_timeout", "time-out of control replies in milliseconds"),
    _boolean("disable_tcp", "no TCP"),
    _integer("tcp_children", "TCP processes"),
    _boolean("tcp_accept_aliases", "honour the alias parameter of Via"),
    _integer("tcp_connect_timeout", "seconds to wait for a connection"),
    _integer("tcp_send_timeout", "seconds to wait when writing"),
    Global("advertised_address", GlobalType.ADDRESS, "advertised_address", summary="host in Via and Record-Route"),
    _integer("advertised_port", "port in Via and Record-Route", low=1, high=65535),
    _boolean("disable_core_dump", "no core dumps"),
    _integer("open_files_limit", "open files to ask for"),
    _boolean("mcast_loopback", "hear one's own multicast"),
    _integer("mcast_ttl", "time to live of multicast", high=255),
    _ignored("statistics", GlobalType.STRING, "statistics files exist only in special builds of SER"),
    _ignored("disable_tls", GlobalType.BOOLEAN, _NO_TLS),
    _ignored("tls_log", GlobalType.INTEGER, _NO_TLS, "tlslog"),
    _ignored("tls_port_no", GlobalType.INTEGER, _NO_TLS),
    _ignored("tls_method", GlobalType.TLS_METHOD, _NO_TLS),
    _ignored("tls_verify", GlobalType.BOOLEAN, _NO_TLS),
    _ignored("tls_require_certificate", GlobalType.BOOLEAN, _NO_TLS),
    _ignored("tls_certificate", GlobalType.STRING, _NO_TLS),
    _ignored("tls_private_key", GlobalType.STRING, _NO_TLS),
    _ignored("tls_ca_list", GlobalType.STRING, _NO_TLS),
    _ignored("tls_handshake_timeout", GlobalType.INTEGER, _NO_TLS),
    _ignored("tls_send_timeout", GlobalType.INTEGER, _NO_TLS),
)

BY_NAME: Final = {name: entry for entry in GLOBALS for name in (entry.name, *entry.aliases)}

FACILITIES: Final = tuple(
    f"LOG_{name}"
    for name in (
        *("AUTH", "CRON", "DAEMON", "KERN"),
        *(f"LOCAL{n}" for n in range(8)),
        *("LPR", "MAIL", "NEWS", "USER", "UUCP", "AUTHPRIV", "FTP", "SYSLOG"),
    )
)
