"""pike at work, with a clock that the test chooses. Reference modules-main, chapter 26."""

from __future__ import annotations

import mmap
import os

import pytest
from script import Site, ask, request

from runtime.modules.pike.table import BLOCKED, BUCKET_BYTES, BUCKETS, NEWLY_BLOCKED, OK, SLOTS, SourceTable

IP = bytes([192, 0, 2, 1])
SIX = bytes.fromhex("20010db8000000000000000000000001")


def table_of(limit: int, periods_kept: int, buckets: int = BUCKETS) -> SourceTable:
    return SourceTable(limit, periods_kept, mmap.mmap(-1, buckets * BUCKET_BYTES))


def counts(table: SourceTable, number: int, period: int, ip: bytes = IP) -> list[int]:
    return [table.count(ip, period) for _ in range(number)]


def test_a_source_is_blocked_after_the_bytes_of_its_address_and_the_limit() -> None:
    # As recorded from SER with a limit of 4: seven pass.
    assert counts(table_of(4, 60), 10, 1) == [OK] * 7 + [NEWLY_BLOCKED, BLOCKED, BLOCKED]


@pytest.mark.parametrize(("limit", "passing"), [(30, 7 + 2 + 29), (4, 7), (1, 4), (100, 25 + 2 + 99)])
def test_how_many_pass(limit: int, passing: int) -> None:
    assert counts(table_of(limit, 60), passing + 1, 1) == [OK] * passing + [NEWLY_BLOCKED]


def test_a_longer_address_takes_longer() -> None:
    assert counts(table_of(4, 60), 20, 1, SIX).count(OK) == 2 + 14 + 3


def test_slow_sources_are_never_measured() -> None:
    table = table_of(30, 60)
    assert [table.count(IP, 1 + i // 6) for i in range(600)] == [OK] * 600


def test_a_blocked_source_recovers_after_a_quiet_period() -> None:
    table = table_of(4, 60)
    counts(table, 10, 1)
    assert counts(table, 2, 2) == [NEWLY_BLOCKED, BLOCKED]
    assert counts(table, 2, 4) == [OK, OK]


def test_what_was_sent_in_the_period_before_counts() -> None:
    table = table_of(8, 60)
    counts(table, 4 + 7, 1)
    # The average of 7 and 9 is the limit, but 8 at once are it before.
    assert counts(table, 8, 2) == [OK] * 7 + [NEWLY_BLOCKED]


def test_a_forgotten_source_begins_again() -> None:
    table = table_of(4, 5)
    counts(table, 7, 1)
    assert counts(table, 8, 7) == [OK] * 7 + [NEWLY_BLOCKED]


def test_sources_do_not_count_for_each_other() -> None:
    table = table_of(4, 60)
    counts(table, 20, 1)
    assert table.count(bytes([192, 0, 2, 2]), 1) == OK
    assert table.count(IP, 1) == BLOCKED


def test_a_full_table_forgets_who_is_silent() -> None:
    table = table_of(4, 60, 64)
    counts(table, 8, 2)
    for i in range(4 * 64 * SLOTS):
        table.count((0x0A000000 + i).to_bytes(4, "big"), 1)
    assert table.count(IP, 2) == BLOCKED
    for i in range(4 * 64 * SLOTS):
        table.count((0x0A000000 + i).to_bytes(4, "big"), 3)
    assert table.count(IP, 3) == OK


def test_processes_share_the_table() -> None:
    table = table_of(4, 60)
    child = os.fork()
    if child == 0:
        counts(table, 8, 1)
        os._exit(0)
    os.waitpid(child, 0)
    assert table.count(IP, 1) == BLOCKED


def test_a_script_refuses_the_flood_and_logs_it_once() -> None:
    site = Site(
        'modparam("pike", "reqs_density_per_unit", 4)\n'
        'route { if (!pike_check_req()) { sl_send_reply("503", "flood"); break; } sl_send_reply("200", "OK"); }',
        "sl pike",
    )
    codes = [site.answer(request(Call_ID=f"p{i}"))[8:11] for i in range(12)]
    assert codes == [b"200"] * 7 + [b"503"] * 5
    assert site.lines(1) == ["WARNING: pike_check_req: ALARM - TOO MANY HITS on 127.0.0.1 !!"]
    assert site.say(request(), source="127.0.0.2")[0].data.startswith(b"SIP/2.0 200")


def test_little_shared_memory_makes_the_table_smaller() -> None:
    table = SourceTable(4, 60, mmap.mmap(-1, 4 * BUCKET_BYTES))
    for i in range(1000):
        table.count((0x0A000000 + i).to_bytes(4, "big"), 1)
    assert counts(table, 8, 2)[-1] == NEWLY_BLOCKED


def test_the_commands_show_each_source() -> None:
    site = Site(
        """
        modparam("pike", "reqs_density_per_unit", 4)
        modparam("pike", "remove_latency", 6)
        route { pike_check_req(); break; }
        """,
        "pike",
    )
    assert ask(site, "print_ip_tree") == ask(site, "print_timer_list") == b""
    site.say(request(), source="2001:db8::7")
    for _ in range(7):
        site.say(request(), source="192.0.2.1")
    site.say(request(), source="10.0.0.2")
    assert ask(site, "print_ip_tree") == (
        b"[l1] node 10.0.0.2; brh=0 byte=10 , hits={0,1} , leaf_hits={0,0]\n"
        b"[l1] node 2001:db8::7; brh=0 byte=32 , hits={0,1} , leaf_hits={0,0]\n"
        b"[l4] node 192.0.2.1; brh=0 byte=1 , hits={0,0} , leaf_hits={0,3]\n"
    )
    assert b"192.0.2.1; brh=0 byte=1 , hits={0,0} , leaf_hits={3,0]" in ask(site, "print_ip_tree", now_ms=2000)
    assert b"192.0.2.1; brh=0 byte=1 , hits={0,0} , leaf_hits={0,0]" in ask(site, "print_ip_tree", now_ms=4000)
    assert b" 192.0.2.1 [byte=1](expires=8)\n" in ask(site, "print_timer_list")
    assert b" 192.0.2.1 [byte=1](expires=2)\n" in ask(site, "print_timer_list", now_ms=6000)
    assert ask(site, "print_timer_list", now_ms=8000) == b""
