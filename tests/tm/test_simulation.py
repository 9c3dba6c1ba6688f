"""Random callers, callees, name servers, loss, repetition, disorder and time: what must hold whatever happens. Each run has a
seed.

SER_SIMULATIONS sets how many runs there are.
"""

from __future__ import annotations

import gc
import heapq
import os
import random
import sys
from typing import Final

import pytest
from engine import Names, header
from rows import Desk, Row

from runtime.build import NATIVE
from runtime.modules import core
from runtime.modules.tm import Tm
from runtime.routing.context import Context
from runtime.routing.dns_records import A, Answer, NameQuestion
from runtime.sip.transport import Send
from tm.site import CALLER, Site, acknowledgement, reply, request

RUNS: Final = int(os.environ.get("SER_SIMULATIONS", "1000" if NATIVE else "200"))
CALLS: Final = 5
CALLEES: Final = (5090, 5091, 5092)
MINUTES_MS: Final = 10 * 60_000


class Simulation:
    """One run: CALLS calls at once, forked or led on to other callees, over a network that does what it likes.

    The name of a call says in its last letters what becomes of it: which of its routes wait for a row (m the main route, f the
    failure route, r the onreply route, a all of them, - none); whether it is forked in parallel or in series; and what the host of
    its first callee is: an address, or a name whose address comes late, or never, or does not exist, or that nobody can tell.
    """

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        tm = Tm(fr_timer=8, fr_inv_timer=20)
        self.desk = Desk(deadline_ms=4000, limit=3)

        def ask(ctx: Context, where: bytes) -> None:
            if ctx.message.value(ctx.message.call_id)[-3:-2] in (where, b"a"):
                self.desk.row(ctx, where)

        def route(ctx: Context) -> int:
            call = ctx.message.value(ctx.message.call_id)
            ask(ctx, b"m")
            tm.t_on_reply(ctx, 1)
            host = b"127.0.0.1" if call.endswith(b"a") else call + b".test"
            core.set_uri(ctx, b"sip:b@%s:%d" % (host, CALLEES[0]))
            if call[-2:-1] == b"p":
                for port in CALLEES[1:]:
                    core.append_branch_uri(ctx, b"sip:b@127.0.0.1:%d" % port, -1)
            if call[-2:-1] == b"s":
                tm.t_on_failure(ctx, 1)
            return tm.t_relay(ctx)

        def on_reply(ctx: Context) -> int:
            ask(ctx, b"r")
            return 1

        def lead_on(ctx: Context) -> int:
            call = ctx.message.value(ctx.message.call_id)
            ask(ctx, b"f")
            host = b"127.0.0.1" if call.endswith(b"a") else b"other-" + call + b".test"
            core.append_branch_uri(ctx, b"sip:b@%s:%d" % (host, CALLEES[1]), -1)
            return tm.t_relay(ctx)

        self.site = Site(tm, route, {1: lead_on}, {1: on_reply}, names=Names(is_late=True))
        # When, in which order, and to which question an answer comes to the proxy.
        self.answers: list[tuple[int, int, NameQuestion | Row]] = []
        self.loss = self.chance.choice((0.0, 0.0, 0.1, 0.3))
        # When, in which order, what, from which port: what is under way to the proxy. And the branch of which it is the final reply.
        self.coming: list[tuple[int, int, bytes, int, bytes]] = []
        self.finished: set[bytes] = set()
        # The caller's requests that the proxy has answered for good, and its own ones, by their Vias.
        self.closed: set[tuple[str, str]] = set()
        self.seen: set[str] = set()
        self.number = 0
        self.finals: dict[tuple[str, str], set[str]] = {}
        self.asked: set[tuple[str, int]] = set()
        self.answered: dict[bytes, int] = {}
        self.cancelled: set[bytes] = set()
        # Branches that have rung or answered: where a reply is at least under way.
        self.signs: set[bytes] = set()

    def post(self, data: bytes, port: int, delay_ms: int, final_of: bytes = b"") -> None:
        """Under way to the proxy, once, twice or not at all."""
        for _ in range(1 + (self.chance.random() < 0.1)):
            if self.chance.random() >= self.loss:
                self.number += 1
                when = self.site.now_ms + delay_ms + self.chance.randrange(50)
                heapq.heappush(self.coming, (when, self.number, data, port, final_of))

    def begin(self) -> None:
        for i in range(CALLS):
            name = f"c{i}{self.chance.choice('--mfra')}{self.chance.choice('ops')}{self.chance.choice('aallneu')}"
            branch = f"z9hG4bK{i}"
            method = self.chance.choice(("INVITE", "INVITE", "INVITE", "OPTIONS"))
            start = self.chance.randrange(3000)
            data = request(method, branch=branch, call=name)
            self.asked.add((name, CALLER))
            for again in (0, 500, 1500, 3500):
                self.post(data, CALLER, start + again)
            if method == "INVITE" and self.chance.random() < 0.4:
                self.post(request("CANCEL", branch=branch, call=name), CALLER, start + self.chance.randrange(15_000))

    def deliver(self, sends: list[Send]) -> None:
        """What the proxy sends arrives at once, if at all; who gets it answers."""
        for send in sends:
            port = send.destination.port
            call = header(send.data, "Call-ID") or ""
            if send.data.startswith(b"SIP/2.0"):
                assert port == CALLER and (call, CALLER) in self.asked, "a reply to somebody who did not ask"
                self.hear(send, call)
                if send.data[8:9] in b"23456":
                    self.closed.add((call, header(send.data, "CSeq") or ""))
                continue
            branch = header(send.data, "Via") or ""
            if branch not in self.seen:
                self.seen.add(branch)
                what = (call, header(send.data, "CSeq") or "")
                assert what not in self.closed, "a request for a caller who has been answered"
            if self.chance.random() >= self.loss:
                assert port in CALLEES
                self.serve(send, port)

    def hear(self, send: Send, call: str) -> None:
        """The caller gets a reply."""
        code = int(send.data[8:11])
        cseq = header(send.data, "CSeq") or ""
        if code >= 200:
            self.finals.setdefault((call, cseq), set()).add("2xx" if code < 300 else str(code))
        if code >= 200 and cseq.endswith("INVITE") and self.chance.random() >= self.loss:
            number = call[1:-3]
            self.post(acknowledgement(f"z9hG4bK{number}" if code >= 300 else f"z9hG4bKa{number}", call=call), CALLER, 5)

    def serve(self, send: Send, port: int) -> None:
        """A callee gets a request: it rings, answers, refuses or says nothing; the same again when it is asked again."""
        method = send.data.split(b" ", 1)[0]
        branch = (header(send.data, "Via") or "").encode() + b"%d" % port
        if method == b"ACK":
            return
        if method == b"CANCEL":
            if branch not in self.answered:
                # It came to the proxy before its INVITE, or long after, and was forwarded like any request.
                self.post(reply(send, 481), port, 5)
                return
            assert branch in self.signs, "a CANCEL before any sign of life (RFC 3261 9.1)"
            self.post(reply(send, 200), port, 5)
            if branch not in self.finished:
                self.cancelled.add(branch)
                self.post(reply(send, 487, method="INVITE"), port, 20)
            return
        if branch in self.cancelled:
            self.post(reply(send, 487), port, 20)
            return
        again = branch in self.answered
        temper = self.answered.setdefault(branch, self.chance.randrange(6))
        if temper == 0:
            return
        if temper != 0:
            self.signs.add(branch)
        if method == b"INVITE" and temper > 1:
            self.post(reply(send, self.chance.choice((100, 180, 183))), port, self.chance.randrange(500))
        code = (0, 486, 200, 404, 603, 0)[temper]
        if code and (not again or branch in self.finished):
            # Sooner than the proxy forgets: what comes after that is forwarded without state, as RFC 3261 16.7 has it.
            delay_ms = 0 if again else self.chance.randrange(4000)
            self.post(reply(send, code, tag=f"t{port}"), port, delay_ms, branch)

    def ask_names(self) -> None:
        """Let the name server have what the proxy asks."""
        for question in self.site.server.names.asked:
            if not question[1].endswith(b"n.test"):
                self.number += 1
                when = self.site.now_ms + self.chance.choice((1, 500, 3000, 4500, 7000))
                heapq.heappush(self.answers, (when, self.number, question))
        self.site.server.names.asked.clear()
        for row in self.desk.asked:
            self.number += 1
            heapq.heappush(
                self.answers, (self.site.now_ms + self.chance.choice((1, 300, 2500, 9000)), self.number, row)
            )
        self.desk.asked.clear()

    def tell(self, question: NameQuestion | Row) -> list[Send]:
        """What the proxy sends when the answer comes, be it too late."""
        if isinstance(question, Row):
            return self.site.engine.take_answer(question.number, b"row", self.site.now_ms)
        fate = question[1][-6:-5]
        answer = Answer(self.chance.choice((1000, 60_000)), fate == b"u")
        if fate == b"l" and question[0] == A:
            answer.ips = [bytes([127, 0, 0, 1])]
        return self.site.answer(question[0], question[1].decode(), answer)

    def run(self) -> None:
        site = self.site
        self.begin()
        end = site.now_ms + MINUTES_MS
        while site.now_ms < end:
            self.ask_names()
            timer = site.engine.next_timer_ms(site.now_ms)
            due = end if timer < 0 else site.now_ms + max(1, timer)
            if self.answers and self.answers[0][0] <= min(due, self.coming[0][0] if self.coming else due):
                when, _, question = heapq.heappop(self.answers)
                site.now_ms = max(site.now_ms, when)
                self.deliver(self.tell(question))
            elif self.coming and self.coming[0][0] <= due:
                when, _, data, port, final_of = heapq.heappop(self.coming)
                site.now_ms = max(site.now_ms, when)
                if final_of in self.cancelled:
                    # The callee has taken the CANCEL meanwhile and answers 487 instead.
                    continue
                if final_of:
                    self.finished.add(final_of)
                self.deliver(site.say(data, port))
            else:
                site.now_ms = min(due, end)
                self.deliver(site.engine.tick(site.now_ms))


@pytest.mark.parametrize("block", range(10))
def test_whatever_happens(block: int) -> None:
    for seed in range(block * RUNS // 10, (block + 1) * RUNS // 10):
        simulation = Simulation(seed)
        simulation.run()
        site = simulation.site
        assert site.engine.world.bugs.count == 0, (seed, site.server.lines(-1))
        asking = site.engine.world.asking
        assert (
            asking.count == asking.runs == site.engine.world.parked.count == 0
        ), f"seed {seed}: somebody waits for ever"
        assert site.open == 0, f"seed {seed}: {site.open} transactions are left when all timers have run"
        assert site.engine.next_timer_ms(site.now_ms) == -1, f"seed {seed}: a timer is left"
        layer = site.tm.core.layer
        assert (
            layer.counts.created == layer.counts.released == layer.counts.finished
        ), f"seed {seed}: transactions are not counted as they are"
        for what, codes in simulation.finals.items():
            # A 2xx may follow another final reply: it is the business of the ends.
            assert len(codes - {"2xx"}) <= 1, f"seed {seed}: {what} got {codes}"


def test_without_loss_every_call_gets_an_answer() -> None:
    for seed in range(30):
        simulation = Simulation(seed)
        simulation.loss = 0.0
        simulation.run()
        asked = {name for name, _ in simulation.asked}
        answered = {call for call, cseq in simulation.finals if not cseq.endswith("CANCEL")}
        assert answered == asked, seed


def test_memory_returns_to_its_start() -> None:
    def objects() -> int:
        gc.collect()
        return len(gc.get_objects())

    site = Site(Tm(fr_timer=2, wt_timer=1))

    def round_of_calls() -> None:
        for i in range(50):
            site.say(request(branch=f"z9hG4bK{i}", call=f"m{i}"))
        site.wait(60)
        assert site.open == 0

    round_of_calls()
    before = objects()
    for _ in range(5):
        site.server.log.records.clear()
        round_of_calls()
    assert objects() - before < 100


def test_transactions_leave_nothing_for_the_garbage_collector() -> None:
    """It does not even know them in the native build, so that what is left over is counted in blocks of memory."""
    site = Site(Tm(fr_timer=2, wt_timer=1))

    def round_of_calls() -> None:
        for i in range(20):
            site.say(reply(site.say(request(branch=f"z9hG4bK{i}", call=f"m{i}"))[1], 180), 5090)
        site.wait(200)
        assert site.open == 0
        site.server.log.records.clear()

    gc.collect()
    gc.disable()
    try:
        round_of_calls()
        round_of_calls()
        before = sys.getallocatedblocks()
        for _ in range(5):
            round_of_calls()
        # A transaction that stayed would be some 20 blocks.
        assert sys.getallocatedblocks() - before < 300
    finally:
        gc.enable()
