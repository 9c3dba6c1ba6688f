"""Changes to a message on its way out: SER's lumps. Reference core, 6.9."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from runtime.sip.scan import LF

# So many are put in order without a call per edit.
_FEW: Final = 16


class Outbound:
    """How a message leaves, as far as the text in it depends on that: the two interfaces it crosses.

    `received_host`, `received_port`, `received_proto` of the socket that received it; `sent_…` of the one that sends,
    with an advertised address or port in the place of its own. `crosses` is True when they are different sockets.
    `sent_port_shown` and `received_port_shown` tell whether the port is written (not 5060, or advertised).
    `destination` is the packed IP address that it goes to, b"" where none is known.
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
        destination: bytes = b"",
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
        self.destination: Final = destination


class LateText:
    """Text that is known only when the way out is: a Record-Route names the interface that sends."""

    def render(self, outbound: Outbound) -> bytes:
        raise NotImplementedError


@final
@mypyc_attr(acyclic=True, free_list_len=1)
class Edit:
    """Replace `start:end` of the received bytes by `text`, or by what `late` renders (`start == end` inserts).

    `is_line`: an insertion of whole header lines. It begins and ends a line, whatever is changed around it.
    `is_foreign`: nobody knows what it does to the message. One that is not leaves Content-Length, the empty line and the body alone.
    """

    def __init__(
        self,
        start: i64,
        end: i64,
        text: bytes,
        late: LateText | None = None,
        is_line: bool = False,
        is_foreign: bool = True,
    ) -> None:
        self.start: Final = start
        self.end: Final = end
        self.text: Final = text
        self.late: Final = late
        self.is_line: Final = is_line
        self.is_foreign: Final = is_foreign and late is None


def apply(buf: bytes, edits: list[Edit], outbound: Outbound | None) -> bytes:
    """`buf` with all edits made; the list need not be in order. `outbound` None: there are no late texts.

    At one place header lines come first, then other insertions, then what replaces the bytes that stand there; within a kind the
    order is that of the list. Two edits of the same bytes never both write: `settled` says which does.
    """
    if len(edits) == 0:
        return buf
    pieces: list[bytes] = []
    done: i64 = 0
    for edit in settled(edits):
        if edit.start > done:
            pieces.append(buf[done : edit.start])
            done = edit.start
        text = edit.text
        if edit.late is not None:
            assert outbound is not None
            text = edit.late.render(outbound)
        if edit.is_line:
            if not _ends_line(pieces):
                pieces.append(b"\r\n")
            pieces.append(text)
            if len(text) > 0 and text[len(text) - 1] != LF:
                pieces.append(b"\r\n")
        else:
            pieces.append(text)
        if edit.end > done:
            done = edit.end
    pieces.append(buf[done:])
    return b"".join(pieces)


def _ends_line(pieces: list[bytes]) -> bool:
    """True if what has been written so far ends a line, or is nothing at all."""
    at = len(pieces) - 1
    while at >= 0:
        piece = pieces[at]
        if len(piece) > 0:
            return piece[len(piece) - 1] == LF
        at -= 1
    return True


def settled(edits: list[Edit]) -> list[Edit]:
    """The edits in the order of their places, of those that concern the same bytes only what counts.

    * Of two for just the same bytes the later one: a function that is called after another knows better.
    * One that contains another: a header that is removed takes what was changed in it along.
    * Of two that overlap otherwise the one that begins later loses the bytes that both have, and keeps its text.
    * Text is not inserted into bytes that are gone; header lines are, behind what has taken the place.
    """
    if _are_apart(edits):
        return edits
    kept: list[Edit] = []
    # The place in `kept` of the last one that takes bytes away, and where it ends.
    last = -1
    start: i64 = 0
    end: i64 = 0
    for edit in _sorted(edits):
        if edit.start >= end:
            pass
        elif edit.start == edit.end:
            if not edit.is_line:
                continue
        elif edit.start == start and edit.end >= end:
            kept[last] = edit
            end = edit.end
            continue
        elif edit.end <= end:
            continue
        if edit.end > edit.start:
            last = len(kept)
            start = edit.start
        kept.append(edit if edit.start >= end or edit.is_line else _shortened(edit, end))
        end = max(end, edit.end)
    return kept


def _shortened(edit: Edit, start: i64) -> Edit:
    """Without the bytes in front of `start`."""
    return Edit(start, edit.end, edit.text, edit.late, False, edit.is_foreign)


def _are_apart(edits: list[Edit]) -> bool:
    """True if the edits are in order already and none concerns the bytes of another: nearly always."""
    done: i64 = 0
    rank: i64 = 0
    for edit in edits:
        start = edit.start
        if start < done or start == done and _rank(edit) < rank:
            return False
        # At one place an insertion goes before a replacement, and behind what ends there.
        rank = _rank(edit) if edit.start == edit.end else 0
        done = edit.end
    return True


def _rank(edit: Edit) -> i64:
    """The order at one place: header lines, other insertions, replacements."""
    if edit.is_line:
        return 0
    return 1 if edit.start == edit.end else 2


def _sorted(edits: list[Edit]) -> list[Edit]:
    """By their places; those of a kind at one place keep their order."""
    if len(edits) > _FEW:
        return sorted(edits, key=_place_of)
    ordered: list[Edit] = []
    for edit in edits:
        at = len(ordered)
        while at > 0 and _is_behind(ordered[at - 1], edit):
            at -= 1
        ordered.insert(at, edit)
    return ordered


def _is_behind(one: Edit, other: Edit) -> bool:
    return one.start > other.start or one.start == other.start and _rank(one) > _rank(other)


def _place_of(edit: Edit) -> int:
    return edit.start * 4 + _rank(edit)


def are_foreign(edits: list[Edit]) -> bool:
    """True if one of them may change more than it should. The lines that are made on the way out do not."""
    for edit in edits:
        if edit.is_foreign:
            return True
    return False


def body_growth(edits: list[Edit], body_start: i64) -> i64:
    """By how many bytes `apply` makes the body longer that begins at `body_start`.

    Text that begins above `body_start` belongs to the headers, whatever it replaces.
    """
    if not _reach(edits, body_start):
        return 0
    growth: i64 = 0
    for edit in settled(edits):
        if edit.start >= body_start:
            growth += len(edit.text)
        if edit.end > body_start:
            growth -= edit.end - max(edit.start, body_start)
    return growth


def _reach(edits: list[Edit], body_start: i64) -> bool:
    for edit in edits:
        if edit.start >= body_start or edit.end > body_start:
            return True
    return False
