"""However a call goes, what its transactions held is given back when the last of them has ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runtime.modules import core
from runtime.modules.tm import Tm
from runtime.routing.context import Context
from tm.site import Site, acknowledgement, reply, request, to


def site_of(ways: list[bytes], replies: bool = False) -> Site:
    """A site that forks to `ways`; one whose failure route tries the next, and then answers, where `replies`."""
    tm = Tm(fr_timer=5, fr_inv_timer=10, wt_timer=2)

    def route(ctx: Context) -> int:
        for way in ways:
            core.append_branch_uri(ctx, way, -1)
        if replies:
            tm.t_on_failure(ctx, 1)
        return tm.t_relay(ctx)

    def failed(ctx: Context) -> int:
        core.append_branch_uri(ctx, b"sip:c@127.0.0.1:5095", -1)
        return tm.t_relay(ctx)

    return Site(tm, route, {1: failed})


def nobody_answers(site: Site) -> None:
    site.say(request())


def repeated_without_end(site: Site) -> None:
    for _ in range(40):
        site.say(request())


def rings_for_ever(site: Site) -> None:
    sends = site.say(request())
    for _ in range(30):
        site.say(reply(to(sends, 5090), 180), 5090)
        site.wait(1)


def long_replies(site: Site) -> None:
    sends = site.say(request())
    for code in (183, 486):
        site.say(reply(to(sends, 5090), code).replace(b"\r\n\r\n", b"\r\nX: " + b"x" * 30_000 + b"\r\n\r\n"), 5090)


def cancelled_at_once(site: Site) -> None:
    site.say(request())
    for _ in range(5):
        site.say(request("CANCEL"))


def cancelled_amid_ringing(site: Site) -> None:
    sends = site.say(request())
    site.say(reply(to(sends, 5090), 180), 5090)
    site.say(request("CANCEL"))


def accepted_and_refused(site: Site) -> None:
    sends = site.say(request())
    for code in (486, 200, 603, 200, 180):
        site.say(reply(to(sends, 5090), code), 5090)


def refused_and_never_acknowledged(site: Site) -> None:
    site.say(reply(to(site.say(request()), 5090), 603), 5090)


def acknowledged_too_early(site: Site) -> None:
    site.say(acknowledgement("z9hG4bKa", "x"))
    site.say(reply(to(site.say(request()), 5090), 486), 5090)


def a_bye_that_is_answered_twice(site: Site) -> None:
    sends = site.say(request("BYE"))
    for _ in range(2):
        site.say(reply(to(sends, 5090), 200), 5090)


def a_long_body(site: Site) -> None:
    site.say(request(more="X: " + "x" * 40_000 + "\r\n"))


CALLS: list[Callable[[Site], None]] = [
    nobody_answers,
    repeated_without_end,
    rings_for_ever,
    long_replies,
    cancelled_at_once,
    cancelled_amid_ringing,
    accepted_and_refused,
    refused_and_never_acknowledged,
    acknowledged_too_early,
    a_bye_that_is_answered_twice,
    a_long_body,
]
FORKS = [b"sip:c%d@127.0.0.1:%d" % (port, port) for port in (5091, 5092, 5093)]


@pytest.mark.parametrize("ways", [[], FORKS], ids=["one branch", "four branches"])
@pytest.mark.parametrize("replies", [False, True], ids=["", "failure route"])
@pytest.mark.parametrize("call", CALLS)
def test_what_a_call_held_is_given_back(call: Callable[[Site], None], replies: bool, ways: list[bytes]) -> None:
    site = site_of(ways, replies)
    call(site)
    assert site.open > 0 and site.tm.core.layer.counts.held_bytes > 0
    site.wait(400)
    assert (site.open, site.tm.core.layer.counts.held_bytes) == (0, 0)
