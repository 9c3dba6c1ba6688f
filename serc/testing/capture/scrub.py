"""Names and addresses of real people, and what stands for them: the same for the same, wherever it is."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

_NAMES: Final = (
    "alice bob carol dave erin frank grace heidi ivan judy karl laura mike nina oscar peggy quinn ruth sam trudy uwe vera walter "
    "xenia yves zoe"
).split()
_IP: Final = re.compile(r"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w.]*\d)")
_IP6: Final = re.compile(r"\[([0-9A-Fa-f:]*:[0-9A-Fa-f:.]+)\]|(?<=IP6 )([0-9A-Fa-f:]+)")
_URI: Final = re.compile(
    r"(sips?:|tel:)(?:([^\s@<>;:]+)(?::[^@\s]*)?@)?([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|\[[^\]]*\])?"
)
# What has no scheme before it; one that has it is done then.
_MAIL: Final = re.compile(r"(?<![\w.+:@-])([A-Za-z0-9_.+-]+)@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
_NETWORK: Final = re.compile(r"([0-9]+(?:\.[0-9]+){3})/([0-9.]+)")
_WORD: Final = re.compile(r"[A-Za-z0-9_.+-]+")
# A number keeps so much of its begin, for that is what scripts look at.
_KEPT_DIGITS: Final = 4
_SECRETS: Final = re.compile(
    r"^a=(?:crypto|fingerprint|ice-pwd|ice-ufrag|key-mgmt|cname|ssrc)[^\r\n]*\r?\n", re.MULTILINE | re.IGNORECASE
)


class Scrubber:
    """What ser.cfg names stays, or the script would do something else. A name that stands for another one is none of `text`, all that is to
    be scrubbed: who it names would seem to be somebody else."""

    def __init__(self, config: str, text: str = "") -> None:
        self._kept: Final = set(_WORD.findall(config)) | set(re.findall(r'"([^"\n]*)"', config))
        self._networks: Final = [_network(*found) for found in _NETWORK.findall(config)]
        self._users: Final[dict[str, str]] = {}
        self._hosts: Final[dict[str, str]] = {}
        there = {word.lower() for word in _WORD.findall(text)}
        self._names = iter([name for name in _NAMES if name not in there])
        self._count = 0

    def is_named(self, word: str) -> bool:
        """True if ser.cfg has this word."""
        return word in self._kept or any(word in kept for kept in self._kept if len(kept) > len(word))

    def user(self, user: str) -> str:
        """Letters become a name, numbers other numbers with the same begin."""
        if user in self._kept or not user:
            return user
        if user not in self._users:
            self._count += 1
            digits = user.lstrip("+")
            if digits.isdecimal():
                kept = user[: min(_KEPT_DIGITS, max(1, len(user) - 3))]
                rest = len(user) - len(kept)
                made = kept + str(self._count % 10**rest).zfill(rest) if len(digits) > 3 else user
            else:
                made = next(self._names, f"user{self._count}")
            self._users[user] = made
        return self._users[user]

    def host(self, host: str) -> str:
        """An address becomes one for examples, in the same network if ser.cfg has one; a domain another one."""
        if host in self._kept or not host or host in ("127.0.0.1", "0.0.0.0"):
            return host
        if host not in self._hosts:
            self._hosts[host] = self._address(host) if _is_ip(host) else f"host{len(self._hosts) + 1}.example"
        return self._hosts[host]

    def _address(self, host: str) -> str:
        ip = ipaddress.ip_address(host)
        number = len(self._hosts) + 1
        taken = set(self._hosts.values()) | self._kept
        base = ipaddress.ip_network("192.0.2.0/24" if ip.version == 4 else "2001:db8::/64")
        inside = next((network for network in self._networks if network is not None and ip in network), None)
        network = inside if inside is not None and inside.num_addresses > 2 else base
        while True:
            made = str(network.network_address + number % (network.num_addresses - 1))
            if made not in taken or number > network.num_addresses:
                return made
            number += 1

    def text(self, text: str) -> str:
        """All URIs and addresses in it."""
        text = _URI.sub(self._uri, text)
        text = _MAIL.sub(lambda found: f"{self.user(found[1])}@{self.host(found[2])}", text)
        text = _IP.sub(lambda found: self.host(found[0]), text)
        return _IP6.sub(lambda found: f"[{self.host(found[1])}]" if found[1] else self.host(found[2]), text)

    def _uri(self, found: re.Match[str]) -> str:
        scheme, user, host = found[1], found[2] or "", found[3] or ""
        shown = self.host(host) if host and not host.startswith("[") and not _is_ip(host) else host
        if scheme == "tel:":
            return scheme + self.user(user or host)
        return scheme + (f"{self.user(user)}@" if user else "") + shown

    def body(self, body: str, kind: str) -> str:
        """A session without names, keys and addresses; of any other text nothing but that it was there."""
        if "sdp" not in kind.lower() and not body.startswith("v=0"):
            return "x\r\n" if body.strip() else ""
        body = _SECRETS.sub("", body)
        body = re.sub(r"^o=\S+", "o=-", body, flags=re.MULTILINE)
        body = re.sub(r"^([siuep])=[^\r\n]*", lambda found: f"{found[1]}=-", body, flags=re.MULTILINE)
        body = re.sub(r"^[uep]=-\r?\n", "", body, flags=re.MULTILINE)
        return self.text(body)


def _network(host: str, mask: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(f"{host}/{mask}", strict=False)
    except ValueError:
        return None


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
