"""A phone that answers digest challenges, computed here and not by what is tested. RFC 7616 3.4."""

from __future__ import annotations

import hashlib
import re


def hex_of(algorithm: str, text: str) -> str:
    return hashlib.new({"MD5": "md5", "SHA-256": "sha256"}[algorithm], text.encode("latin-1")).hexdigest()


def nonce_of(secret: str, expires_s: int) -> str:
    """A nonce that a server with this secret has made."""
    until = f"{expires_s:08x}"
    return until + hex_of("MD5", until + secret)


def challenges(reply: bytes) -> list[dict[str, str]]:
    """The parameters of each challenge in a reply."""
    lines = re.findall(rb"(?m)^(?:WWW|Proxy)-Authenticate: Digest (.*)\r$", reply)
    return [dict(re.findall(r'(\w+)="?([^",]*)"?', line.decode("latin-1"))) for line in lines]


class Phone:
    """Somebody with a username and a password. `credentials` is the value of an Authorization header."""

    def __init__(self, username: str = "alice", password: str = "secret", realm: str = "example.com") -> None:
        self.username = username
        self.password = password
        self.realm = realm

    def credentials(
        self,
        nonce: str,
        method: str = "REGISTER",
        uri: str = "sip:example.com",
        *,
        qop: str = "",
        count: int = 1,
        cnonce: str = "0a4f113b",
        algorithm: str = "",
        body: str = "",
        response: str = "",
    ) -> str:
        """`response` is sent in the place of the right one."""
        name = algorithm or "MD5"
        ha1 = hex_of(name, f"{self.username}:{self.realm}:{self.password}")
        entity = ":" + hex_of(name, body) if qop == "auth-int" else ""
        ha2 = hex_of(name, f"{method}:{uri}{entity}")
        used = f"{count:08x}:{cnonce}:{qop}:" if qop else ""
        values = {
            "username": f'"{self.username}"',
            "realm": f'"{self.realm}"',
            "nonce": f'"{nonce}"',
            "uri": f'"{uri}"',
        }
        right = hex_of(name, f"{ha1}:{nonce}:{used}{ha2}")
        values["response"] = f'"{response or right}"'
        if qop:
            values |= {"qop": qop, "nc": f"{count:08x}", "cnonce": f'"{cnonce}"'}
        if algorithm:
            values["algorithm"] = algorithm
        return "Digest " + ", ".join(f"{key}={value}" for key, value in values.items())


def without(credentials: str, name: str) -> str:
    """Credentials that lack a parameter."""
    parameters = credentials.removeprefix("Digest ").split(", ")
    return "Digest " + ", ".join(one for one in parameters if not one.startswith(name + "="))
