"""Names to addresses on a message's way: /etc/hosts, then DNS with dnspython. Reference core, 6.5.

A question blocks its worker until the answer or the deadline; answers and failures are kept for a while, so that only the
first message to a host waits. Issue "The daemon" moves questions off the workers.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import TYPE_CHECKING, Final

from runtime.routing.ports import Log, Naptr, Resolver
from runtime.server.log import DBG, WARN
from runtime.sip.address import TCP, TLS, UDP, Address, from_packed

if TYPE_CHECKING:
    from dns.resolver import Answer
    from dns.resolver import Resolver as DnsResolver

DEADLINE_S: Final = 3.0

_KEEP_MIN_S: Final = 1.0
_KEEP_MAX_S: Final = 3600.0
_KEEP_FAILURE_S: Final = 15.0
_CACHE_MAX: Final = 4096

_SERVICE: Final = {UDP: "_sip._udp.", TCP: "_sip._tcp.", TLS: "_sips._tcp."}

# A question's answer is texts: addresses, names, "port target" of SRV records, the parts of NAPTR records with NULs between
# them, in the order to try.
_Kept = tuple[float, list[str]]


class ServerResolver(Resolver):
    """The resolver of one process. `nameservers` (addresses) replaces those of /etc/resolv.conf; `port` is theirs.

    `deadline_s` bounds one question. `hosts` is read once, here.
    """

    def __init__(
        self,
        log: Log,
        nameservers: list[str] | None = None,
        port: int = 53,
        hosts: str = "/etc/hosts",
        deadline_s: float = DEADLINE_S,
    ) -> None:
        super().__init__()
        self._log: Final = log
        self._nameservers: Final = nameservers
        self._port: Final = port
        self._deadline_s: Final = deadline_s
        self._dns: DnsResolver | None = None
        self._cache: dict[tuple[str, str], _Kept] = {}
        self._by_name, self._by_ip = _read_hosts(hosts)

    def preload(self) -> None:
        """Import and read now what a change of the root directory puts out of reach."""
        import encodings.idna  # noqa: F401

        self._resolver()

    def resolve(self, host: bytes, port: int, proto: int) -> list[Address]:
        name = _as_text(host)
        if not name:
            return []
        if port == 0 and name not in self._by_name:
            for record in self._ask("SRV", _SERVICE[proto] + name) if proto in _SERVICE else []:
                target_port, _, target = record.partition(" ")
                found = self._addresses(target)
                if found:
                    return [from_packed(ip, int(target_port)) for ip in found]
        default = 5061 if proto == TLS else 5060
        return [from_packed(ip, port or default) for ip in self._addresses(name)]

    def addresses(self, host: bytes) -> list[bytes]:
        return self._addresses(_as_text(host))

    def _addresses(self, name: str) -> list[bytes]:
        """IPv4 addresses, and only where there are none IPv6 ones."""
        if not name:
            return []
        literals = self._by_name.get(name) or self._ask("A", name) or self._ask("AAAA", name)
        return [ipaddress.ip_address(literal).packed for literal in literals]

    def names(self, ip: bytes) -> list[bytes]:
        literal = ipaddress.ip_address(ip)
        known = self._by_ip.get(str(literal))
        found = known if known is not None else self._ask("PTR", literal.reverse_pointer)
        return [name.encode() for name in found]

    def naptr(self, name: bytes) -> list[Naptr]:
        found = []
        for text in self._ask("NAPTR", _as_text(name)):
            order, preference, flags, services, regexp = text.split("\0")
            found.append(Naptr(int(order), int(preference), flags, services, regexp))
        return found

    def outgoing_ip(self, destination: Address) -> bytes:
        family = socket.AF_INET6 if destination.is_ipv6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as scratch:
            try:
                scratch.connect(destination.pair())
            except OSError:
                return b""
            own: str = scratch.getsockname()[0]
            return socket.inet_pton(family, own.partition("%")[0])

    def _ask(self, kind: str, name: str) -> list[str]:
        """Kept or fresh; empty for "no such record" and for "no answer" alike."""
        now = time.monotonic()
        kept = self._cache.get((kind, name))
        if kept is not None and kept[0] > now:
            return kept[1]
        texts, keep_s = self._ask_dns(kind, name)
        if len(self._cache) >= _CACHE_MAX:
            self._cache.clear()
        self._cache[kind, name] = (time.monotonic() + keep_s, texts)
        return texts

    def _ask_dns(self, kind: str, name: str) -> tuple[list[str], float]:
        """The answer's texts and how long to keep them, in seconds."""
        from dns.exception import DNSException
        from dns.resolver import NXDOMAIN, NoAnswer, NoNameservers

        try:
            answer = self._resolver().resolve(name, kind, search=False)
        except (NXDOMAIN, NoAnswer):
            return [], _KEEP_FAILURE_S
        except (DNSException, OSError, ValueError, UnicodeError) as e:
            short = "no answer in time" if not isinstance(e, NoNameservers) else "the name servers failed"
            self._log.write(WARN, f"WARNING: DNS: {kind} of {name}: {short}")
            self._log.write(DBG, f"DEBUG: DNS: {e}")
            return [], _KEEP_FAILURE_S
        keep_s = max(_KEEP_MIN_S, min(_KEEP_MAX_S, answer.expiration - time.time()))
        return _texts_of(kind, answer), keep_s

    def _resolver(self) -> DnsResolver:
        """Made when first needed: the import takes longer than the rest of the start."""
        if self._dns is None:
            from dns.resolver import NoResolverConfiguration
            from dns.resolver import Resolver as DnsResolver

            try:
                self._dns = DnsResolver(configure=self._nameservers is None)
            except NoResolverConfiguration:
                self._dns = DnsResolver(configure=False)
            if self._nameservers is not None:
                self._dns.nameservers = list(self._nameservers)
            self._dns.port = self._port
            self._dns.lifetime = self._deadline_s
            self._dns.timeout = min(self._dns.timeout, self._deadline_s / 2)
        return self._dns


def _texts_of(kind: str, answer: Answer) -> list[str]:
    """SRV by priority upwards, then weight downwards, as SER sorts them: nothing is random."""
    if kind == "SRV":
        records = sorted(answer, key=lambda r: (r.priority, -r.weight))
        return [f"{r.port} {_dotless(r.target.to_text())}" for r in records if _dotless(r.target.to_text())]
    if kind == "NAPTR":
        rules = sorted(answer, key=lambda r: (r.order, r.preference))
        return [
            "\0".join([str(r.order), str(r.preference), *map(_latin, (r.flags, r.service, r.regexp))]) for r in rules
        ]
    if kind == "PTR":
        return [_dotless(r.target.to_text()) for r in answer]
    return [str(r.address) for r in answer]


def _latin(text: bytes) -> str:
    return text.decode("latin-1").replace("\0", "")


def _dotless(name: str) -> str:
    return name.rstrip(".").lower()


def _as_text(host: bytes) -> str:
    """Lower case and without a final dot; "" for what can be no host name."""
    try:
        return _dotless(host.decode("ascii"))
    except UnicodeDecodeError:
        return ""


def _read_hosts(path: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Addresses by name (IPv4 alone where there is one) and names by address. An unreadable file is an empty one."""
    by_name: dict[str, list[str]] = {}
    by_ip: dict[str, list[str]] = {}
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        lines = []
    for line in lines:
        words = line.partition("#")[0].split()
        try:
            literal = str(ipaddress.ip_address(words[0].partition("%")[0])) if words else ""
        except ValueError:
            continue
        for name in words[1:]:
            by_name.setdefault(name.lower(), []).append(literal)
            by_ip.setdefault(literal, []).append(name.lower())
    for name, literals in by_name.items():
        by_name[name] = [ip for ip in literals if ":" not in ip] or literals
    return by_name, by_ip
