"""The answer of a phone to a challenge. RFC 2617 and 8760."""

from __future__ import annotations

import hashlib
import re

_CNONCE = "0a4f113b"


def fields_of(value: str) -> dict[str, str]:
    """The parameters of a challenge or of credentials, by their names in small letters."""
    found = re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]*))', value)
    return {name.lower(): quoted or bare for name, quoted, bare in found}


def ha1_of(algorithm: str, username: str, realm: str, password: str) -> str:
    """What a server keeps in the place of a password."""
    return _hashed(algorithm, f"{username}:{realm}:{password}")


def response_of(given: dict[str, str], ha1: str, method: str, body: str = "") -> str:
    """The response that belongs to these parameters of credentials."""
    algorithm, qop = given.get("algorithm", "MD5"), given.get("qop", "")
    used = f"{given.get('nc', '')}:{given.get('cnonce', '')}:{qop}:" if qop else ""
    what = f"{method}:{given.get('uri', '')}"
    if qop.lower() == "auth-int":
        what += f":{_hashed(algorithm, body)}"
    return _hashed(algorithm, f"{ha1}:{given.get('nonce', '')}:{used}{_hashed(algorithm, what)}")


def credentials(challenge: str, username: str, password: str, method: str, uri: str) -> str:
    """The value of Authorization or Proxy-Authorization for a challenge."""
    asked = fields_of(challenge)
    given = {"username": username, "realm": asked.get("realm", ""), "nonce": asked.get("nonce", ""), "uri": uri}
    given |= {name: asked[name] for name in ("algorithm", "opaque") if name in asked}
    if "auth" in asked.get("qop", "").split(","):
        given |= {"qop": "auth", "nc": "00000001", "cnonce": _CNONCE}
    ha1 = ha1_of(asked.get("algorithm", "MD5"), username, given["realm"], password)
    parts = [f'{name}="{given[name]}"' for name in ("username", "realm", "nonce", "uri")]
    parts.append(f'response="{response_of(given, ha1, method)}"')
    if "algorithm" in given:
        parts.append(f"algorithm={given['algorithm']}")
    if "opaque" in given:
        parts.append(f'opaque="{given["opaque"]}"')
    if "qop" in given:
        parts += ["qop=auth", "nc=00000001", f'cnonce="{_CNONCE}"']
    return "Digest " + ", ".join(parts)


def _hashed(algorithm: str, text: str) -> str:
    digest = hashlib.sha256 if algorithm.upper() == "SHA-256" else hashlib.md5
    return digest(text.encode("latin-1")).hexdigest()
