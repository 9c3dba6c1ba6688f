"""What stands behind the address of a `listen`: how many processes, and the address that others are told."""

from __future__ import annotations

import re
from typing import Final

from serc.migration.draft import Draft, Fate, Remark
from serc.reading.tree import Span

_LISTEN: Final = re.compile(
    r"""^[ \t]*(?:listen|socket)[ \t]*=[ \t]*(?P<place>[^\s#;]+)(?P<more>(?:[ \t]+[^\s#;]+)+)""", re.MULTILINE
)
_ADVERTISED: Final = re.compile(
    r"\b(?:advertise|as)[ \t]+[\"']?(?P<host>\[[^\]\s]+\]|[^:\s\"']+)(?::(?P<port>\d+))?[\"']?", re.IGNORECASE
)
_OTHERS: Final = re.compile(r"\b(?:name|use_children|use_workers|tag)[ \t]+\S+|\b(?:virtual|anycast)\b", re.IGNORECASE)


def rewrite_listen(draft: Draft) -> None:
    """0.9 tells others one address, whichever of its own it sends from."""
    advertised = ""
    in_blocks = [draft.between(start, closing) for start, _, closing in draft.blocks()]
    for found in _LISTEN.finditer(draft.source.text):
        more = found["more"]
        known = _ADVERTISED.search(more)
        left = _OTHERS.sub("", _ADVERTISED.sub("", more)).strip()
        if left or any(span.start <= found.start() < span.end for span in in_blocks):
            continue  # more addresses, or something that nobody knows
        line = draft.old_line(draft.source.line_of(found.start("place")))
        written = ""
        if known is not None:
            told = f'advertised_address="{known["host"]}"' + f" advertised_port={known['port']}" * bool(known["port"])
            written = "" if advertised else f" {told}"
            advertised = advertised or told
            if told != advertised:
                draft.remarks.append(Remark(line, f"listen: 0.9 advertises one address: {advertised}, and not {told}"))
        if (other := _OTHERS.search(more)) is not None:
            text = f"listen: {other[0]} is gone: all addresses have the same processes, and no names"
            draft.remarks.append(Remark(line, text, Fate.CHANGED))
        draft.replace(Span(found.start("more"), found.end("more")), written)
