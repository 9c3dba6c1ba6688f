"""usrloc's keep: contacts survive a restart and a power cut, and no 200 lies."""

from __future__ import annotations

import fcntl
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from engine import header
from script import Site, ask, request

from runtime.modules.usrloc import Usrloc
from runtime.modules.usrloc.journal import HEAD_BYTES, JournalError, JournalFile, entry, head
from runtime.routing.engine import ProgramError

ROUTE = """
route {
    if (method=="REGISTER") { save("location"); break; };
    if (lookup("location")) { sl_send_reply("302", "Moved"); break; };
    sl_send_reply("404", "Not Found");
}
"""
ENTRIES = [(b"location", b"user%d" % n, b"record of %d" % n * n) for n in range(4)]
FILE = head() + b"".join(entry(*one) for one in ENTRIES)


def site(folder: Path, parameters: str = "") -> Site:
    return Site(
        f'modparam("usrloc", "keep", "{folder}/kept") {parameters}' + ROUTE,
        "sl textops usrloc registrar",
        3,
        str(folder),
    )


def register(server: Site, contact: str = "<sip:bob@1.1.1.1>", user: str = "bob", cseq: int = 1, **more: str) -> bytes:
    to = {"To": f"<sip:{user}@h>", "Call_ID": f"reg-{user}", "CSeq": f"{cseq} REGISTER"}
    return server.answer(request("REGISTER", "sip:h", Contact=contact, **to, **more))


def found(server: Site, user: str = "bob") -> str | None:
    return header(server.answer(request(uri=f"sip:{user}@h")), "Contact")


def turn(server: Site, now_ms: int = 0) -> None:
    usrloc = server.engine.world.modules["usrloc"]
    assert isinstance(usrloc, Usrloc)
    (timer,) = [timer for timer in usrloc.timers() if "snapshot" in timer.name]
    timer.body(now_ms, [])


def files(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder / "kept") if name != "lock")


def in_child(body: Callable[[], None]) -> int:
    """The exit status of a process that does this."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            body()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# --- a restart ---------------------------------------------------------------------------------------------------------------


def test_contacts_and_their_removal_survive_a_restart(tmp_path: Path) -> None:
    server = site(tmp_path)
    register(server, '<sip:a@h>;q=0.5;received="sip:9.9.9.9:1234", <sip:b@h>;q=0.9')
    register(server, user="eve")
    register(server, "*", "eve", 2, Expires="0")
    register(server, user="dan")
    register(server, "<sip:bob@1.1.1.1>;expires=0", "dan", 2)
    server.engine.end()
    again = site(tmp_path)
    assert found(again) == "sip:b@h, sip:a@h" and found(again, "eve") is None and found(again, "dan") is None
    # What came after a restart is behind what was there before.
    register(again, "<sip:a@h>;expires=0", cseq=2)
    again.engine.end()
    assert found(site(tmp_path)) == "sip:b@h"


def test_a_contact_is_in_the_file_when_it_is_answered(tmp_path: Path) -> None:
    assert register(site(tmp_path)).startswith(b"SIP/2.0 200 ")
    ((table, key, record),) = JournalFile(str(tmp_path / "kept" / "journal.1")).entries()
    assert (table, key) == (b"location", b"bob") and b"sip:bob@1.1.1.1" in record


def test_commands_are_kept_too(tmp_path: Path) -> None:
    server = site(tmp_path)
    ask(server, "ul_add", b"location", b"bob", b"sip:a@h", b"0", b"1", b"0", b"128")
    ask(server, "ul_add", b"location", b"eve", b"sip:a@h", b"0", b"1", b"0", b"128")
    ask(server, "ul_rm", b"location", b"eve")
    server.engine.end()
    again = site(tmp_path)
    assert found(again) == "sip:a@h" and found(again, "eve") is None


def test_a_table_that_ser_cfg_does_not_name_any_more_is_kept_all_the_same(tmp_path: Path) -> None:
    server = site(tmp_path)
    register(server)
    server.engine.end()
    other = f'modparam("usrloc", "keep", "{tmp_path}/kept") ' + ROUTE.replace("location", "aliases")
    between = Site(other, "sl usrloc registrar")
    assert found(between) is None
    fill(between)
    for n in range(5):
        turn(between, n)
    between.engine.end()
    assert files(tmp_path)[0].startswith("snapshot.") and found(site(tmp_path)) == "sip:bob@1.1.1.1"


# --- the files ---------------------------------------------------------------------------------------------------------------


def test_what_was_cut_off_at_any_byte_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "journal.1"
    ends = [HEAD_BYTES + sum(len(entry(*one)) for one in ENTRIES[:n]) for n in range(5)]
    for size in range(len(FILE)):
        path.write_bytes(FILE[:size])
        file = JournalFile(str(path))
        whole = sum(end <= size for end in ends[1:])
        assert list(file.entries()) == ENTRIES[:whole]
        assert file.damaged == 0 and file.torn == (size - ends[whole] if size >= HEAD_BYTES else size)


def test_a_damaged_byte_costs_one_entry(tmp_path: Path) -> None:
    path = tmp_path / "journal.1"
    for place in range(len(FILE)):
        for bit in (1, 128):
            path.write_bytes(FILE[:place] + bytes([FILE[place] ^ bit]) + FILE[place + 1 :])
            file = JournalFile(str(path))
            entries = list(file.entries())
            assert [one for one in ENTRIES if one in entries] == entries, place
            assert len(entries) >= (4 if place < HEAD_BYTES else 3) and file.damaged + file.torn > 0


def test_nothing_but_noise_is_no_entry(tmp_path: Path) -> None:
    path = tmp_path / "journal.1"
    for data in (b"", b"\0" * 70_000, head() + b"\0" * 70_000, FILE[HEAD_BYTES : HEAD_BYTES + 4] * 20_000):
        path.write_bytes(data)
        assert list(JournalFile(str(path)).entries()) == []


def test_entries_behind_a_long_hole_are_found(tmp_path: Path) -> None:
    path = tmp_path / "journal.1"
    for size in (65_534, 65_536, 70_000):
        path.write_bytes(head() + b"\0" * size + entry(*ENTRIES[1]))
        file = JournalFile(str(path))
        assert list(file.entries()) == ENTRIES[1:2] and file.damaged == size


def test_a_server_starts_with_a_damaged_journal_and_says_so(tmp_path: Path) -> None:
    server = site(tmp_path)
    register(server)
    register(server, user="eve")
    server.engine.end()
    path = tmp_path / "kept" / "journal.1"
    data = path.read_bytes()
    path.write_bytes(data[:70] + b"?" + data[71:])
    again = site(tmp_path)
    assert found(again) is None and found(again, "eve") == "sip:bob@1.1.1.1"
    assert any("are damaged: left out" in line for line in again.lines(-1))


def test_files_of_another_version_are_refused(tmp_path: Path) -> None:
    import zlib

    (tmp_path / "kept").mkdir()
    text = head()[:36].replace(b"format 1.", b"format 2.")
    (tmp_path / "kept" / "journal.1").write_bytes(text + zlib.crc32(text).to_bytes(4, "little"))
    with pytest.raises(
        ProgramError, match="another version of the server: it has format 2.1, and this version knows 1.1"
    ):
        site(tmp_path)
    with pytest.raises(JournalError):
        list(JournalFile(str(tmp_path / "kept" / "journal.1")).entries())


# --- the folder --------------------------------------------------------------------------------------------------------------


def test_two_servers_cannot_have_one_folder(tmp_path: Path) -> None:
    site(tmp_path)
    with pytest.raises(ProgramError, match=rf"is in use by another server \(pid {os.getpid()}\): each server needs"):
        site(tmp_path)


def test_a_folder_in_no_folder_is_refused_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match=f"make {tmp_path}/none first"):
        site(tmp_path / "none")


def test_a_check_leaves_the_folder_of_a_running_server_alone(tmp_path: Path) -> None:
    from runtime.modules.usrloc.keeping import Folder

    site(tmp_path)
    Folder(str(tmp_path / "kept"), (-1, -1)).check()
    Folder(str(tmp_path / "other"), (-1, -1)).check()
    assert not (tmp_path / "other").exists()
    with pytest.raises(JournalError, match="cannot be made"):
        Folder(str(tmp_path / "none" / "kept"), (-1, -1)).check()
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link"):
        with pytest.raises(JournalError, match="something else"):
            Folder(str(tmp_path / name), (-1, -1)).check()


def test_keep_is_refused_beside_a_database(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="keep is for contacts in memory alone"):
        site(tmp_path, 'modparam("usrloc", "db_mode", 1)')


def test_the_folder_is_private(tmp_path: Path) -> None:
    register(site(tmp_path))
    assert os.stat(tmp_path / "kept").st_mode & 0o777 == 0o700
    assert os.stat(tmp_path / "kept" / "journal.1").st_mode & 0o777 == 0o600


# --- what goes wrong ---------------------------------------------------------------------------------------------------------


def test_a_full_disk_means_500_and_nothing_changed(tmp_path: Path) -> None:
    def child() -> None:
        server = site(tmp_path)
        register(server)
        kept = os.stat(tmp_path / "kept" / "journal.1").st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (kept + 30, resource.RLIM_INFINITY))
        for n in range(3):
            answer = register(server, "<sip:new@h>", cseq=2 + n)
            assert answer.startswith(b"SIP/2.0 500 ") and header(answer, "Contact") == "<sip:bob@1.1.1.1>;expires=3600"
        assert found(server) == "sip:bob@1.1.1.1"
        assert os.stat(tmp_path / "kept" / "journal.1").st_size == kept
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert register(server, "<sip:new@h>", cseq=9).startswith(b"SIP/2.0 200 ")

    assert in_child(child) == 0
    assert found(site(tmp_path)) == "sip:bob@1.1.1.1, sip:new@h"


def test_a_disk_that_is_full_from_the_start_serves_calls(tmp_path: Path) -> None:
    server = site(tmp_path)
    register(server)
    server.engine.end()

    def child() -> None:
        again = site(tmp_path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
        assert register(again, cseq=2).startswith(b"SIP/2.0 500 ") and found(again) == "sip:bob@1.1.1.1"

    assert in_child(child) == 0


def test_files_that_are_removed_under_the_server_mean_500(tmp_path: Path) -> None:
    server = site(tmp_path)
    register(server)
    os.unlink(tmp_path / "kept" / "journal.1")
    assert register(server, cseq=2).startswith(b"SIP/2.0 500 ")
    assert any("has been removed under the running server" in line for line in server.lines(-1))


def test_what_a_process_wrote_that_died_amid_it_is_no_part_of_the_journal(tmp_path: Path) -> None:
    server = site(tmp_path)
    register(server)
    path = tmp_path / "kept" / "journal.1"
    with path.open("ab") as file:
        file.write(entry(b"location", b"bob", b"")[:-1] + entry(b"location", b"bob", b""))
    register(server, user="eve")
    file_read = JournalFile(str(path))
    assert [key for _, key, _ in file_read.entries()] == [b"bob", b"eve"] and file_read.damaged + file_read.torn == 0


# --- snapshots ---------------------------------------------------------------------------------------------------------------


def fill(server: Site) -> None:
    """Five users with 40 kB each, again and again, until a snapshot is due."""
    contacts = ", ".join(f"<sip:{n}{'x' * 1000}@h>" for n in range(40))
    for n in range(24):
        for user in range(5):
            assert register(server, contacts, f"user{user}", n + 1).startswith(b"SIP/2.0 200 ")


def is_there(server: Site, user: str) -> bool:
    """True if the user is found, with more contacts than a header can name."""
    return server.answer(request(uri=f"sip:{user}@h")).startswith(b"SIP/2.0 302 ")


def test_a_snapshot_takes_the_place_of_a_long_journal(tmp_path: Path) -> None:
    server = site(tmp_path)
    fill(server)
    turn(server)
    # What changes while the snapshot is written is in the next journal.
    register(server, "*", "user3", 100, Expires="0")
    register(server)
    for n in range(5):
        turn(server, n)
    assert files(tmp_path) == ["journal.2", "snapshot.2"]
    register(server, "<sip:later@h>", cseq=2)
    server.engine.end()
    again = site(tmp_path)
    assert found(again) == "sip:bob@1.1.1.1, sip:later@h" and not is_there(again, "user3")
    assert all(is_there(again, f"user{n}") for n in range(5) if n != 3)


def test_a_snapshot_that_was_not_finished_counts_for_nothing(tmp_path: Path) -> None:
    server = site(tmp_path)
    fill(server)
    turn(server)
    register(server)
    server.engine.end()
    assert files(tmp_path) == ["journal.1", "journal.2", "snapshot.2.new"]
    again = site(tmp_path)
    assert found(again) == "sip:bob@1.1.1.1" and is_there(again, "user2")
    for n in range(5):
        turn(again, n)
    # Nothing has been written since the start: there is no journal yet.
    assert files(tmp_path) == ["snapshot.4"]
    again.engine.end()
    last = site(tmp_path)
    assert found(last) == "sip:bob@1.1.1.1" and is_there(last, "user2")


def test_a_snapshot_that_cannot_be_written_is_tried_again_later(tmp_path: Path) -> None:
    def child() -> None:
        server = site(tmp_path)
        fill(server)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        for n in range(5):
            turn(server, n)
        assert files(tmp_path) == ["journal.1"]
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        for n in range(5):
            turn(server, 60_001 + n)
        assert files(tmp_path)[0].startswith("snapshot.")

    assert in_child(child) == 0
    assert is_there(site(tmp_path), "user2")


def test_the_lock_is_free_when_the_server_has_ended(tmp_path: Path) -> None:
    server = site(tmp_path)
    server.engine.end()
    with (tmp_path / "kept" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
