"""What is shown of messages to people who watch: everything but passwords and what proves that somebody knows one."""

from __future__ import annotations

import re
from typing import Final

_HIDDEN: Final = "***"

# Response and auth-param secrets of Digest, credentials of Basic and Bearer, and the password of a URI (RFC 3261 19.1.1).
_PATTERNS: Final = (
    (re.compile(r'(\bresponse\s*=\s*"?)[0-9A-Za-z+/=]+', re.IGNORECASE), r"\g<1>" + _HIDDEN),
    (re.compile(r"(authorization\s*:\s*(?:basic|bearer)\s+)[^\s,;]+", re.IGNORECASE), r"\g<1>" + _HIDDEN),
    (re.compile(r"(\bsips?:[^\s:@<>;?\"']*:)[^\s@<>\"']+(?=@)", re.IGNORECASE), r"\g<1>" + _HIDDEN),
)
# Columns of SER's tables, and parts of names that others give theirs.
_SECRET_COLUMN: Final = re.compile(r"passw|passwd|secret|^ha1|ha1b?$|^pin$|token", re.IGNORECASE)


def masked_text(text: str) -> str:
    """The text with *** for each secret in it."""
    for pattern, hidden in _PATTERNS:
        text = pattern.sub(hidden, text)
    return text


def shown(message: bytes) -> str:
    """A message as text, without secrets."""
    return masked_text(message.decode("latin-1"))


def is_secret(column: str) -> bool:
    """True for a column of a table whose values nobody is shown."""
    return _SECRET_COLUMN.search(column) is not None
