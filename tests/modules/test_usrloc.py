"""usrloc: its commands, expiry, and what it keeps. Reference modules-main, chapter 5, and modules-more, part D."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from script import Site, ask, request

from runtime.modules.usrloc import Usrloc
from runtime.modules.usrloc.contact import LAST_TIME, PERMANENT, Contact
from runtime.modules.usrloc.folder import make_private_folder, parent_folder
from runtime.modules.usrloc.locations import Locations, Table
from runtime.modules.usrloc.record import BadRecord, earliest, expires_first, pack, unpack
from runtime.modules.usrloc.store import Store, StoreError
from runtime.routing.timer import Timer

ROUTE = 'route { if (method=="REGISTER") save("location"); else lookup("location"); }'


def site(parameters: str = "", level: int = 4) -> Site:
    return Site(parameters + ROUTE, "sl textops usrloc registrar", level)


def locations_of(server: Site) -> Locations:
    module = server.engine.world.modules["usrloc"]
    assert isinstance(module, Usrloc)
    return module.locations


def location(server: Site) -> Table:
    table = locations_of(server).find_table(b"location")
    assert table is not None
    return table


def register(server: Site, contact: str, user: str = "bob") -> None:
    headers = {"Contact": contact, "Call_ID": f"reg-{user}@h", "User_Agent": "oracle UA/1"}
    server.answer(request("REGISTER", "sip:h", To=f"<sip:{user}@h>", **headers))


def add(
    server: Site, uri: bytes = b"sip:bob@h", expires: bytes = b"3600", q: bytes = b"1", more: bytes = b"0"
) -> bytes:
    return ask(server, "ul_add", b"location", b"bob", uri, expires, q, b"0", more)


# --- commands ----------------------------------------------------------------------------------------------------------------


def test_a_contact_is_added_shown_changed_and_removed() -> None:
    server = site()
    assert ask(server, "ul_show_contact", b"location", b"bob") == b"404 Username bob in table location not found\n"
    assert add(server, q=b"0.7") == b"200 Added to table\n('bob','sip:bob@h') to 'location'\n"
    assert ask(server, "ul_show_contact", b"location", b"BOB@any") == b"200 OK\n<sip:bob@h>;q=0.7;expires=3600\n"
    add(server, expires=b"1800", q=b"0.3")
    add(server, b"sip:b2@h", b"600", b"1.00")
    assert ask(server, "ul_show_contact", b"location", b"bob", now_ms=1000) == (
        b"200 OK\n<sip:b2@h>;q=1;expires=599\n<sip:bob@h>;q=0.3;expires=1799\n"
    )
    gone = b"200 Contact (bob, sip:b2@h) deleted from table location\n"
    assert ask(server, "ul_rm_contact", b"location", b"bob", b"sip:b2@h") == gone
    missing = b"404 Contact sip:b2@h in table location not found\n"
    assert ask(server, "ul_rm_contact", b"location", b"bob", b"sip:b2@h") == missing
    assert ask(server, "ul_rm", b"location", b"bob") == b"200 user (location, bob) deleted\n"
    assert ask(server, "ul_rm", b"location", b"bob") == b"200 user (location, bob) deleted\n"
    assert ask(server, "ul_stats") == b"200 ok\nDomain Registered Expired\n'location' 0 0\n"


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("ul_add",), b"400 ul_add: table name expected\n"),
        (("ul_add", b"location"), b"400 ul_add: aor name expected\n"),
        (("ul_add", b"location", b"bob"), b"400 ul_add: contact expected\n"),
        (("ul_add", b"location", b"bob", b"sip:b@h"), b"400 ul_add: expires expected\n"),
        (("ul_add", b"location", b"bob", b"sip:b@h", b"1"), b"400 ul_add: q expected\n"),
        (("ul_add", b"location", b"bob", b"sip:b@h", b"1", b"1"), b"400 ul_add: replicate expected\n"),
        (("ul_add", b"location", b"bob", b"sip:b@h", b"1", b"1", b"0"), b"400 ul_add: flags expected\n"),
        (("ul_add", b"location", b"bob", b"sip:b@h", b"x", b"1", b"0", b"0"), b"400 Invalid expires format\n"),
        (("ul_add", b"location", b"bob", b"sip:b@h", b"-5", b"1", b"0", b"0"), b"400 Invalid expires format\n"),
        (("ul_add", b"location", b"bob", b"sip:b@h", b"1", b"1.1", b"0", b"0"), b"400 Invalid q value\n"),
        (("ul_add", b"location", b"bob", b"sip:b@h", b"1", b"-1", b"0", b"0"), b"400 Invalid q value\n"),
        (("ul_add", b"location", b"bob", b"sip:b@h", b"1", b"1", b"x", b"0"), b"400 Invalid replicate format\n"),
        (("ul_add", b"location", b"bob", b"sip:b@h", b"1", b"1", b"0", b"x"), b"400 Invalid flags format\n"),
        (
            ("ul_add", b"location", b"bob", b"sip:b@h", b"0", b"1", b"0", b"0"),
            b"500 Error while adding contact\n ('bob','sip:b@h') in table 'location'\n",
        ),
        (
            ("ul_add", b"no", b"bob", b"sip:b@h", b"1", b"1", b"0", b"0"),
            b'400 Table \'no\' not found in memory, use save("no") or lookup("no") in the configuration script first\n',
        ),
        (("ul_rm",), b"400 ul_rm: table name expected\n"),
        (("ul_rm", b"location"), b"400 ul_rm: user name expected\n"),
        (("ul_rm", b"no", b"bob"), b"400 table (no) not found\n"),
        (("ul_rm_contact", b"location", b"bob"), b"400 ul_rm_contact: contact expected\n"),
        (("ul_rm_contact", b"no", b"bob", b"x"), b"400 table (no) not found\n"),
        (("ul_rm_contact", b"location", b"bob", b"x"), b"404 Username bob in table location not found\n"),
        (("ul_show_contact", b"location"), b"400 ul_show_contact: user name expected\n"),
        (("ul_show_contact", b"no", b"bob"), b"400 table (no) not found\n"),
    ],
)
def test_what_a_command_refuses(words: tuple[str, *tuple[bytes, ...]], answer: bytes) -> None:
    name, *rest = words
    assert ask(site(), name, *rest) == answer


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("ul_add", b"location"), b"400 AOR name expected\n"),
        (("ul_add", b"location", b"bob", b"x", b"9"), b"400 q value expected\n"),
        (("ul_add", b"location", b"bob", b"x", b"9", b"7", b"0", b"0"), b"400 invalid q value\n"),
        (("ul_show_contact",), b"400 Table name expected\n"),
        (("ul_show_contact", b"location"), b"400 Address of Record expected\n"),
        (("ul_rm", b"location"), b"400 User name expected\n"),
        (("ul_rm_contact", b"location"), b"400 Username expected\n"),
    ],
)
def test_the_socket_says_it_in_other_words(words: tuple[str, *tuple[bytes, ...]], answer: bytes) -> None:
    name, *rest = words
    assert ask(site(), name, *rest, by_fifo=False) == answer


def test_with_use_domain_a_user_has_a_domain() -> None:
    server = site('modparam("usrloc|registrar", "use_domain", 1)')
    wanted = b"400 ul_rm: username@domain expected\n"
    assert ask(server, "ul_rm", b"location", b"bob") == wanted
    # Told as soon as it is seen: nothing behind it is looked at.
    assert ask(server, "ul_add", b"location", b"bob") == b"400 ul_add: username@domain expected\n"
    ask(server, "ul_add", b"location", b"bob@H", b"sip:b@h", b"60", b"1", b"0", b"0")
    assert ask(server, "ul_show_contact", b"location", b"bob@h") == b"200 OK\n<sip:b@h>;q=1;expires=60\n"
    assert ask(server, "ul_show_contact", b"location", b"bob@g").startswith(b"404 ")


@pytest.mark.parametrize("by_fifo", [True, False])
def test_the_fifo_names_the_user_as_it_was_given(by_fifo: bool) -> None:
    server = site()
    user = "bob@Any" if by_fifo else "bob"

    def told(name: str, *more: bytes) -> str:
        return ask(server, name, b"location", b"BOB@Any", *more, by_fifo=by_fifo).decode()

    assert told("ul_show_contact") == f"404 Username {user} in table location not found\n"
    assert told("ul_rm_contact", b"sip:bob@h") == f"404 Username {user} in table location not found\n"
    assert told("ul_add", b"sip:bob@h", b"60", b"1", b"0", b"0").endswith("\n('bob','sip:bob@h') to 'location'\n")
    assert told("ul_rm_contact", b"sip:bob@h") == f"200 Contact ({user}, sip:bob@h) deleted from table location\n"
    assert told("ul_rm") == f"200 user (location, {user}) deleted\n"


@pytest.mark.parametrize("name", ["ul_show_contact", "ul_rm_contact"])
def test_a_missing_domain_is_told_before_a_missing_contact(name: str) -> None:
    server = site('modparam("usrloc|registrar", "use_domain", 1)')
    assert ask(server, name, b"location", b"bob") == b"400 %s: user@domain expected\n" % name.encode()


@pytest.mark.parametrize(
    ("q", "shown"), [(b"00.5", b"0.5"), (b"01", b"1"), (b"001.0", b"1"), (b"000", b"0"), (b" .5 ", b"0.5")]
)
def test_a_q_value_may_begin_with_zeros(q: bytes, shown: bytes) -> None:
    server = site()
    assert add(server, q=q).startswith(b"200 ")
    assert ask(server, "ul_show_contact", b"location", b"bob") == b"200 OK\n<sip:bob@h>;q=%s;expires=3600\n" % shown


@pytest.mark.parametrize("q", [b"02", b"10", b"011", b"01.1", b"0" * 30 + b"2"])
def test_zeros_do_not_make_a_q_value_smaller(q: bytes) -> None:
    assert add(site(), q=q) == b"400 Invalid q value\n"


def test_blanks_before_a_word_belong_to_it() -> None:
    server = site()
    assert ask(server, "ul_rm", b"location", b" bob ") == b"200 user (location,  bob) deleted\n"
    assert add(server, expires=b" 60") == b"400 Invalid expires format\n"
    assert add(server, expires=b"60 ").startswith(b"200 ")


def test_flags_are_any_number_of_32_bits() -> None:
    assert add(site(), more=b"4294967295").startswith(b"200 ")
    assert add(site(), more=b"4294967296") == b"400 Invalid flags format\n"


def test_a_permanent_contact_outlives_its_time() -> None:
    server = site()
    assert add(server, expires=b"0", more=b"128").startswith(b"200 ")
    assert ask(server, "ul_flush", now_ms=100_000) == b"200 ul_flush completed"
    shown = ask(server, "ul_show_contact", b"location", b"bob", now_ms=100_000)
    assert shown == b"200 OK\n<sip:bob@h>;q=1;expires=-100\n"


def test_a_contact_that_is_to_be_replicated_stays_unseen_until_its_time_is_over() -> None:
    server = site()
    ask(server, "ul_add", b"location", b"bob", b"sip:b@h", b"60", b"1", b"1", b"0")
    ask(server, "ul_rm", b"location", b"bob")
    assert ask(server, "ul_show_contact", b"location", b"bob") == b"404 No registered contacts found\n"
    ask(server, "ul_flush")
    assert ask(server, "ul_stats") == b"200 ok\nDomain Registered Expired\n'location' 1 0\n"
    ask(server, "ul_flush", now_ms=61_000)
    assert ask(server, "ul_stats") == b"200 ok\nDomain Registered Expired\n'location' 0 1\n"


def test_a_dump_shows_all() -> None:
    server = site()
    empty = (
        b"200 ok\n===Domain list===\n---Domain---\nname : 'location'\nsize : 512\ntable: 0x1000\nd_ll {\n    n    : 0\n"
    )
    empty += b"    first: (nil)\n    last : (nil)\n}\n---/Domain---\n===/Domain list===\n"
    assert ask(server, "ul_dump") == empty
    register(server, "<sip:a@h>;q=0.5, <sip:b@h>", "alice")
    shown = ask(server, "ul_dump").decode()
    assert shown.count("...Record(0x1000)...\ndomain: 'location'\naor   : 'alice'\n") == 1
    one = (
        "~~~Contact(0x1001)~~~\ndomain    : 'location'\naor       : 'alice'\nContact   : 'sip:a@h'\nExpires   : 3600\n"
    )
    one += "q         : 0.5\nCall-ID   : 'reg-alice@h'\nCSeq      : 1\nreplic    : 0\nUser-Agent: 'oracle UA/1'\n"
    one += "received  : ''\nState     : CS_NEW\nFlags     : 0\nnext      : 0x1002\nprev      : (nil)\n~~~/Contact~~~~\n"
    assert one in shown and "q         : \n" in shown


def test_a_dump_tells_by_what_an_administrator_s_contact_is_known() -> None:
    server = site()
    add(server, b"sip:b@h")
    shown = ask(server, "ul_dump").decode()
    call_id = "The-Answer-To-The-Ultimate-Question-Of-Life-Universe-And-Everything"
    assert f"Call-ID   : '{call_id}'\nCSeq      : 42\n" in shown
    assert "User-Agent: 'SIP Express Router FIFO'\n" in shown


# --- expiry ------------------------------------------------------------------------------------------------------------------


def test_the_timer_removes_what_is_over_in_all_parts_of_a_large_table() -> None:
    server = site(level=1)
    table = location(server)
    store = locations_of(server).store
    store.begin()
    now_s = locations_of(server).now_s(0)
    for n in range(5000):
        lasts = 10 if n % 3 == 0 else 100
        store.write(table.number, b"user%d" % n, pack([contact(b"sip:%d@h" % n, now_s + lasts)]))
    store.commit()
    (timer,) = [t for t in Usrloc.timers(module_of(server)) if t.once_per_server]
    run_out(timer, 10_000)
    assert store.count(table.number) == 3333 and table.expired() == 1667
    assert sum(1 for _ in table.users()) == 3333
    run_out(timer, 100_000)
    assert store.count(table.number) == 0 and table.expired() == 5000


def run_out(timer: Timer, now_ms: int) -> None:
    """All spells of a timer that goes on until it is done."""
    timer.due_ms = now_ms
    while timer.due_ms == now_ms:
        timer.due_ms = now_ms + timer.period_ms
        timer.body(now_ms, [])


def test_each_contact_that_expires_is_told() -> None:
    server = site()
    register(server, "<sip:a@h>;expires=60, <sip:b@h>")
    for timer in module_of(server).timers():
        timer.body(60_000, [])
    assert "Binding 'bob','sip:a@h' has expired" in server.lines(2)
    assert [each.uri for each in location(server).contacts(b"bob")] == [b"sip:b@h"]


def module_of(server: Site) -> Usrloc:
    module = server.engine.world.modules["usrloc"]
    assert isinstance(module, Usrloc)
    return module


# --- records -----------------------------------------------------------------------------------------------------------------


def contact(uri: bytes = b"sip:a@h", expires_s: int = 1000, flags: int = 0) -> Contact:
    return Contact(uri, expires_s, -1, b"call", 7, flags, b"agent", b"sip:r", b"<sip:p;lr>", 3, 1)


def fields(of: Contact) -> tuple[object, ...]:
    numbers = (of.expires_s, of.q, of.cseq, of.flags, of.replicate, of.state)
    return (of.uri, of.call_id, of.user_agent, of.received, of.path, *numbers)


def test_a_record_is_read_as_it_was_written() -> None:
    full = Contact(b"u" * 1024, LAST_TIME, 1000, b"c" * 300, 2**31 - 1, 0xFFFF, b"a" * 255, b"r" * 9, b"", LAST_TIME, 5)
    least = Contact(b"", 0, 0, b"", 0, 0, b"", b"", b"", 0, 0)
    given = [full, contact(), least]
    assert [fields(c) for c in unpack(pack(given))] == [fields(c) for c in given]


@pytest.mark.parametrize("damage", [b"", b"\2" + pack([contact()])[1:], pack([contact()])[:-1], pack([contact()])[:20]])
def test_what_is_no_record_is_refused(damage: bytes) -> None:
    with pytest.raises(BadRecord):
        unpack(damage)


def test_a_record_tells_when_its_first_contact_expires() -> None:
    both = [contact(expires_s=50), contact(expires_s=20), contact(expires_s=10, flags=PERMANENT)]
    assert expires_first(pack(both)) == earliest(both) == 20


def test_a_contact_takes_less_than_a_kilobyte() -> None:
    server = site(level=1)
    store = locations_of(server).store
    for n in range(1000):
        register(server, f"<sip:user{n}@192.168.1.1:5060;transport=udp;line=abcdefgh>", f"user{n}")
    used = os.stat(os.path.join(store.folder, "data.mdb")).st_blocks * 512
    assert store.count(location(server).number) == 1000
    # What is taken from the system ahead of need is not of the contacts.
    assert (used - (3 << 20)) / 1000 < 1000


# --- the store ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(str(tmp_path), 64 << 20)
    made.add_table(b"one")
    yield made
    made.close()


def in_child(body: object) -> int:
    """Run it in a process of its own; its exit status."""
    assert callable(body)
    pid = os.fork()
    if pid == 0:
        try:
            body()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def put(store: Store, key: bytes, record: bytes) -> None:
    store.begin()
    store.write(0, key, record)
    store.commit()


def test_what_one_process_commits_another_sees_at_once(store: Store) -> None:
    def child() -> None:
        store.enter()
        assert store.get(0, b"parent") == b"1"
        put(store, b"child", b"2")

    put(store, b"parent", b"1")
    assert in_child(child) == 0
    assert store.get(0, b"child") == b"2" and store.get(0, b"") == b""


def test_a_process_that_dies_while_it_writes_leaves_nothing_behind_and_no_lock(store: Store) -> None:
    def child() -> None:
        store.enter()
        store.begin()
        store.write(0, b"k", b"half")
        os.kill(os.getpid(), 9)

    put(store, b"k", b"whole")
    assert in_child(child) == -9
    assert store.get(0, b"k") == b"whole"
    put(store, b"k", b"again")
    assert store.get(0, b"k") == b"again"


def test_the_empty_name_is_a_name(store: Store) -> None:
    put(store, b"", b"1")
    assert store.get(0, b"") == b"1" and store.part(0, None, 9) == [(b"", b"1")]
    assert store.part(0, b"", 9) == []


def test_a_walk_in_parts_sees_all(store: Store) -> None:
    for n in range(25):
        put(store, b"%d" % n, b"x")
    seen: list[bytes] = []
    while part := store.part(0, seen[-1] if seen else None, 7):
        seen += [key for key, _ in part]
    assert seen == sorted(b"%d" % n for n in range(25))


def test_what_was_dropped_was_never_there(store: Store) -> None:
    store.begin()
    store.write(0, b"k", b"x")
    store.abort()
    assert store.get(0, b"k") == b""


def test_a_full_store_says_so_and_goes_on_with_what_it_has(tmp_path: Path) -> None:
    made = Store(str(tmp_path), 3 << 20)
    made.add_table(b"one")
    put(made, b"first", b"x")
    with pytest.raises(StoreError, match="the 3 MB that contacts may take are full"):
        for n in range(10_000):
            put(made, b"%d" % n, b"x" * 1000)
    assert made.get(0, b"first") == b"x"
    made.close()


def test_a_table_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError):
        Store(str(tmp_path / "file"), 1 << 20).add_table(b"one")


# --- the folder --------------------------------------------------------------------------------------------------------------


def test_the_folder_is_private_and_goes_with_its_process() -> None:
    def child() -> None:
        made = make_private_folder((-1, -1))
        assert os.stat(made).st_mode & 0o777 == 0o700
        os.write(writing, made.encode())
        # As a process ends that nobody kills.
        import atexit

        atexit._run_exitfuncs()

    reading, writing = os.pipe()
    assert in_child(child) == 0
    assert not os.path.exists(os.read(reading, 1000).decode())


def test_the_folder_of_a_killed_server_is_removed_by_the_next_one_and_that_of_a_living_one_is_not() -> None:
    def child() -> None:
        os.write(writing, make_private_folder((-1, -1)).encode())
        os.kill(os.getpid(), 9)

    reading, writing = os.pipe()
    living = make_private_folder((-1, -1))
    assert in_child(child) == -9
    dead = os.read(reading, 1000).decode()
    assert os.path.dirname(dead) == parent_folder() and os.path.exists(dead)
    make_private_folder((-1, -1))
    assert not os.path.exists(dead) and os.path.exists(living)
