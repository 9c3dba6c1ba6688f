"""However much is due at once, messages that come meanwhile need not wait for all of it."""

from __future__ import annotations

from runtime.modules.tm import Tm
from runtime.modules.tm.events import A_TURN
from tm.site import Site, request

COUNT = 3 * int(A_TURN)


def test_transactions_that_end_at_once_end_in_turns() -> None:
    site = Site(Tm(fr_timer=2, wt_timer=1))
    for number in range(COUNT):
        site.say(request(branch=f"z9hG4bK{number}", call=f"m{number}", method="OPTIONS"))
    site.wait(1.99)
    site.now_ms += 100
    turns = []
    while site.engine.next_timer_ms(site.now_ms) == 0:
        turns.append(len(site.engine.tick(site.now_ms)))
    assert sum(turns) == COUNT and max(turns) <= A_TURN and len(turns) >= 3, "408s"
    site.wait(2)
    assert site.open == 0
