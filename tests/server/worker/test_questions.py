"""Commands of modules, asked in the workers: one answer out of all, routing by Call-ID, late and long answers, the dead."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest
from patience import eventually
from ports import free_port

from runtime.sip.callid import call_id_hash, hash_of_call_id
from server.conftest import OPTIONS, StartServer
from server.control_clients import Controlled

# A module with a command of each kind. Workers answer with their pid; what is asked late is answered 100 ms later, by a timer.
ASKED_ROUTES = """
from typing import Final
from mypy_extensions import i64
from runtime.modules.sl import Sl
from runtime.routing.command import EVERY, LINE, OWNER, Command, Inquiry
from runtime.routing.config import Config, Listen
from runtime.routing.context import Context
from runtime.routing.module import Module, NEVER
from runtime.routing.program import Program
from runtime.routing.world import World
from runtime.sip.transport import Send

CONFIG: Final = Config({config})

class Asked(Module):
    def __init__(self) -> None:
        super().__init__("asked")
        self.keeps_state = {state}
        self.waiting: list[tuple[int, Inquiry]] = []
        self.pid = 0
        self.words = b""

    def start_worker(self, world: World) -> None:
        self.pid = world.pid
        self.world = world

    def commands(self) -> list[Command]:
        first = self.first_word
        return [
            Command("all", self.tell, where=EVERY, combine=self.joined),
            Command("owner", self.tell, LINE, where=OWNER, call_id_of=first),
            Command("late", self.tell_later, LINE, where=OWNER, call_id_of=first, answers_late=True),
            Command("twice", self.tell_twice, LINE, where=OWNER, call_id_of=first),
            Command("never", self.tell_never, LINE, where=OWNER, call_id_of=first, answers_late=True),
            Command("long", self.tell_much, LINE, where=OWNER, call_id_of=first),
            Command("slow", self.tell_never, LINE, where=OWNER, call_id_of=first),
            Command("broken", self.fail, where=OWNER, call_id_of=first),
            Command("mine", self.tell_whether_mine, LINE, where=OWNER, call_id_of=first),
        ]

    def first_word(self, words: list[bytes]) -> bytes:
        return words[0] if words else b""

    def joined(self, by_fifo: bool, answers: list[bytes]) -> bytes:
        return b"200 " + b" ".join(answers) + b"\\n"

    def tell(self, inquiry: Inquiry) -> None:
        inquiry.answer(b"%d" % self.pid)

    def tell_later(self, inquiry: Inquiry) -> None:
        self.waiting.append((inquiry.now_ms + 100, inquiry))

    def tell_much(self, inquiry: Inquiry) -> None:
        inquiry.answer(b"200 ok\\n" + b"".join(b"line %d\\n" % n for n in range(int(inquiry.word(0)))))

    def tell_twice(self, inquiry: Inquiry) -> None:
        inquiry.tell(b"180 ringing\\n")
        inquiry.answer(b"200 ok\\n")

    def tell_never(self, inquiry: Inquiry) -> None:
        pass

    def tell_whether_mine(self, inquiry: Inquiry) -> None:
        inquiry.answer(b"%d" % self.world.ownership.has(inquiry.word(0)))

    def fail(self, inquiry: Inquiry) -> None:
        raise ValueError("a bug")

    def next_timer_ms(self, now_ms: i64) -> i64:
        return max(0, self.waiting[0][0] - now_ms) if self.waiting else NEVER

    def on_timer(self, now_ms: i64) -> None:
        while self.waiting and self.waiting[0][0] <= now_ms:
            self.waiting.pop(0)[1].answer(b"%d" % self.pid)

asked: Final = Asked()
sl: Final = Sl()

def route(ctx: Context) -> int:
    if b"sl" in ctx.message.buf:
        status = int(ctx.message.value(ctx.message.cseq).split()[0])
        sl.sl_send_reply(ctx, status, b"Any")
    else:
        ctx.sends.append(Send(b"%d" % ctx.world.pid, ctx.source, ctx.socket, ctx.connection))
    return 1

PROGRAM: Final = Program(config=CONFIG, modules=(sl, asked), request=route)
"""

STATEFUL = ASKED_ROUTES.replace("{state}", "True")
STATELESS = ASKED_ROUTES.replace("{state}", "False")


@pytest.fixture
def stateful(start: StartServer, tmp_path: Path) -> Controlled:
    controlled = Controlled(start, tmp_path, routes=STATEFUL)
    controlled.server.all_workers(4)
    return controlled


def receivers(controlled: Controlled) -> list[str]:
    return [pid for _, pid, what in controlled.ps() if "receiver" in what]


def test_an_answer_is_made_of_those_of_all_workers(stateful: Controlled) -> None:
    assert stateful.ask("all") == "200 " + " ".join(receivers(stateful)) + "\n"
    assert stateful.ask_socket(":all:\n") == "200 " + " ".join(receivers(stateful)) + "\n"


def test_a_module_cannot_take_a_name_of_the_server(start: StartServer, tmp_path: Path) -> None:
    server = start(config="", routes=STATEFUL.replace('Command("all"', 'Command("Which"'))
    assert server.wait() == 1
    assert "a module has a FIFO command Which" in server.log.read_text()


def test_a_question_about_a_call_goes_to_its_worker(stateful: Controlled) -> None:
    askers = set()
    for number in range(8):
        call_id = f"call-{number}@example.com"
        owner = stateful.server.ask(OPTIONS.replace(b"call-1", call_id.encode())).decode()
        assert stateful.ask("owner", call_id) == owner
        assert stateful.ask("mine", call_id) == "1"
        askers.add(owner)
    assert len(askers) == 2


def test_without_a_call_id_any_worker_is_asked(stateful: Controlled) -> None:
    assert {stateful.ask_socket(":owner:\n\n") for _ in range(4)} == set(receivers(stateful))


def test_an_answer_can_come_later_and_delays_nobody(stateful: Controlled) -> None:
    began = time.monotonic()
    stateful.write(b":late:nosuchpipe\nx\n\n" * 180)
    assert stateful.ask("version").startswith("200 ok")
    # One after the other they would take 18 seconds.
    assert time.monotonic() - began < 17
    assert stateful.ask("late", "x") in receivers(stateful)
    assert time.monotonic() - began > 0.09


def test_late_answers_keep_nobody_else_out(stateful: Controlled) -> None:
    stateful.write(b":never:\nx\n\n" * 1024)
    assert stateful.ask("never", "x") == "500 too many commands at once\n"
    assert stateful.ask("owner", "x") in receivers(stateful)


def test_a_long_answer_arrives_whole(stateful: Controlled) -> None:
    answer = stateful.ask("long", "40000")
    assert answer == "200 ok\n" + "".join(f"line {n}\n" for n in range(40000))
    assert stateful.ask_socket(":long:\n40000\n") == "500 Error while creating reply\n"
    assert stateful.ask_socket(":long:\n5\n").count("\n") == 6


def test_what_is_told_before_the_answer_arrives_by_itself(stateful: Controlled) -> None:
    name = stateful.pipe()
    fd = os.open(stateful.folder / name, os.O_RDONLY | os.O_NONBLOCK)
    stateful.write(f":twice:{name}\nx\n\n".encode())
    read = bytearray()

    def has_come() -> bool:
        read.extend(os.read(fd, 1000))
        return read == b"180 ringing\n200 ok\n"

    assert eventually(has_come)
    os.close(fd)
    assert stateful.ask_socket(":twice:\nx\n") == "180 ringing\n"
    assert stateful.ask("owner", "x") in receivers(stateful)


def test_a_bug_in_a_command_is_told_and_costs_nothing_else(stateful: Controlled) -> None:
    assert stateful.ask("broken") == "500 server error\n"
    assert stateful.server.logs("BUG: command broken: ValueError: a bug")
    assert len(receivers(stateful)) == 2 and stateful.ask("all").startswith("200")


def test_who_waits_for_a_dead_worker_hears_so(stateful: Controlled) -> None:
    call_id = "x"
    owner = int(stateful.ask("owner", call_id))
    os.kill(owner, signal.SIGSTOP)
    name = stateful.pipe()
    fd = os.open(stateful.folder / name, os.O_RDONLY | os.O_NONBLOCK)
    stateful.write(f":late:{name}\n{call_id}\n\n:late:\n{call_id}\n\n".encode())
    assert stateful.ask("version").startswith("200 ok")
    os.kill(owner, signal.SIGKILL)
    # Its successor finds the inquiry in the mailbox, or it is noticed that the worker has died: there is an answer.
    assert eventually(lambda: os.read(fd, 100) != b"")
    os.close(fd)
    assert eventually(lambda: stateful.ask("owner", call_id) not in ("", str(owner), "500 no worker answers\n"))


def test_a_worker_that_does_not_answer_is_left_out(stateful: Controlled) -> None:
    first, second = receivers(stateful)
    os.kill(int(first), signal.SIGSTOP)
    try:
        assert stateful.ask("all") == f"200 {second}\n"
        assert stateful.server.logs("WARNING: all: worker 0 does not answer")
        assert stateful.ask("slow", "x") == "500 no worker answers\n"
    finally:
        os.kill(int(first), signal.SIGCONT)
    assert stateful.ask("all") == f"200 {first} {second}\n"


@pytest.mark.parametrize("config", ["", "fork=False", "children=1", "listen=(Listen('tcp', '127.0.0.1', {tcp}),)"])
def test_stateless_workers_of_every_kind_are_asked(start: StartServer, tmp_path: Path, config: str) -> None:
    controlled = Controlled(start, tmp_path, config=config.format(tcp=free_port()), routes=STATELESS)
    answer = controlled.ask("all").split()
    assert answer[0] == "200"
    assert answer[1:] == [pid for _, pid, what in controlled.ps() if "receiver" in what]


def test_sl_stats_sums_up_what_all_workers_have_answered(start: StartServer, tmp_path: Path) -> None:
    controlled = Controlled(start, tmp_path, routes=STATELESS)
    for status in (200, 202, 204, 183, 302, 305, 404, 404, 404, 486, 500, 503, 603):
        request = (
            OPTIONS.replace(b"CSeq: 1", b"CSeq: %d" % status)
            .replace(b"call-1", b"sl")
            .replace(b";branch", b";rport;branch")
        )
        assert controlled.server.ask(request).startswith(b"SIP/2.0 %d" % status)
    text = controlled.ask("sl_stats")
    assert controlled.ask_socket(":sl_stats:\n") == text.replace("200 ok", "200 OK")
    lines = text.split("\n")
    assert lines[0] == "200 ok" and lines[-1] == ""
    assert all(re.fullmatch(r"([0-9x]+: \d+ ?)+ {5}|failures: \d+ {6}", line) for line in lines[1:-1])
    counts = {m[0]: int(m[1]) for line in lines[1:-1] for m in re.findall(r"(\w+): (\d+)", line)}
    # The client asks again until it is answered, so there may be more of each.
    assert {code for code, number in counts.items() if number} == set(
        "200 202 2xx 302 3xx 404 4xx 500 5xx 6xx xxx".split()
    )
    assert counts["404"] >= 3


def test_the_hash_of_a_call_id_is_that_of_its_header() -> None:
    for value in (b"a", b"3c26700857a87f84@10.0.0.1", b"x" * 500):
        assert hash_of_call_id(value) == call_id_hash(b"OPTIONS sip:a SIP/2.0\r\nCall-ID:  " + value + b" \r\n\r\n")
    assert hash_of_call_id(b"") == -1
