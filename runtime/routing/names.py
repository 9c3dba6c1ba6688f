"""What a process knows of names: a cache of DNS, questions that are under way, and who waits for their answers.

Nothing here reads a clock. Who needs an answer that is not known yet puts a Waiting down: the question of a run that waits for it
(`Context.wait`), or one that is called when it has come, or when it has waited long enough.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from runtime.routing.asking import Asking, Kind, Question
from runtime.routing.dns_records import AAAA, KIND_NAMES, PTR, A, Answer, NameQuestion, host_name, reverse_name
from runtime.routing.ports import L_DBG, L_WARN, Log, Resolver

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


@mypyc_attr(allow_interpreted_subclasses=True)
class Waiting(Question[bool]):
    """What cannot go on before something is known. With `Context.wait` the run waits; with `Names.wait` it is `go_on` that is called
    when nothing is missing any more, or WAIT_MS are over."""

    def __init__(self, names: Names) -> None:
        super().__init__(names.kind)
        self._names: Final = names
        self.missed: NameQuestion = (0, b"")

    def missing(self, names: Names, now_ms: i64) -> NameQuestion | None:
        """A question whose answer it still needs, and which is under way; None if it can go on."""
        raise NotImplementedError

    def asks(self) -> str:
        return f"{KIND_NAMES.get(self.missed[0], '?')} of {self.missed[1].decode('latin-1')}"

    def ask(self, now_ms: i64) -> None:
        self._names.look_after(self, now_ms)

    def give_up(self) -> None:
        self._names.forget(self)


@final
class HostAddresses(Waiting):
    """Waits until `Names.ips_now` tells all addresses of a host."""

    def __init__(self, names: Names, host: bytes) -> None:
        super().__init__(names)
        self._host: Final = host

    def missing(self, names: Names, now_ms: i64) -> NameQuestion | None:
        return names.missing_ips(self._host, now_ms)


@final
class AddressNames(Waiting):
    """Waits until `Names.names_now` tells the names of a packed address."""

    def __init__(self, names: Names, ip: bytes) -> None:
        super().__init__(names)
        self._ip: Final = ip

    def missing(self, names: Names, now_ms: i64) -> NameQuestion | None:
        return names.missing_names(self._ip, now_ms)


@final
class Records(Waiting):
    """Waits for the records of one kind that a name has."""

    def __init__(self, names: Names, kind: int, name: bytes) -> None:
        super().__init__(names)
        self._question: Final[NameQuestion] = (kind, name)

    def missing(self, names: Names, now_ms: i64) -> NameQuestion | None:
        question = self._question
        return question if names.answer_to(question[0], question[1], now_ms) is None else None


@final
class _Kept:
    """An answer in the cache. `until_ms` is when its time is over, `stale_ms` when it may not even be used for want of another."""

    def __init__(self, answer: Answer, until_ms: i64, stale_ms: i64) -> None:
        self.answer: Final = answer
        self.until_ms: i64 = until_ms
        self.stale_ms: Final = stale_ms


@final
class Names:
    """`kind` is how Asking knows those who wait for names."""

    def __init__(self, resolver: Resolver, log: Log, asking: Asking) -> None:
        self._resolver: Final = resolver
        self._log: Final = log
        self._asking: Final = asking
        self.kind: Final = Kind("DNS", WAIT_MS, WAITING_MAX)
        self._cache: Final[dict[NameQuestion, _Kept]] = {}
        # When each question that is under way was asked.
        self._asked: Final[dict[NameQuestion, int]] = {}
        # Who waits, by the question that each is waiting for.
        self._by_question: Final[dict[NameQuestion, list[Waiting]]] = {}

    # --- what is known -----------------------------------------------------------------------------------------------

    def answer_to(self, kind: int, name: bytes, now_ms: i64) -> Answer | None:
        """The answer; None if it is not known yet. Then it has been asked for. `name` is one that `host_name` gave."""
        kept = self._cache.get((kind, name))
        if kept is not None and now_ms < kept.until_ms:
            return kept.answer
        return self._ask((kind, name), now_ms)

    def missing_ips(self, host: bytes, now_ms: i64) -> NameQuestion | None:
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

    def missing_names(self, ip: bytes, now_ms: i64) -> NameQuestion | None:
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

    def _ask(self, question: NameQuestion, now_ms: i64) -> Answer | None:
        asked_ms = self._asked.get(question)
        if asked_ms is not None and now_ms - asked_ms < LOST_MS:
            return None
        # There is nothing below this name, RFC 6761 6.4: nobody need be asked.
        is_invalid = question[1] == b"invalid" or question[1].endswith(b".invalid")
        answer = Answer(KEEP_MAX_MS) if is_invalid else self._resolver.ask(question[0], question[1])
        if answer is not None:
            self._keep(question, answer, now_ms)
            return answer
        if asked_ms is None and len(self._asked) >= CACHE_MAX:
            # The oldest: its answer is not going to come.
            del self._asked[next(iter(self._asked))]
        self._asked[question] = int(now_ms)
        return None

    def take(self, question: NameQuestion, answer: Answer, now_ms: i64) -> None:
        """The answer to a question has come: who has waited for it goes on."""
        self._asked.pop(question, None)
        self._keep(question, answer, now_ms)
        for one in self._by_question.pop(question, []):
            if self._asking.is_pending(one.number):
                self.look_after(one, now_ms)

    def _keep(self, question: NameQuestion, answer: Answer, now_ms: i64) -> None:
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
        """Let `one` go on when it can, within WAIT_MS. False, with a line in the log, if too many are waiting already."""
        return self._asking.begin(one, now_ms)

    def look_after(self, one: Waiting, now_ms: i64) -> None:
        """Let it go on if nothing is missing to it, else when the next answer comes that it needs."""
        missing = one.missing(self, now_ms)
        if missing is None:
            self._asking.take(one.number, True, now_ms)
        else:
            one.missed = missing
            self._by_question.setdefault(missing, []).append(one)

    def forget(self, one: Waiting) -> None:
        """It waits no more."""
        others = self._by_question.get(one.missed)
        if others is not None and one in others:
            others.remove(one)
            if not others:
                del self._by_question[one.missed]


def _life_ms(answer: Answer) -> i64:
    most = KEEP_MAX_MS
    if answer.failed:
        most = KEEP_FAILURE_MS
    elif not answer.ips and not answer.names and not answer.services and not answer.rules:
        most = KEEP_NOTHING_MAX_MS
    return max(KEEP_MIN_MS, min(most, answer.life_ms))
