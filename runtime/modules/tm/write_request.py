"""Requests handed to an application, in the protocol of SEMS. Reference modules-main, 1.13.

The application answers with the command t_reply; if it does not, the transaction ends with 408.
"""

from __future__ import annotations

import os
import socket
from typing import Final, final

from runtime.modules.tm.call import Call
from runtime.modules.tm.core import Core
from runtime.modules.tm.dialog import dialog_of_request
from runtime.modules.tm.state import name_of
from runtime.routing.avps import AvpName
from runtime.routing.context import L_ERR, Context
from runtime.routing.module import Module
from runtime.routing.port import Port
from runtime.routing.prepared import CannotPrepare, Prepared, named_avp
from runtime.routing.world import World
from runtime.sip.cseq import parse_cseq
from runtime.sip.nameaddr import tag_of
from runtime.sip.scan import BadMessage
from runtime.sip.transit import reversed_hex
from runtime.sip.uri import BadUri
from runtime.tx.transaction import MAX_BRANCHES, Branch

VERSION: Final = b"0.3"

AVP: Final = 1
HEADER: Final = 2
BODY: Final = 3


@final
class Element:
    """One line that tw_append adds: `title`, and where its value is: in an AVP, a header, or (`kind` BODY) the body."""

    def __init__(self, title: bytes, kind: int, header: bytes, avp: AvpName) -> None:
        self.title: Final = title
        self.kind: Final = kind
        self.header: Final = header
        self.avp: Final = avp

    def line(self, ctx: Context) -> bytes:
        """`title: value`, b"" where there is no such AVP or header."""
        if self.kind == HEADER:
            i = ctx.message.find_header(self.header.lower())
            return b"" if i < 0 else self.title + b": " + _one_line(ctx.message.value(ctx.message.headers[i])) + b"\n"
        value = ctx.avps.first(self.avp)
        if value is None:
            return b""
        return self.title + b": " + (_one_line(value) if isinstance(value, bytes) else b"%d" % value) + b"\n"


class AppendOwner(Module):
    """The module with the sets that tw_append defines; Tm is it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.appends: Final[dict[bytes, list[Element]]] = {}

    def define(self, text: str, world: World) -> None:
        """Take one value of tw_append, `name:element;…`; serc has checked its form. Raises CannotPrepare."""
        name, _, elements = text.partition(":")
        self.appends[name.strip().encode("latin-1")] = [_element(one.strip(), world) for one in elements.split(";")]


_TM: Final = Port("tm", AppendOwner)


def _element(text: str, world: World) -> Element:
    before, _, inside = text.rstrip("]").partition("[")
    title, _, kind = before.rpartition("=")
    word = inside.strip().encode("latin-1")
    # Without a title the name stands for itself, without the letter that tells numbers from texts.
    shown = title.strip().encode("latin-1") or word.removeprefix(b"s:").removeprefix(b"i:")
    if kind.strip().lower() == "hdr":
        return Element(shown, HEADER, word, b"")
    if kind.strip().lower() == "msg":
        return Element(shown, BODY, b"", b"")
    return Element(shown, AVP, b"", named_avp(world, inside.strip()))


@final
class Action(Prepared):
    """The second argument: what the application is to do, and the set that tw_append defines under `append` (b"": none)."""

    def __init__(self, name: bytes, append: bytes) -> None:
        self.name: Final = name
        self.append: Final = append
        self.elements: list[Element] = []

    def prepare(self, world: World) -> None:
        if not self.append:
            return
        found = _TM.of(world).appends.get(self.append)
        if found is None:
            raise CannotPrepare(f'no tw_append defines "{self.append.decode("latin-1")}", which a route uses')
        self.elements = found


def described(call: Call, ctx: Context, action: Action) -> bytes | None:
    """The text for the application; None, with a log line, when the request lacks what it needs."""
    try:
        lines = _lines(ctx, call, action)
    except (BadMessage, BadUri) as e:
        ctx.log(L_ERR, f"ERROR: t_write: {e}")
        return None
    text = b"".join([_one_line(line) + b"\n" for line in lines])
    with_body = call.is_invite or any(element.kind == BODY for element in action.elements)
    appended = b"".join([element.line(ctx) for element in action.elements if element.kind != BODY])
    body = ctx.message.body() if with_body else b""
    # SER's flags of a message, which are not those of scripts: 1 is force_rport.
    flags = reversed_hex(1 if ctx.force_rport else 0)
    return text + b"P-MsgFlags: " + flags + b"\n" + appended + b".\n" + (body if with_body else b".") + b"\n"


def _one_line(value: bytes) -> bytes:
    """A folded header is one line for who reads lines."""
    return value.replace(b"\r", b"").replace(b"\n", b" ")


def _lines(ctx: Context, call: Call, action: Action) -> list[bytes]:
    """The eighteen lines before the headers. Raises BadMessage and BadUri."""
    msg = ctx.message
    uri = ctx.parsed_uri()
    own = ctx.socket.address
    dialog = dialog_of_request(msg)
    from_ = ctx.from_value()
    to = ctx.to_value()
    cseq = parse_cseq(msg)
    return [
        VERSION,
        b"sip_request." + action.name,
        msg.method_name(),
        uri.user(),
        uri.host(),
        own.host(),
        b"." if own.port == 5060 else b"%d" % own.port,
        ctx.received_uri(),
        dialog.target,
        msg.buf[from_.start : from_.params_start].rstrip(),
        msg.value(msg.to),
        msg.value(msg.call_id),
        tag_of(msg.buf, from_),
        tag_of(msg.buf, to),
        msg.buf[cseq.number_start : cseq.number_end],
        name_of(call.id),
        b",".join(dialog.routes) or b".",
        dialog.next_hop or b".",
    ]


def add_blind_branch(core: Core, call: Call, ctx: Context) -> bool:
    """Wait for somebody else's answer as for that of a branch."""
    number = len(call.branches)
    if number >= MAX_BRANCHES:
        ctx.log(L_ERR, f"ERROR: t_write: over {MAX_BRANCHES} branches")
        return False
    branch = Branch(call, number, None, b"")
    call.branches.append(branch)
    core.layer.start(branch, core.fr_ms(call.decided.avps), ctx.now_ms)
    return True


def write_fifo(ctx: Context, path: bytes, text: bytes) -> bool:
    """Write into a FIFO that somebody reads. Never waits: a worker has other things to do."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as e:
        ctx.log(L_ERR, f"ERROR: t_write_req: {path.decode('latin-1')}: {os.strerror(e.errno or 0)}")
        return False
    try:
        written = os.write(fd, text)
    except OSError as e:
        ctx.log(L_ERR, f"ERROR: t_write_req: {path.decode('latin-1')}: {os.strerror(e.errno or 0)}")
        return False
    finally:
        os.close(fd)
    if written < len(text):
        ctx.log(L_ERR, f"ERROR: t_write_req: {path.decode('latin-1')}: only {written} of {len(text)} bytes fitted")
        return False
    return True


def write_socket(ctx: Context, path: bytes, text: bytes) -> bool:
    """Send to a Unix datagram socket. Never waits."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as s:
        try:
            s.sendto(text, path)
        except OSError as e:
            ctx.log(L_ERR, f"ERROR: t_write_unix: {path.decode('latin-1')}: {os.strerror(e.errno or 0)}")
            return False
    return True
