"""What a route can see and change of a message, and what is different from one moment to the next, as text."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.routing.avps import Avp, AvpName, AvpValue
from runtime.routing.context import Context
from runtime.routing.decisions import Target
from runtime.sip.edits import Edit, Outbound
from runtime.sip.transport import ListenSocket

# What a test looks at, where it cannot be read.
UNREADABLE: Final = "nothing: "


@final
class Change:
    """`what` was `before` and is `after`; "" where there was, or is, nothing."""

    def __init__(self, what: str, before: str, after: str) -> None:
        self.what: Final = what
        self.before: Final = before
        self.after: Final = after


@final
class Look:
    """A message at one moment: what is there, not yet as text, for most statements change nothing."""

    def __init__(self, ctx: Context) -> None:
        self.uri: Final = ctx.new_uri
        self.next_hop: Final = ctx.dst_uri
        self.flags: Final[i64] = ctx.flags
        self.branches: Final[list[Target]] = ctx.branches[:]
        self.avps: Final[list[Avp]] = ctx.avps.pairs()
        self.edits: Final[list[Edit]] = ctx.edits[:]
        self.reply_headers: Final[list[bytes]] = ctx.reply_headers[:]
        self.failure_route: Final[i64] = ctx.on_failure
        self.reply_route: Final[i64] = ctx.on_reply
        self.send_socket: Final = ctx.send_socket
        self.advertised: Final = ctx.advertised_address

    def is_of(self, ctx: Context) -> bool:
        """True if nothing has changed since."""
        return (
            self.uri is ctx.new_uri
            and self.next_hop is ctx.dst_uri
            and self.flags == ctx.flags
            and self.failure_route == ctx.on_failure
            and self.reply_route == ctx.on_reply
            and self.send_socket is ctx.send_socket
            and self.advertised == ctx.advertised_address
            and len(self.avps) == len(ctx.avps)
            and self.edits == ctx.edits
            and self.branches == ctx.branches
            and self.reply_headers == ctx.reply_headers
            and (len(self.avps) == 0 or self.avps == ctx.avps.pairs())
        )


def changes(ctx: Context, before: Look, after: Look) -> list[Change]:
    """What is different; of lists, what has come and what has gone. `after` is how `ctx` looks now."""
    found: list[Change] = []
    if before.uri is not after.uri and ctx.message.is_request:
        received = ctx.received_uri()
        _compare(found, "uri", _text(before.uri or received), _text(after.uri or received))
    if before.next_hop is not after.next_hop:
        _compare(found, "next hop", _text(before.next_hop or b""), _text(after.next_hop or b""))
    if before.flags != after.flags:
        _compare_flags(found, before.flags, after.flags)
    if before.branches != after.branches:
        _compare_all(found, "branches", [_branch(b) for b in before.branches], [_branch(b) for b in after.branches])
    if before.avps != after.avps:
        _compare_all(found, "AVPs", [_avp(a) for a in before.avps], [_avp(a) for a in after.avps])
    if before.edits != after.edits:
        gone = [edit for edit in before.edits if edit not in after.edits]
        come = [edit for edit in after.edits if edit not in before.edits]
        _compare_all(found, "message", [_edit(ctx, e) for e in gone], [_edit(ctx, e) for e in come])
    if before.reply_headers != after.reply_headers:
        _compare_all(found, "reply header", _lines(before.reply_headers), _lines(after.reply_headers))
    if before.failure_route != after.failure_route:
        _compare(found, "failure route", _number(before.failure_route), _number(after.failure_route))
    if before.reply_route != after.reply_route:
        _compare(found, "onreply route", _number(before.reply_route), _number(after.reply_route))
    if before.send_socket is not after.send_socket:
        _compare(found, "send socket", _socket(before.send_socket), _socket(after.send_socket))
    if before.advertised != after.advertised:
        _compare(found, "advertised", _text(before.advertised), _text(after.advertised))
    return found


def _compare_flags(found: list[Change], before: i64, after: i64) -> None:
    for number in range(32):
        was, now = before >> number & 1, after >> number & 1
        if was != now:
            found.append(Change("flags", str(number) if was else "", str(number) if now else ""))


def _compare(found: list[Change], what: str, before: str, after: str) -> None:
    if before != after:
        found.append(Change(what, before, after))


def _compare_all(found: list[Change], what: str, before: list[str], after: list[str]) -> None:
    found.extend([Change(what, one, "") for one in before if one not in after])
    found.extend([Change(what, "", one) for one in after if one not in before])


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _number(number: i64) -> str:
    return str(number) if number != 0 else ""


def _lines(headers: list[bytes]) -> list[str]:
    return [_text(line.strip()) for line in headers]


def _socket(socket: ListenSocket | None) -> str:
    return "" if socket is None else str(socket.address)


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
    return " ".join([part for part in parts if part])


def _straight(ctx: Context) -> Outbound:
    """The way out by the socket that the message came by: what a late text is shown for."""
    host, port, proto = ctx.socket.address.host(), ctx.socket.address.port, ctx.socket.proto
    return Outbound(host, port, proto, host, port, proto, False, False)


def _shown(text: str) -> str:
    return text.replace("\r\n", " | ")
