"""Changes to a message on its way out: SER's lumps. Reference core, 6.9."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

# So many are put in order without a call per edit.
_FEW: Final = 16


class Outbound:
    """How a message leaves, as far as the text in it depends on that: the two interfaces it crosses.

    `received_host`, `received_port`, `received_proto` of the socket that received it; `sent_…` of the one that sends,
    with an advertised address or port in the place of its own. `crosses` is True when they are different sockets.
    `sent_port_shown` and `received_port_shown` tell whether the port is written (not 5060, or advertised).
    """

    def __init__(
        self,
        received_host: bytes,
        received_port: i64,
        received_proto: i64,
        sent_host: bytes,
        sent_port: i64,
        sent_proto: i64,
        crosses: bool,
        advertised: bool,
    ) -> None:
        self.received_host: Final = received_host
        self.received_port: Final = received_port
        self.received_proto: Final = received_proto
        self.sent_host: Final = sent_host
        self.sent_port: Final = sent_port
        self.sent_proto: Final = sent_proto
        self.crosses: Final = crosses
        self.received_port_shown: Final = received_port != 5060
        self.sent_port_shown: Final = advertised or sent_port != 5060


class LateText:
    """Text that is known only when the way out is: a Record-Route names the interface that sends."""

    def render(self, outbound: Outbound) -> bytes:
        raise NotImplementedError


@final
class Edit:
    """Replace `start:end` of the received bytes by `text`, or by what `late` renders (`start == end` inserts)."""

    def __init__(self, start: i64, end: i64, text: bytes, late: LateText | None = None) -> None:
        self.start: Final = start
        self.end: Final = end
        self.text: Final = text
        self.late: Final = late


def apply(buf: bytes, edits: list[Edit], outbound: Outbound | None) -> bytes:
    """`buf` with all edits made.

    Edits at the same place appear in the order of the list; of overlapping deletions the later one is trimmed. What lies
    within a deletion goes with it: a parameter for a Via that is removed must not stay behind alone. The list need not be
    in order. `outbound` None: there are no late texts.
    """
    if len(edits) == 0:
        return buf
    if not _in_order(edits):
        edits = _sorted(edits)
    pieces: list[bytes] = []
    done: i64 = 0
    gone_start: i64 = 0
    gone_end: i64 = 0
    for edit in edits:
        if gone_start < edit.start < gone_end and edit.end <= gone_end:
            continue
        if len(edit.text) == 0 and edit.late is None and edit.end > gone_end:
            gone_start = edit.start
            gone_end = edit.end
        if edit.start > done:
            pieces.append(buf[done : edit.start])
            done = edit.start
        if edit.late is not None:
            assert outbound is not None
            pieces.append(edit.late.render(outbound))
        else:
            pieces.append(edit.text)
        if edit.end > done:
            done = edit.end
    pieces.append(buf[done:])
    return b"".join(pieces)


def _in_order(edits: list[Edit]) -> bool:
    last: i64 = 0
    for edit in edits:
        if edit.start < last:
            return False
        last = edit.start
    return True


def _sorted(edits: list[Edit]) -> list[Edit]:
    """By their places; those at one place keep their order."""
    if len(edits) > _FEW:
        return sorted(edits, key=_start_of)
    ordered: list[Edit] = []
    for edit in edits:
        at = len(ordered)
        while at > 0 and ordered[at - 1].start > edit.start:
            at -= 1
        ordered.insert(at, edit)
    return ordered


def _start_of(edit: Edit) -> int:
    return edit.start


def body_growth(edits: list[Edit], body_start: i64) -> i64:
    """By how many bytes `apply` makes the body longer that begins at `body_start`.

    Text that begins above `body_start` belongs to the headers, whatever it replaces.
    """
    if not _reach(edits, body_start):
        return 0
    if not _in_order(edits):
        edits = _sorted(edits)
    growth: i64 = 0
    done = body_start
    gone_start: i64 = 0
    gone_end: i64 = 0
    for edit in edits:
        if gone_start < edit.start < gone_end and edit.end <= gone_end:
            continue
        if len(edit.text) == 0 and edit.late is None and edit.end > gone_end:
            gone_start = edit.start
            gone_end = edit.end
        if edit.start >= body_start:
            growth += len(edit.text)
        if edit.start > done:
            done = edit.start
        if edit.end > done:
            growth -= edit.end - done
            done = edit.end
    return growth


def _reach(edits: list[Edit], body_start: i64) -> bool:
    for edit in edits:
        if edit.start >= body_start or edit.end > body_start:
            return True
    return False
