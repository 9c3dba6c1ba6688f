"""Whole files that are of another server: one sentence says more than forty errors."""

from __future__ import annotations

import re
from typing import Final

from serc.reading.tree import Span

# So many different signs of another server, and so many errors, or every error is told.
_SIGNS: Final = 3
_ERRORS: Final = 5


def _patterns(*texts: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(text, re.MULTILINE) for text in texts)


def _modules(names: str) -> str:
    return rf'^[ \t]*loadmodule[ \t]+"(?:[^"\n]*/)?(?:{"|".join(names.split())})(?:\.so)?"'


_BOTH: Final = (
    r"^[ \t]*[^#\s\"][^\"\n]*\$(?:fU|fu|rU|ru|rd|tU|tu|si|sp|var\(|avp\(|ci|oP)",
    r"\b(?:exit|return)(?:\([-0-9]*\))?[ \t]*;",
    r"\b(?:branch_route|error_route|local_route)[ \t]*(?:\[|\{)",
    r"\broute[ \t]*[\[(][ \t]*[A-Za-z_]{2,}\w*[ \t]*[\])]",
    r"\b(?:is_method|has_totag|t_check_trans|is_request|send_reply|sl_reply)[ \t]*\(",
    r"^[ \t]*mpath[ \t]*=",
)
_KAMAILIO: Final = _patterns(
    *_BOTH,
    r"^#!(?:KAMAILIO|ALL|MAXCOMPAT)",
    r"^#!(?:define|ifdef|ifndef|substdef|subst|trydef|redefine)\b",
    r"\brequest_route[ \t]*\{",
    r"\b(?:event_route|onsend_route|reply_route)[ \t]*[\[{]",
    _modules("kex corex pv siputils sanity tmx jsonrpcs ctl cfg_rpc cfgutils rtpengine counters htable app_lua mi_rpc"),
)
_OPENSIPS: Final = _patterns(
    *_BOTH,
    _modules(
        "proto_udp proto_tcp proto_tls sipmsgops signaling mid_registrar mi_fifo mi_datagram httpd b2b_entities clusterer"
    ),
    r"^[ \t]*(?:log_level|udp_workers|tcp_workers|socket|xlog_level|stderror_enabled|syslog_enabled|db_default_url)[ \t]*=",
    r"\b(?:startup_route|timer_route)[ \t]*[\[{]",
)


def other_server(text: str, errors: int) -> tuple[str, Span] | None:
    """Whose config this is, and the first place that says so; None for one of ours, however wrong."""
    if errors < _ERRORS:
        return None
    best: tuple[int, str, Span] | None = None
    for name, patterns in (("Kamailio", _KAMAILIO), ("OpenSIPS", _OPENSIPS)):
        found = [match for pattern in patterns if (match := pattern.search(text)) is not None]
        if len(found) >= _SIGNS and (best is None or len(found) > best[0]):
            first = min(found, key=lambda match: match.start())
            best = len(found), name, Span(first.start(), first.end())
    return None if best is None else best[1:]
