"""Changes to a message on its way out. Reference core, 6.9."""

from __future__ import annotations

from itertools import permutations

import pytest

from runtime.modules.rr.record_route import RecordRoute, Tail
from runtime.sip.edits import Edit, Outbound, apply, body_growth

TEXT = b"0123456789"


def applied(*edits: tuple[int, int, bytes]) -> bytes:
    return apply(TEXT, [Edit(*edit) for edit in edits], None)


def outbound(
    received_port: int = 5060, sent_port: int = 5060, crosses: bool = False, advertised: bool = False
) -> Outbound:
    return Outbound(b"192.0.2.1", received_port, 1, b"192.0.2.2", sent_port, 1, crosses, advertised)


def test_without_edits_nothing_changes() -> None:
    assert applied() == TEXT


@pytest.mark.parametrize(
    ("edits", "result"),
    [
        ([(3, 5, b"ab")], b"012ab56789"),
        ([(3, 5, b"")], b"01256789"),
        ([(3, 3, b"ab")], b"012ab3456789"),
        ([(0, 0, b"ab")], b"ab0123456789"),
        ([(10, 10, b"ab")], b"0123456789ab"),
        ([(0, 10, b"")], b""),
        ([(2, 4, b"x"), (6, 8, b"y")], b"01x45y89"),
        ([(2, 4, b"x"), (4, 6, b"y")], b"01xy6789"),
    ],
)
def test_edits_replace_insert_and_delete(edits: list[tuple[int, int, bytes]], result: bytes) -> None:
    for order in permutations(edits):
        assert applied(*order) == result


def test_insertions_at_one_place_keep_the_order_in_which_they_were_made() -> None:
    assert applied((3, 3, b"a"), (7, 7, b"-"), (3, 3, b"b"), (3, 3, b"c")) == b"012abc3456-789"


def test_an_insertion_stands_before_or_behind_the_deletion_at_its_place() -> None:
    assert applied((3, 5, b""), (3, 3, b"a"), (5, 5, b"b")) == b"012ab56789"
    assert applied((3, 3, b"a"), (3, 5, b"")) == b"012a56789"


@pytest.mark.parametrize(
    ("edits", "result"),
    [
        # The one that begins later is trimmed.
        ([(2, 6, b"x"), (4, 8, b"y")], b"01xy89"),
        ([(4, 8, b"y"), (2, 6, b"x")], b"01xy89"),
        # What contains another takes it along.
        ([(2, 8, b"x"), (4, 6, b"y")], b"01x89"),
        ([(4, 6, b"y"), (2, 8, b"x")], b"01x89"),
        ([(2, 4, b"y"), (2, 8, b"")], b"0189"),
        ([(2, 8, b""), (2, 4, b"y")], b"0189"),
        # Of two for the same bytes the later one counts (SER writes both).
        ([(2, 4, b"x"), (2, 4, b"y")], b"01y456789"),
        # Text is not put into bytes that are gone.
        ([(2, 8, b"x"), (4, 4, b"y"), (8, 8, b"z")], b"01xz89"),
        ([(2, 4, b""), (2, 8, b"")], b"0189"),
    ],
)
def test_overlapping_edits_remove_every_byte_once(edits: list[tuple[int, int, bytes]], result: bytes) -> None:
    assert applied(*edits) == result


@pytest.mark.parametrize(
    ("edits", "result"),
    [
        ([(2, 8, b""), (4, 4, b"x")], b"0189"),
        ([(2, 8, b""), (4, 6, b"x")], b"0189"),
        ([(2, 8, b""), (6, 8, b"x")], b"0189"),
        ([(2, 8, b""), (6, 9, b"x")], b"01x9"),
        ([(2, 8, b""), (8, 8, b"x")], b"01x89"),
        ([(2, 8, b""), (2, 2, b"x")], b"01x89"),
    ],
)
def test_what_lies_within_a_deletion_goes_with_it(edits: list[tuple[int, int, bytes]], result: bytes) -> None:
    for order in permutations(edits):
        assert applied(*order) == result


def test_late_text_is_rendered_for_the_way_out() -> None:
    edits = [Edit(3, 3, b"", RecordRoute(b"", Tail(b"", b";lr", None), False)), Edit(3, 3, b"|")]
    for port in (5070, 5080):
        line = b"Record-Route: <sip:192.0.2.2:%d;lr>\r\n" % port
        assert apply(TEXT, edits, outbound(sent_port=port)) == b"012" + line + b"|3456789"


def test_a_port_is_shown_unless_it_is_5060() -> None:
    assert not outbound().sent_port_shown and not outbound().received_port_shown
    assert outbound(sent_port=5070).sent_port_shown
    assert outbound(received_port=5070).received_port_shown
    assert outbound(advertised=True).sent_port_shown and not outbound(advertised=True).received_port_shown


@pytest.mark.parametrize(
    "edits",
    [
        [],
        [(1, 2, b"headers only")],
        [(6, 8, b"")],
        [(6, 6, b"abc")],
        [(5, 5, b"at the start")],
        [(10, 10, b"at the end")],
        [(7, 8, b"later"), (6, 7, b"")],
        [(6, 8, b"x"), (7, 9, b"yy")],
        [(6, 8, b"x"), (6, 8, b"x")],
        [(5, 10, b""), (6, 7, b"gone")],
        [(3, 7, b"")],
        [(2, 9, b""), (8, 10, b"zz")],
    ],
)
def test_the_growth_of_the_body_is_what_apply_makes_of_it(edits: list[tuple[int, int, bytes]]) -> None:
    body_start = 5
    changes = [Edit(*edit) for edit in edits]
    # What is left of the headers: everything that the edits leave of a text without a body.
    head = apply(TEXT[:body_start], [e for e in changes if e.start < body_start], None)
    whole = apply(TEXT, changes, None)
    assert body_growth(changes, body_start) == len(whole) - len(head) - 5


LINES = b"A: 1\r\nB: 2\r\n\r\n"


def lines_applied(*edits: Edit) -> bytes:
    return apply(LINES, list(edits), None)


def test_a_header_line_goes_above_what_replaces_the_beginning_of_the_next() -> None:
    for order in permutations([Edit(6, 10, b"X"), Edit(6, 6, b"Via: v\r\n", None, True), Edit(6, 6, b"text")]):
        assert lines_applied(*order) == b"A: 1\r\nVia: v\r\ntextX\r\n\r\n"


def test_a_header_line_begins_a_line_whatever_is_in_front_of_it() -> None:
    via = Edit(6, 6, b"Via: v\r\n", None, True)
    assert lines_applied(Edit(3, 6, b"9"), via) == b"A: 9\r\nVia: v\r\nB: 2\r\n\r\n"
    assert lines_applied(Edit(3, 8, b"9"), via) == b"A: 9\r\nVia: v\r\n 2\r\n\r\n"


def test_a_header_line_without_its_end_gets_one() -> None:
    assert lines_applied(Edit(12, 12, b"C: 3", None, True)) == b"A: 1\r\nB: 2\r\nC: 3\r\n\r\n"


def test_thousands_of_overlapping_edits_cost_what_their_number_does() -> None:
    edits = [Edit(i, i + 2, b"x") for i in range(20_000)]
    assert apply(bytes(20_001), edits, None) == b"x" * 20_000
