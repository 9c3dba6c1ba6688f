"""What a NAPTR record makes of a number. RFC 6116 3.4.1, RFC 3402 3.2, as narrow as SER reads them."""

from __future__ import annotations

from typing import Final

from runtime.sip.regex import BadRegex, Regex

_SIP = ("e2u+sip", "sip+e2u")

# What a pattern may come to, and each of its repetitions when it is written out. A number has 15 digits and a record 255 bytes;
# whoever has written it must not keep a process busy.
_PATTERN_MAX: Final = 255
_REPETITION_MAX: Final = 16
_DIGITS: Final = frozenset("0123456789")
# What a replacement can name. RFC 3402 3.2
_GROUPS_MAX: Final = 9


def is_service(services: str, wanted: str) -> bool:
    """True if a record is of the service: `E2U+wanted:sip`, or plain SIP in either order for ""."""
    return services.lower() in _SIP if wanted == "" else services.lower() == f"e2u+{wanted}:sip".lower()


def uri_of(regexp: str, number: bytes) -> bytes:
    """The replacement in `!pattern!replacement!flags` with its groups filled in; b"" where the number does not match.

    Flags do not count. Raises ValueError, one sentence, for a wrong delimiter or a bad pattern.
    """
    parts = regexp.split("!")
    if len(parts) != 4 or parts[0]:
        raise ValueError(f"{regexp} is not !pattern!replacement!")
    try:
        pattern = Regex(parts[1].encode("latin-1"), newline=False, largest=_REPETITION_MAX)
    except BadRegex as e:
        raise ValueError(f"{parts[1]} is no regular expression: {e}") from e
    if pattern.refers_back or pattern.size > _PATTERN_MAX or pattern.groups > _GROUPS_MAX:
        raise ValueError(f"{parts[1]} is no expression for a number")
    match = pattern.find(number)
    if match is None:
        return b""
    out: list[bytes] = []
    at = 0
    text = parts[2]
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 2] in _DIGITS:
            group = int(text[at + 1])
            if group > pattern.groups:
                raise ValueError(f"{regexp} names group {group}, which its pattern has not")
            out.append(match.group(group))
            at += 2
        else:
            # Another escaped character stands for itself.
            at += 1 if text[at] == "\\" and at + 1 < len(text) else 0
            out.append(text[at].encode("latin-1"))
            at += 1
    return b"".join(out)
