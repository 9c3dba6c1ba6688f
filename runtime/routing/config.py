"""The global parameters of ser.cfg as the server reads them (reference core, chapter 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Listen:
    """One entry of `listen` or `alias`. `proto` "udp", "tcp", "tls" or "" for any; `port` 0 means not given."""

    proto: str
    host: str
    port: int = 0


# Bound of the receive buffer in bytes.
MAXBUFFER: Final = 4_194_304


@dataclass(frozen=True)
class Config:
    """Every global parameter with SER's default; None where SER tells "not given" from every value.

    Times are in the unit that their parameter has in ser.cfg: seconds, but for `unix_tx_timeout` (milliseconds).
    Frozen: the command line makes a changed copy.
    """

    debug: int = 2
    fork: bool = True
    log_stderror: bool = False
    log_facility: str = "LOG_DAEMON"
    listen: tuple[Listen, ...] = ()
    alias: tuple[Listen, ...] = ()
    port: int = 5060
    dns: bool = False
    rev_dns: bool = False
    children: int | None = None
    maxbuffer: int = MAXBUFFER
    check_via: bool = False
    syn_branch: bool = True
    memlog: int = 4
    sip_warning: bool = True
    server_signature: bool = True
    reply_to_via: bool = False
    mhomed: bool = False
    user: str = ""
    group: str = ""
    chroot: str = ""
    workdir: str = ""
    fifo: str = ""
    fifo_dir: str = "/tmp/"
    fifo_db_url: str = ""
    sock_mode: int = 0o660
    sock_user: str = ""
    sock_group: str = ""
    unix_sock: str = ""
    unix_sock_children: int = 1
    unix_tx_timeout: int = 2000
    disable_tcp: bool = False
    tcp_children: int | None = None
    tcp_accept_aliases: bool = False
    tcp_connect_timeout: int = 10
    tcp_send_timeout: int = 10
    advertised_address: str = ""
    advertised_port: int = 0
    disable_core_dump: bool = False
    open_files_limit: int = -1
    mcast_loopback: bool = False
    mcast_ttl: int = -1
