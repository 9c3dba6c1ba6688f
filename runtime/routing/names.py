"""What a process knows of names: a cache of DNS, questions that are under way, and who waits for their answers.

Nothing here waits or reads a clock. Who needs an answer that is not known yet puts a Waiting down and is called when it has come,
or when it has waited long enough.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from runtime.routing.bugs import Bugs
from runtime.routing.dns_records import A, AAAA, KIND_NAMES, PTR, Answer, Question, host_name, reverse_name
from runtime.routing.ports import L_DBG, L_WARN, Log, Resolver
from runtime.sip.transport import Send

NEVER: Final = -1

# A message waits so long for all the names that it needs.
WAIT_MS: Final[i64] = 5_000
# Messages, or branches of transactions, that wait at the same time; a further one is refused.
WAITING_MAX: Final = 2048

# Answers are kept as long as their records live, within these limits; that there are none, and that nobody could tell, less long.
KEEP_MIN_MS: Final[i64] = 1_000
KEEP_MAX_MS: Final[i64] = 24 * 3_600_000
KEEP_NOTHING_MAX_MS: Final[i64] = 300_000
KEEP_FAILURE_MS: Final[i64] = 15_000
# If nobody can tell, what was known before counts for so long after its time. RFC 8767.
STALE_MS: Final[i64] = 3_600_000
CACHE_MAX: Final = 8192
# A question that has found no answer by then is lost, and is asked again.
LOST_MS: Final[i64] = 4_000


class NotYetKnown(Exception):
    """A route needs an answer that is under way: the message is to be handled anew when it has come. See `Context.need`."""

    def __init__(self, question: Question) -> None:
        super().__init__(f"{KIND_NAMES[question[0]]} of {question[1].decode('ascii')} is not known yet")
        self.question: Final = question


@mypyc_attr(allow_interpreted_subclasses=True)
class Waiting:
    """What cannot go on before something is known."""

    def __init__(self) -> None:
        self.until_ms: i64 = NEVER
        self.number = 0
        self.question: Question = (0, b"")

    def missing(self, names: Names, now_ms: i64) -> Question | None:
        """A question whose answer it still needs, and which is under way; None if it can go on."""
        raise NotImplementedError

    def go_on(self, now_ms: i64, sends: list[Send]) -> None:
        """Called once: nothing is missing any more, or it has waited for WAIT_MS. What is to be sent goes into `sends`."""
        raise NotImplementedError


@final
class _Kept:
    """An answer in the cache. `until_ms` is when its time is over, `stale_ms` when it may not even be used for want of another."""

    def __init__(self, answer: Answer, until_ms: i64, stale_ms: i64) -> None:
        self.answer: Final = answer
        self.until_ms: i64 = until_ms
        self.stale_ms: Final = stale_ms


@final
class Names:
    """`count` wait now. `waited`, `late` and `refused` count who has waited, who waited in vain, and who was not let wait."""

    def __init__(self, resolver: Resolver, log: Log, bugs: Bugs) -> None:
        self._resolver: Final = resolver
        self._log: Final = log
        self._bugs: Final = bugs
        self._cache: Final[dict[Question, _Kept]] = {}
        # When each question that is under way was asked.
        self._asked: Final[dict[Question, int]] = {}
        # By number, so in the order of their deadlines; and by the question that each is waiting for.
        self._waiting: Final[dict[int, Waiting]] = {}
        self._by_question: Final[dict[Question, list[Waiting]]] = {}
        self._last_number = 0
        self.count: i64 = 0
        self.waited: i64 = 0
        self.late: i64 = 0
        self.refused: i64 = 0

    # --- what is known -----------------------------------------------------------------------------------------------

    def answer_to(self, kind: int, name: bytes, now_ms: i64) -> Answer | None:
        """The answer; None if it is not known yet. Then it has been asked for. `name` is one that `host_name` gave."""
        kept = self._cache.get((kind, name))
        if kept is not None and now_ms < kept.until_ms:
            return kept.answer
        return self._ask((kind, name), now_ms)

    def missing_ips(self, host: bytes, now_ms: i64) -> Question | None:
        """What has to be answered before `ips_now` tells all addresses of a host; None: nothing."""
        name = host_name(host)
        if not name or self._resolver.hosts_ips(name):
            return None
        answer = self.answer_to(A, name, now_ms)
        if answer is None:
            return A, name
        if answer.ips or answer.failed or self.answer_to(AAAA, name, now_ms) is not None:
            return None
        return AAAA, name

    def ips_now(self, host: bytes, now_ms: i64) -> list[bytes]:
        """Packed addresses of a host as far as they are known: IPv4, and only where there is none IPv6."""
        name = host_name(host)
        if not name:
            return []
        found = self._resolver.hosts_ips(name)
        for kind in (A, AAAA):
            if not found:
                answer = self._last_answer(kind, name, now_ms)
                if answer is not None:
                    found = answer.ips
        return found

    def missing_names(self, ip: bytes, now_ms: i64) -> Question | None:
        """What has to be answered before `names_now` tells the names of a packed address; None: nothing."""
        if self._resolver.hosts_names(ip) or self.answer_to(PTR, reverse_name(ip), now_ms) is not None:
            return None
        return PTR, reverse_name(ip)

    def names_now(self, ip: bytes, now_ms: i64) -> list[bytes]:
        """Names of a packed address as far as they are known, in lower case."""
        found = self._resolver.hosts_names(ip)
        if found:
            return found
        answer = self._last_answer(PTR, reverse_name(ip), now_ms)
        return [] if answer is None else answer.names

    def hosts_ips(self, name: bytes) -> list[bytes]:
        """Packed addresses that /etc/hosts has for a name in lower case."""
        return self._resolver.hosts_ips(name)

    def _last_answer(self, kind: int, name: bytes, now_ms: i64) -> Answer | None:
        """The answer, or the one before it as long as there is no other."""
        answer = self.answer_to(kind, name, now_ms)
        if answer is None:
            kept = self._cache.get((kind, name))
            answer = kept.answer if kept is not None and now_ms < kept.stale_ms else None
        return answer

    # --- questions and answers ---------------------------------------------------------------------------------------

    def _ask(self, question: Question, now_ms: i64) -> Answer | None:
        asked_ms = self._asked.get(question)
        if asked_ms is not None and now_ms - asked_ms < LOST_MS:
            return None
        answer = self._resolver.ask(question[0], question[1])
        if answer is not None:
            self._keep(question, answer, now_ms)
            return answer
        if asked_ms is None and len(self._asked) >= CACHE_MAX:
            # The oldest: its answer is not going to come.
            del self._asked[next(iter(self._asked))]
        self._asked[question] = int(now_ms)
        return None

    def take(self, question: Question, answer: Answer, now_ms: i64, sends: list[Send]) -> None:
        """The answer to a question has come: who has waited for it goes on."""
        self._asked.pop(question, None)
        self._keep(question, answer, now_ms)
        waiting = self._by_question.pop(question, None)
        if waiting is None:
            return
        for one in waiting:
            if one.number in self._waiting:
                missing = one.missing(self, now_ms)
                if missing is None:
                    self._let_go(one, now_ms, sends)
                else:
                    self._queue(one, missing)

    def _keep(self, question: Question, answer: Answer, now_ms: i64) -> None:
        before = self._cache.pop(question, None)
        if answer.failed:
            self._log.write(L_WARN, "WARNING: DNS: the name servers do not answer")
            if self._log.level >= L_DBG:
                what = f"{KIND_NAMES[question[0]]} of {question[1].decode('ascii')}"
                self._log.write(L_DBG, f"DEBUG: DNS: {what}: no answer")
            if before is not None and not before.answer.failed and now_ms < before.stale_ms:
                before.until_ms = now_ms + KEEP_FAILURE_MS
                self._cache[question] = before
                return
        if len(self._cache) >= CACHE_MAX:
            self._make_room(now_ms)
        until_ms = now_ms + _life_ms(answer)
        stale_ms = until_ms if answer.failed else until_ms + STALE_MS
        self._cache[question] = _Kept(answer, until_ms, stale_ms)

    def _make_room(self, now_ms: i64) -> None:
        """Forget what may not be used any more or, if there is nothing like that, the quarter that is oldest."""
        over = [question for question, kept in self._cache.items() if kept.stale_ms <= now_ms]
        for question in over or list(self._cache)[: CACHE_MAX // 4]:
            del self._cache[question]

    # --- who waits ---------------------------------------------------------------------------------------------------

    def wait(self, one: Waiting, now_ms: i64) -> bool:
        """Let `one`, which something is missing to, go on when it can, within WAIT_MS. False, with a line in the log, if too many are waiting already."""
        if len(self._waiting) >= WAITING_MAX:
            self.refused += 1
            self._log.write(L_WARN, f"WARNING: DNS: {WAITING_MAX} messages are waiting for names, no more can")
            return False
        missing = one.missing(self, now_ms)
        assert missing is not None
        self.waited += 1
        self._last_number += 1
        one.number = self._last_number
        one.until_ms = now_ms + WAIT_MS
        self._waiting[one.number] = one
        self.count = len(self._waiting)
        self._queue(one, missing)
        return True

    def _queue(self, one: Waiting, question: Question) -> None:
        one.question = question
        self._by_question.setdefault(question, []).append(one)

    def next_ms(self, now_ms: i64) -> i64:
        """Milliseconds until the next of those who wait has waited long enough, NEVER if nobody does."""
        for one in self._waiting.values():
            return one.until_ms - now_ms if one.until_ms > now_ms else 0
        return NEVER

    def tick(self, now_ms: i64, sends: list[Send]) -> None:
        """Let go on who has waited long enough."""
        while self.count > 0:
            one = next(iter(self._waiting.values()))
            if one.until_ms > now_ms:
                return
            self.late += 1
            others = self._by_question[one.question]
            others.remove(one)
            if not others:
                del self._by_question[one.question]
            self._let_go(one, now_ms, sends)

    def _let_go(self, one: Waiting, now_ms: i64, sends: list[Send]) -> None:
        del self._waiting[one.number]
        self.count = len(self._waiting)
        try:
            one.go_on(now_ms, sends)
        except Exception as e:
            self._bugs.report(e, None)
        self._log.about = None


def _life_ms(answer: Answer) -> i64:
    most = KEEP_MAX_MS
    if answer.failed:
        most = KEEP_FAILURE_MS
    elif not answer.ips and not answer.names and not answer.services and not answer.rules:
        most = KEEP_NOTHING_MAX_MS
    return max(KEEP_MIN_MS, min(most, answer.life_ms))
