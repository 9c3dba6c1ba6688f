"""The command line of ser(8). Reference core, 1.1 to 1.3."""

from __future__ import annotations

import getopt
import ipaddress
from dataclasses import dataclass, field
from typing import Final

from runtime.routing.config import MAXBUFFER, Listen
from runtime.server.host.errors import StartError
from runtime.version import VERSION


class UsageError(StartError):
    """The command line itself is wrong."""


# SER's default of -m, in megabytes.
SHARED_MB: Final = 32
# How long running transactions have after SIGTERM. A ringing call may take longer, but whoever restarts a server
# wants it back; what was under way passes through the new one without state.
DRAIN_S: Final = 10

QUEUE_MS: Final = 20
RETRY_AFTER_S: Final = 5


@dataclass(frozen=True)
class MetricsAddress:
    """Where `--metrics` is served, as `text` says it: at the Unix socket `path`, or, where that is "", at a port of this machine."""

    text: str
    path: str = ""
    ip: str = ""
    port: int = 0


@dataclass
class Options:
    """What the command line says; None and "" where it says nothing.

    `debug` is the number of -d. `help` and `version` ask for a text instead of a server. `arguments` is all of it, as the
    command `arg` shows it.
    """

    prog: str
    routes: str = ""
    config_file: str = "/etc/ser/ser.cfg"
    help: bool = False
    version: bool = False
    check: bool = False
    listen: list[Listen] = field(default_factory=list)
    children: int | None = None
    tcp_children: int | None = None
    maxbuffer: int | None = None
    dns: bool = False
    rev_dns: bool = False
    check_via: bool = False
    debug: int = 0
    foreground: bool = False
    log_stderror: bool = False
    disable_tcp: bool = False
    workdir: str = ""
    chroot: str = ""
    user: str = ""
    group: str = ""
    pid_file: str = ""
    pgid_file: str = ""
    fifo: str = ""
    unix_sock: str = ""
    # 0: not given.
    shared_mb: int = 0
    drain_s: int = DRAIN_S
    queue_ms: int = QUEUE_MS
    retry_after_s: int = RETRY_AFTER_S
    log_format: str = "text"
    metrics: MetricsAddress | None = None
    arguments: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


_SHARED_MB_MAX: Final = 1 << 20
_RETRY_AFTER_MAX_S: Final = 3600
_NOT_NEGATIVE: Final = ("--drain", "--queue")

LETTERS: Final = "cm:b:l:n:N:rRvdDETVhw:t:u:g:P:G:i:x:"

_LONG: Final = ["help", "version", "drain=", "queue=", "retry-after=", "log-format=", "metrics="]

_FLAGS: Final = {
    "-h": "help",
    "-V": "version",
    "-c": "check",
    "-r": "dns",
    "-R": "rev_dns",
    "-v": "check_via",
    "-D": "foreground",
    "-E": "log_stderror",
    "-T": "disable_tcp",
}

_TEXTS: Final = {
    "--routes": "routes",
    "-f": "config_file",
    "-w": "workdir",
    "-t": "chroot",
    "-u": "user",
    "-g": "group",
    "-P": "pid_file",
    "-G": "pgid_file",
    "-i": "fifo",
    "-x": "unix_sock",
    "--log-format": "log_format",
}

_NUMBERS: Final = {
    "-n": ("children", "process number"),
    "-N": ("tcp_children", "process number"),
    "-b": ("maxbuffer", "max buffer size number"),
    "-m": ("shared_mb", "shmem size number"),
    "--drain": ("drain_s", "number of seconds"),
    "--queue": ("queue_ms", "number of milliseconds"),
    "--retry-after": ("retry_after_s", "number of seconds"),
}


def parse(argv: list[str], prog: str) -> Options:
    """`argv` without the program's name. `prog` is "ser", which has -f, or "ser-runtime", which has --routes.

    Raises UsageError. As in getopt(3), letters can be joined (`-DEddd`) and arguments can stand in any order.
    """
    pairs, rest = split(argv, prog)
    options = Options(prog, arguments=[prog, *argv], ignored=rest)
    for name, value in pairs:
        _take(options, name, value)
        if options.help or options.version:
            return options
    if prog != "ser" and not options.routes:
        raise UsageError("no routes to run: give --routes FILE, a module that serc compiled")
    return options


def split(argv: list[str], prog: str) -> tuple[list[tuple[str, str]], list[str]]:
    """The options of a command line, each with its argument or "", and what is none. Raises UsageError."""
    letters = LETTERS + ("f:" if prog == "ser" else "")
    try:
        return getopt.gnu_getopt(argv, letters, _LONG + ([] if prog == "ser" else ["routes="]))
    except getopt.GetoptError as e:
        raise UsageError(f"{_bad_option(e)} ({prog} -h lists all options)") from e


def _bad_option(e: getopt.GetoptError) -> str:
    dashes = "-" if len(e.opt) == 1 else "--"
    if e.msg.endswith("requires argument"):
        return f"option {dashes}{e.opt} requires an argument"
    return f"Unknown option `{dashes}{e.opt}'"


def _take(options: Options, name: str, value: str) -> None:
    name = {"--help": "-h", "--version": "-V"}.get(name, name)
    if name == "-d":
        options.debug += 1
    elif name == "-l":
        options.listen.append(parse_listen(value))
    elif name == "--metrics":
        options.metrics = parse_metrics_address(value)
    elif name in _FLAGS:
        setattr(options, _FLAGS[name], True)
    elif name in _TEXTS:
        if not value:
            raise UsageError(f"option {name} requires an argument that is not empty")
        if name == "--log-format" and value not in ("text", "json"):
            raise UsageError(f"bad log format: --log-format {value}: text or json")
        setattr(options, _TEXTS[name], value)
    else:
        attribute, what = _NUMBERS[name]
        number = _number(name, what, value)
        if name == "-m" and not 0 < number <= _SHARED_MB_MAX:
            raise UsageError(f"bad {what}: -m {value}: 1 to {_SHARED_MB_MAX} megabytes")
        if name in _NOT_NEGATIVE and number < 0:
            raise UsageError(f"bad {what}: {name} {value}: 0 or more")
        if name == "--retry-after" and not 0 < number <= _RETRY_AFTER_MAX_S:
            raise UsageError(f"bad {what}: {name} {value}: 1 to {_RETRY_AFTER_MAX_S}")
        setattr(options, attribute, number)


def _number(name: str, what: str, text: str) -> int:
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 9:
        raise UsageError(f"bad {what}: {name} {text}: write a decimal number")
    return int(text)


def parse_listen(text: str) -> Listen:
    """`[proto:]address[:port]`, address a name, an interface, an IPv4 address or an IPv6 one in brackets.

    Reference core, 1.2. Beyond SER 0.9.7, which refuses what its own manual page shows, `udp:` alone means all
    interfaces; its host is "". Raises UsageError.
    """
    error = UsageError(f"bad -l address specifier: {text}: write [udp:|tcp:]host[:port], an IPv6 address in brackets")
    parts = _split_outside_brackets(text)
    if len(parts) == 1:
        proto, host, port = "", parts[0], ""
    elif len(parts) == 3:
        proto, host, port = parts
    elif len(parts) == 2 and parts[1].isascii() and parts[1].isdecimal():
        proto, host, port = "", parts[0], parts[1]
    elif len(parts) == 2:
        proto, host, port = parts[0], parts[1], ""
    else:
        raise error
    if (proto and proto.lower() not in ("udp", "tcp")) or not _is_host(host, bool(proto) and not port):
        raise error
    if len(parts) == 3 and not (port.isascii() and port.isdecimal()):
        raise error
    if port and not 0 < int(port) < 65536:
        raise error
    return Listen(proto.lower(), host, int(port or 0))


def parse_metrics_address(text: str) -> MetricsAddress:
    """`unix:path`, an absolute path, or `[address:]port` with an address of this machine. Raises UsageError."""
    path = text.removeprefix("unix:")
    if path and (path != text or path.startswith("/")):
        return MetricsAddress(text, path=path)
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    try:
        ip = ipaddress.ip_address(host)
        good = port.isascii() and port.isdecimal() and 0 < int(port) < 65536
    except ValueError:
        good = False
    if not good:
        raise UsageError(f"bad metrics address: --metrics {text}: write unix:/path, or 127.0.0.1:9100")
    if not ip.is_loopback:
        raise UsageError(
            f"bad metrics address: --metrics {text}: metrics are served to this machine only: 127.0.0.1, [::1] or unix:/path"
        )
    return MetricsAddress(text, ip=str(ip), port=int(port))


def _is_host(host: str, may_be_empty: bool) -> bool:
    """A first look only: resolving says the rest."""
    if host.startswith("["):
        return host.endswith("]") and len(host) > 2
    return may_be_empty if not host else not any(c in "[]*/ \t" for c in host)


def _split_outside_brackets(text: str) -> list[str]:
    """At the colons that do not stand inside `[...]`."""
    parts = [""]
    inside = False
    for c in text:
        if c == ":" and not inside:
            parts.append("")
            continue
        inside = c == "[" or (inside and c != "]")
        parts[-1] += c
    return parts


def version_text(native: bool) -> str:
    """What -V prints."""
    import platform

    build = "native (compiled with mypyc)" if native else "pure Python (slow: for production install the native build)"
    return (
        f"version: ser {VERSION} ({platform.machine()}/{platform.system().lower()})\n"
        f"build: {build}, {platform.python_implementation()} {platform.python_version()}\n"
        "flags: USE_IPV6, USE_TCP, USE_MCAST, DNS_IP_HACK\n"
        f"MAX_RECV_BUFFER_SIZE {MAXBUFFER}, BUF_SIZE 65535"
    )


def usage_text(prog: str) -> str:
    """What -h prints: every option, with what it really does."""
    source = "-f config-file" if prog == "ser" else "--routes routes.py"
    return _USAGE.format(prog=prog, version=VERSION, source=source, source_help=_SOURCE_HELP[prog], maxbuffer=MAXBUFFER)


_SOURCE_HELP: Final = {
    "ser": " -f file      configuration file (default /etc/ser/ser.cfg)",
    "ser-runtime": " --routes file  the module that `serc ser.cfg -o file` has written",
}

_USAGE: Final = """\
version: {prog} {version}
usage: {prog} [ -hcrRvdDEVT ] [ {source} ] [ -l address ] [ -n processes-no ]
           [ -N tcp-processes-no ] [ -b max_rcv_buf_size ] [ -w working-dir ] [ -t chroot-dir ] [ -u uid ] [ -g gid ]
           [ -P pid-file ] [ -G pgid-file ] [ -m shared-megabytes ] [ -i fifo ] [ -x unix-socket ]
           [ --drain seconds ] [ --queue ms ] [ --retry-after seconds ] [ --log-format text|json ] [ --metrics address ]
options:
{source_help}
 -c           do all that a start does short of listening and forking, print listen addresses and aliases, exit 0 if the
              server would start
 -l address   listen on [proto:]host[:port]; several -l mean several addresses. host is a name, an IPv4 address,
              an IPv6 address in brackets or an interface; `udp:` alone is every IPv4 address. Without proto both
              UDP and TCP; without -l every IPv4 address
 -n number    processes for each UDP address (default 8)
 -N number    processes for TCP connections (default: as many as -n)
 -b bytes     upper bound of the socket receive buffer that is probed for (default {maxbuffer})
 -r           use DNS to find out if a Via needs "received="
 -R           the same with reverse DNS
 -v           check the first Via of replies
 -d           one more level of debugging than 2; may be repeated. A debug= of ser.cfg wins
 -D           stay in the foreground
 -E           log to standard error
 -T           no TCP
 -w dir       working directory (default /)
 -t dir       change the root directory
 -u uid       user to run as, name or number
 -g gid       group to run as, name or number
 -m number    megabytes of memory that processes may share (default 32)
 -i path      FIFO for commands (default: none)
 -x path      Unix datagram socket for commands (default: none)
 -P file      write the process number into this file
 -G file      write the process group number into this file
 --drain sec   after SIGTERM wait so many seconds at most for running transactions (default 10; 0: end at once);
              new requests get 503. SIGINT and a second SIGTERM end at once
 --queue ms   while datagrams wait for longer than that before they are read, new requests get 503 (default 20;
              0: never). Replies, and requests of calls and transactions that are under way, are handled
 --retry-after sec
              what such a 503 says: to try again after so many seconds to twice as many (default 5)
 --log-format text|json
              how a record of the log looks: SER's line (default), or a JSON object
 --metrics address
              serve metrics (OpenMetrics) and health over HTTP, on this machine only: unix:/path, or a port such as 127.0.0.1:9100
 -V           version
 -h           this text
What the configuration file sets counts more than the command line, as in SER."""
