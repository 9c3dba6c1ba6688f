"""What a process knows of names, and who waits for it, under the test's clock."""

from __future__ import annotations

import pytest
from engine import Lines, Names

from runtime.routing import names as cache
from runtime.routing.asking import Asking
from runtime.routing.bugs import Bugs
from runtime.routing.dns_records import AAAA, PTR, A, Answer, NameQuestion, host_name, reverse_name
from runtime.sip.address import Address

ONE = bytes([192, 0, 2, 1])
TWO = bytes([192, 0, 2, 2])


class Site:
    """The names of one process. Questions are answered by `answer` only."""

    def __init__(self) -> None:
        self.log = Lines()
        self.server = Names(is_late=True)
        self.bugs = Bugs("ser.cfg", self.log)
        self.asking = Asking(self.log, self.bugs)
        self.names = cache.Names(self.server, self.log, self.asking)

    def answer(self, name: bytes, *ips: bytes, at_ms: int = 0, life_ms: int = 60_000, failed: bool = False) -> None:
        answer = Answer(life_ms, failed)
        answer.ips = list(ips)
        self.names.take((A, name), answer, at_ms)

    def known(self, name: bytes, at_ms: int) -> list[bytes] | None:
        answer = self.names.answer_to(A, name, at_ms)
        return None if answer is None else answer.ips


class Guest(cache.Waiting):
    """Waits until all of its questions are answered; `went_on_ms` says when it did."""

    def __init__(self, names: cache.Names, *questions: NameQuestion) -> None:
        super().__init__(names)
        self.questions = questions
        self.went_on_ms = -1

    def missing(self, names: cache.Names, now_ms: int) -> NameQuestion | None:
        for question in self.questions:
            if names.answer_to(question[0], question[1], now_ms) is None:
                return question
        return None

    def go_on(self, now_ms: int) -> None:
        assert self.went_on_ms < 0
        self.went_on_ms = now_ms


def test_a_question_is_asked_once_and_its_answer_kept() -> None:
    site = Site()
    assert site.known(b"h", 0) is None and site.known(b"h", 10) is None
    site.answer(b"h", ONE, at_ms=20)
    assert site.known(b"h", 20) == [ONE]
    assert site.server.asked == [(A, b"h")]


@pytest.mark.parametrize(
    "life_ms, ips, kept_ms",
    [
        (60_000, [ONE], 60_000),
        (0, [ONE], cache.KEEP_MIN_MS),
        (10**9, [ONE], cache.KEEP_MAX_MS),
        (60_000, [], 60_000),
        (10**9, [], cache.KEEP_NOTHING_MAX_MS),
    ],
)
def test_an_answer_is_kept_as_long_as_it_holds_within_limits(life_ms: int, ips: list[bytes], kept_ms: int) -> None:
    site = Site()
    site.answer(b"h", *ips, at_ms=5, life_ms=life_ms)
    assert site.known(b"h", 5 + kept_ms - 1) == ips and site.server.asked == []
    assert site.known(b"h", 5 + kept_ms) is None and site.server.asked == [(A, b"h")]


def test_that_nobody_could_tell_is_kept_for_a_while_and_logged() -> None:
    site = Site()
    site.answer(b"h", failed=True, life_ms=10**9)
    assert site.known(b"h", cache.KEEP_FAILURE_MS - 1) == []
    assert site.known(b"h", cache.KEEP_FAILURE_MS) is None
    assert site.log.records == [
        (1, "WARNING: DNS: the name servers do not answer"),
        (4, "DEBUG: DNS: A of h: no answer"),
    ]


def test_if_nobody_can_tell_what_was_known_before_counts_for_an_hour() -> None:
    site = Site()
    site.answer(b"h", ONE, life_ms=1000)
    assert site.known(b"h", 1000) is None
    site.answer(b"h", failed=True, at_ms=3000, life_ms=15_000)
    assert site.known(b"h", 3000) == [ONE]
    assert site.known(b"h", 3000 + cache.KEEP_FAILURE_MS) is None
    end = 1000 + cache.STALE_MS
    site.answer(b"h", failed=True, at_ms=end, life_ms=15_000)
    assert site.known(b"h", end) == []


@pytest.mark.parametrize("name", [b"invalid", b"gw.invalid"])
def test_nobody_is_asked_for_what_is_reserved_to_be_invalid(name: bytes) -> None:
    site = Site()
    assert site.known(name, 0) == []
    assert site.server.asked == []
    assert site.known(b"not-invalid", 0) is None


def test_a_lost_question_is_asked_again() -> None:
    site = Site()
    site.known(b"h", 0)
    site.known(b"h", cache.LOST_MS - 1)
    assert len(site.server.asked) == 1
    site.known(b"h", cache.LOST_MS)
    assert len(site.server.asked) == 2


def test_who_waits_goes_on_when_nothing_is_missing_any_more() -> None:
    site = Site()
    guest = Guest(site.names, (A, b"a"), (A, b"b"))
    other = Guest(site.names, (A, b"b"))
    assert site.names.wait(guest, 0) and site.names.wait(other, 0)
    site.answer(b"b", TWO, at_ms=10)
    assert (guest.went_on_ms, other.went_on_ms, site.asking.count) == (-1, 10, 1)
    site.answer(b"a", at_ms=20)
    assert (guest.went_on_ms, site.asking.count) == (20, 0)
    assert site.asking.next_ms(20) == -1


def test_who_has_waited_long_enough_goes_on_without() -> None:
    site = Site()
    first, second = Guest(site.names, (A, b"a")), Guest(site.names, (A, b"a"))
    site.names.wait(first, 0)
    site.names.wait(second, 100)
    assert site.asking.next_ms(200) == cache.WAIT_MS - 200
    site.asking.tick(cache.WAIT_MS - 1)
    assert first.went_on_ms == -1
    site.asking.tick(cache.WAIT_MS)
    assert (first.went_on_ms, second.went_on_ms) == (cache.WAIT_MS, -1)
    site.answer(b"a", ONE, at_ms=cache.WAIT_MS + 50)
    assert second.went_on_ms == cache.WAIT_MS + 50
    assert (site.names.kind.waited, site.names.kind.late, site.asking.count) == (2, 1, 0)


def test_only_so_many_wait() -> None:
    site = Site()
    guests = [Guest(site.names, (A, b"a")) for _ in range(cache.WAITING_MAX)]
    assert all(site.names.wait(guest, 0) for guest in guests)
    assert not site.names.wait(Guest(site.names, (A, b"a")), 0)
    assert site.names.kind.refused == 1 and site.log.lines[-1].startswith("WARNING: 2048 messages already wait for DNS")
    site.answer(b"a")
    assert all(guest.went_on_ms == 0 for guest in guests) and site.names.wait(Guest(site.names, (A, b"b")), 0)


def test_an_exception_of_one_who_waits_is_his_own() -> None:
    class Broken(Guest):
        def go_on(self, now_ms: int) -> None:
            raise ValueError("broken")

    site = Site()
    guest = Guest(site.names, (A, b"a"))
    site.names.wait(Broken(site.names, (A, b"a")), 0)
    site.names.wait(guest, 0)
    site.answer(b"a", at_ms=1)
    assert guest.went_on_ms == 1 and site.bugs.count == 1


def test_the_cache_does_not_grow_without_end() -> None:
    site = Site()
    site.server.is_late = False
    for i in range(3 * cache.CACHE_MAX):
        assert site.known(b"h%d" % i, 0) == []
    site.server.asked.clear()
    last = 3 * cache.CACHE_MAX - 1
    assert site.known(b"h%d" % last, 0) == [] and site.server.asked == []
    assert site.known(b"h0", 0) == [] and len(site.server.asked) == 1


def test_addresses_are_ipv4_or_else_ipv6_and_old_ones_are_better_than_none() -> None:
    site = Site()
    six = Address.parse("2001:db8::6", 0).ip
    assert site.names.missing_ips(b"H.", 0) == (A, b"h")
    site.answer(b"h", life_ms=1000)
    assert site.names.missing_ips(b"h", 0) == (AAAA, b"h")
    answer = Answer(1000)
    answer.ips = [six]
    site.names.take((AAAA, b"h"), answer, 0)
    assert site.names.missing_ips(b"h", 0) is None and site.names.ips_now(b"h", 0) == [six]
    assert site.names.ips_now(b"h", 1000) == [six]
    assert site.names.missing_ips(b"h", 1000) == (A, b"h")


def test_names_of_an_address() -> None:
    site = Site()
    assert site.names.missing_names(ONE, 0) == (PTR, b"1.2.0.192.in-addr.arpa") and site.names.names_now(ONE, 0) == []
    answer = Answer(1000)
    answer.names = [b"h"]
    site.names.take((PTR, b"1.2.0.192.in-addr.arpa"), answer, 0)
    assert site.names.missing_names(ONE, 0) is None and site.names.names_now(ONE, 0) == [b"h"]


@pytest.mark.parametrize(
    "host, name",
    [
        (b"Example.COM", b"example.com"),
        (b"example.com.", b"example.com"),
        (b"_sip._udp.x", b"_sip._udp.x"),
        (b"x" * 63, b"x" * 63),
        *[(bad, b"") for bad in (b"", b".", b"a..b", b".a", b"a b", b"\xff", b"a\\b", b"x" * 64, b"x." * 127 + b"x")],
    ],
)
def test_names_of_hosts(host: bytes, name: bytes) -> None:
    assert host_name(host) == name


def test_reverse_names() -> None:
    assert reverse_name(ONE) == b"1.2.0.192.in-addr.arpa"
    six = b"b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa"
    assert reverse_name(bytes.fromhex("4321000000010002000300040567 89ab")) == six
