"""When a worker sleeps between two reads."""

from __future__ import annotations

from runtime.server.host.batch import BATCH
from runtime.server.worker.pacing import SLEEP_NS, WINDOW_READS, WORTH_A_SLEEP, Pacer


def asleep() -> Pacer:
    """One that has just decided that sleeping pays: its datagrams follow each other closely."""
    pacer = Pacer()
    decisions = [pacer.is_worth_a_sleep(1, now_ns) for now_ns in range(WINDOW_READS)]
    assert decisions == [False] * (WINDOW_READS - 1) + [True]
    return pacer


def test_a_quiet_server_never_sleeps() -> None:
    pacer = Pacer()
    assert not any(pacer.is_worth_a_sleep(1, read * SLEEP_NS) for read in range(10 * WINDOW_READS))


def test_it_sleeps_on_while_a_sleep_brings_enough() -> None:
    pacer = asleep()
    assert pacer.is_worth_a_sleep(WORTH_A_SLEEP, 100)
    assert not pacer.is_worth_a_sleep(WORTH_A_SLEEP - 1, 200)


def test_a_full_read_is_never_followed_by_a_sleep() -> None:
    pacer = asleep()
    assert not pacer.is_worth_a_sleep(BATCH, 100)
    assert not pacer.is_worth_a_sleep(2 * BATCH, 200)
    assert pacer.is_worth_a_sleep(BATCH - 1, 300)
