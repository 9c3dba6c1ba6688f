"""The answer of a phone to a challenge. RFC 2617 and 8760."""

from __future__ import annotations

import hashlib
import re

_CNONCE = "0a4f113b"


def credentials(challenge: str, username: str, password: str, method: str, uri: str) -> str:
    """The value of Authorization or Proxy-Authorization for a challenge."""
    given = {name.lower(): value for name, value in re.findall(r'(\w+)="?([^",]*)"?', challenge)}
    algorithm = given.get("algorithm", "MD5")
    digest = hashlib.sha256 if algorithm.upper() == "SHA-256" else hashlib.md5

    def hashed(text: str) -> str:
        return digest(text.encode("latin-1")).hexdigest()

    realm, nonce = given.get("realm", ""), given.get("nonce", "")
    qop = "auth" if "auth" in given.get("qop", "").split(",") else ""
    used = f"00000001:{_CNONCE}:{qop}:" if qop else ""
    response = hashed(f"{hashed(f'{username}:{realm}:{password}')}:{nonce}:{used}{hashed(f'{method}:{uri}')}")
    parts = [f'username="{username}"', f'realm="{realm}"', f'nonce="{nonce}"', f'uri="{uri}"', f'response="{response}"']
    if "algorithm" in given:
        parts.append(f"algorithm={algorithm}")
    if "opaque" in given:
        parts.append(f'opaque="{given["opaque"]}"')
    if qop:
        parts += [f"qop={qop}", "nc=00000001", f'cnonce="{_CNONCE}"']
    return "Digest " + ", ".join(parts)
