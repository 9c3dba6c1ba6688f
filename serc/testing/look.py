"""What a route can see and change of a message, as text."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from runtime.modules import catalogue
from runtime.routing.avps import Avp, AvpName, AvpValue
from runtime.routing.context import Context
from runtime.routing.decisions import Target
from runtime.sip.edits import Edit, Outbound
from runtime.sip.scan import BadMessage

# Names of what is changed, as people call it.
_NAMES: Final = {
    "uri": "uri",
    "next_hop": "next hop",
    "flags": "flags",
    "branches": "branches",
    "avps": "AVPs",
    "edits": "message",
    "reply_headers": "reply header",
    "failure_route": "failure route",
    "reply_route": "onreply route",
    "send_socket": "send socket",
    "advertised": "advertised",
}


# What a test looks at, where it cannot be read.
UNREADABLE: Final = "nothing: "


@dataclass(frozen=True)
class Change:
    """`what` was `before` and is `after`; "" where there was, or is, nothing."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Look:
    """A message at one moment."""

    uri: str
    next_hop: str
    flags: tuple[str, ...]
    branches: tuple[str, ...]
    avps: tuple[str, ...]
    edits: tuple[str, ...]
    reply_headers: tuple[str, ...]
    failure_route: str
    reply_route: str
    send_socket: str
    advertised: str

    @classmethod
    def of(cls, ctx: Context) -> Look:
        flags = int(ctx.flags)
        return cls(
            _text(ctx.uri()) if ctx.message.is_request else "",
            _text(ctx.dst_uri or b""),
            tuple(str(n) for n in range(32) if flags >> n & 1),
            tuple(_branch(branch) for branch in ctx.branches),
            tuple(_avp(pair) for pair in ctx.avps.pairs()),
            tuple(_edit(ctx, edit) for edit in ctx.edits),
            tuple(_text(line.strip()) for line in ctx.reply_headers),
            str(ctx.on_failure or ""),
            str(ctx.on_reply or ""),
            "" if ctx.send_socket is None else str(ctx.send_socket.address),
            _text(ctx.advertised_address),
        )


def changes(before: Look, after: Look) -> list[Change]:
    """What is different; of lists, what has come and what has gone."""
    found: list[Change] = []
    if before == after:
        return found
    for each in fields(Look):
        old, new = getattr(before, each.name), getattr(after, each.name)
        name = _NAMES[each.name]
        if old == new:
            continue
        if isinstance(old, tuple):
            found += [Change(name, one, "") for one in old if one not in new]
            found += [Change(name, "", one) for one in new if one not in old]
        else:
            found.append(Change(name, old, new))
    return found


def left_side(ctx: Context, operand: str) -> str:
    """What a test looks at, as it is now."""
    declared = catalogue.core().operand(operand)
    assert declared is not None, operand
    try:
        return declared.shown(ctx)
    except BadMessage as e:
        return f"{UNREADABLE}{e}"


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _branch(branch: Target) -> str:
    next_hop = f" by {_text(branch.dst_uri)}" if branch.dst_uri else ""
    q = f";q={branch.q / 1000:g}" if branch.q >= 0 else ""
    return f"{_text(branch.uri)}{next_hop}{q}"


def _avp(pair: Avp) -> str:
    return f"{avp_name(pair.name())}={avp_value(pair.value)}"


def avp_name(name: AvpName) -> str:
    """As xlog and avpops write it."""
    return f"i:{name}" if isinstance(name, int) else f"s:{_text(name)}"


def avp_value(value: AvpValue) -> str:
    return str(value) if isinstance(value, int) else f'"{_text(value)}"'


def _edit(ctx: Context, edit: Edit) -> str:
    """`+` is what is written, `-` what is left out."""
    gone = _text(ctx.message.buf[edit.start : edit.end]).strip()
    new = _text(edit.text if edit.late is None else edit.late.render(_straight(ctx))).strip()
    parts = [f"-{_shown(gone)}" if gone else "", f"+{_shown(new)}" if new else ""]
    return " ".join(part for part in parts if part)


def _straight(ctx: Context) -> Outbound:
    """The way out by the socket that the message came by: what a late text is shown for."""
    host, port, proto = ctx.socket.address.host(), ctx.socket.address.port, ctx.socket.proto
    return Outbound(host, port, proto, host, port, proto, False, False)


def _shown(text: str) -> str:
    return text.replace("\r\n", " | ")
