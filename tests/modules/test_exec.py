"""exec at work, with real commands. Reference modules-main, chapter 23."""

from __future__ import annotations

import time
from pathlib import Path

from script import Site, request

from runtime.modules.exec import Exec
from runtime.modules.exec.environment import environment_of, transaction_id
from runtime.routing import errors
from runtime.routing.context import L_DBG, L_ERR, Context
from runtime.sip.message import parse


def context(**headers: str) -> Context:
    return Site("route { drop; }", "exec").context(request(**headers))


def test_the_first_line_is_the_new_uri_and_the_others_are_branches() -> None:
    ctx = context()
    assert Exec().exec_dset(ctx, b"printf 'sip:x@h  \\n\\nsip:y@h\\nsip:z@h:99' #")
    assert ctx.uri() == b"sip:x@h"
    assert [branch.uri for branch in ctx.branches] == [b"sip:y@h", b"sip:z@h:99"]


def test_the_command_gets_the_current_uri_and_no_peer_writes_shell() -> None:
    ctx = context()
    ctx.set_uri(b"sip:a'$(id)`id`;b@h")
    assert Exec().exec_dset(ctx, b"printf '%s\\n'")
    assert ctx.uri() == b"sip:a'$(id)`id`;b@h"


def test_no_output_is_false_and_changes_nothing() -> None:
    ctx = context()
    assert not Exec().exec_dset(ctx, b"true")
    assert ctx.new_uri is None and ctx.error == errors.EXEC


def test_uris_are_set_even_when_the_command_fails() -> None:
    ctx = context()
    assert not Exec().exec_dset(ctx, b"echo sip:x@h; exit 3;")
    assert ctx.uri() == b"sip:x@h"


def test_a_uri_that_is_too_long_is_refused() -> None:
    ctx = context()
    assert not Exec().exec_dset(ctx, b"printf 'sip:%01100d@h' 1 #")
    assert ctx.new_uri is None


def test_the_message_is_on_standard_input(tmp_path: Path) -> None:
    ctx = context()
    assert Exec().exec_msg(ctx, f"cat > {tmp_path}/seen".encode())
    assert (tmp_path / "seen").read_bytes() == ctx.message.buf


def test_a_command_that_reads_nothing_does_no_harm() -> None:
    assert Exec().exec_msg(context(X="y" * 60_000), b"true")


def test_the_exit_status_decides() -> None:
    ctx = context()
    assert not Exec().exec_msg(ctx, b"exit 1")
    assert ctx.error == errors.EXEC


def test_an_exit_status_is_an_answer_and_no_error() -> None:
    """The script asks for it, request after request; what did not come to its end is an error, named in few words."""
    site = Site("route { drop; }", "exec")
    for command in (b"exit 1", b"kill -9 $$ # " + b"x" * 1000):
        assert not Exec().exec_msg(site.context(request()), command)
    assert site.lines(L_ERR) == ["ERROR: exec: kill -9 $$ # " + "x" * 47 + "... was killed by signal 9"]
    assert "DEBUG: exec: exit status 1 of exit 1" in site.lines(L_DBG)


def test_time_to_kill_ends_a_command_and_what_it_started() -> None:
    begin = time.monotonic()
    assert not Exec(time_to_kill=1).exec_msg(context(), b"sleep 30 | sleep 30")
    assert not Exec(time_to_kill=1).exec_dset(context(), b"sleep 30 & sleep 30; echo")
    assert time.monotonic() - begin < 25


def test_a_command_that_writes_without_end_is_killed() -> None:
    begin = time.monotonic()
    ctx = context()
    assert not Exec().exec_dset(ctx, b"yes sip:x@h; sleep 30; echo")
    assert ctx.new_uri is None and ctx.error == errors.EXEC
    assert time.monotonic() - begin < 25


def test_as_many_uris_as_a_request_can_have_are_far_from_too_much() -> None:
    ctx = context()
    assert Exec().exec_dset(ctx, b"for i in 1 2 3 4 5 6 7 8 9 10; do printf 'sip:%01000d@h\\n' $i; done #")
    assert len(ctx.branches) == 9


def test_a_job_in_the_background_does_not_hold_the_worker_up() -> None:
    begin = time.monotonic()
    assert Exec().exec_msg(context(), b"sleep 30 & exit 0")
    assert time.monotonic() - begin < 20


def test_the_message_is_in_the_environment() -> None:
    ctx = context(
        Via="SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKm491",
        To="<sip:bob@example.com>;tag=dialogtag",
        f_oo_B="odd",
        X_A="one\r\nX-A: two",
        k="path",
        c="text/plain",
        m="<sip:c@d>",
        Subject="su\r\n bj",
    )
    ctx.set_uri(b"sip:newu@127.0.0.1:5090;x=y")
    found = {name: value for name, value in environment_of(ctx).items() if name.startswith(b"SIP_")}
    tid = found.pop(b"SIP_TID")
    assert len(tid) == 32 and bytes.fromhex(tid.decode())
    assert found == {
        b"SIP_DID": b"dialogtag",
        b"SIP_HF_CALLID": b"cid1@h",
        b"SIP_HF_CONTACT": b"<sip:c@d>",
        b"SIP_HF_CONTENT_LENGTH": b"0",
        b"SIP_HF_CONTENT_TYPE": b"text/plain",
        b"SIP_HF_CSEQ": b"1 OPTIONS",
        b"SIP_HF_FROM": b"<sip:alice@example.com>;tag=ft1",
        b"SIP_HF_F_OO_B": b"odd",
        b"SIP_HF_MAX_FORWARDS": b"70",
        b"SIP_HF_SUBJECT": b"su\r\n bj",
        b"SIP_HF_SUPPORTED": b"path",
        b"SIP_HF_TO": b"<sip:bob@example.com>;tag=dialogtag",
        b"SIP_HF_VIA": b"SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKm491",
        b"SIP_HF_X_A": b"one,two",
        b"SIP_ORUI": b"sip:bob@example.com",
        b"SIP_ORURI": b"sip:bob@example.com",
        b"SIP_OUSER": b"bob",
        b"SIP_RURI": b"sip:newu@127.0.0.1:5090;x=y",
        b"SIP_SRCIP": b"127.0.0.1",
        b"SIP_USER": b"newu",
    }


def test_a_command_sees_the_variables_only_if_setvars_says_so(tmp_path: Path) -> None:
    command = f"env > {tmp_path}/env".encode()
    assert Exec().exec_msg(context(), command)
    assert b"SIP_RURI=sip:bob@example.com\n" in (tmp_path / "env").read_bytes()
    assert Exec(setvars=0).exec_msg(context(), command)
    assert b"SIP_" not in (tmp_path / "env").read_bytes()


def test_a_nul_in_a_header_reaches_no_variable() -> None:
    assert Exec().exec_msg(context(X_A="a\0b"), b'test "$SIP_HF_X_A" = ab')


def test_retransmissions_share_the_transaction_id_and_others_do_not() -> None:
    first, other = parse(request()), parse(request(Call_ID="another"))
    assert transaction_id(first) == transaction_id(parse(request()))
    assert transaction_id(first) != transaction_id(other)


def test_a_script_redirects_with_what_a_command_says() -> None:
    site = Site('route { exec_dset("echo sip:a@b; echo sip:c@d; true"); sl_send_reply("302", "Moved"); }', "sl exec")
    assert b"\r\nContact: sip:a@b, sip:c@d\r\n" in site.answer(request())
