"""A process takes letters about another program: also those that come twice, or were meant for one that is dead."""

from __future__ import annotations

import marshal

import pytest
from engine import Server

from runtime.server.mail.board import Board
from runtime.server.mail.exchange import Exchange
from runtime.server.mail.letters import new_program, program_done
from runtime.server.mail.letters.new_program import DISCARD, MAKE_READY, SWITCH
from runtime.server.mail.letters.program_done import ProgramDoneLetter
from runtime.server.mail.mailbox import Letter, Mailboxes, PlainMailbox, Post
from runtime.server.worker.programs import Programs

CODE = (
    "from runtime.routing.config import Config\nfrom runtime.routing.program import Program\n"
    "PROGRAM = Program(config=Config({config}), source='{name}')\n"
)


class Process:
    """One that is forked when version `version` runs; the master has mailbox 1."""

    def __init__(self, version: int = 1) -> None:
        self.board = Board()
        self.board.version = version
        self.server = Server()
        self.switches = 0
        boxes = Mailboxes(2)
        self._own = PlainMailbox(boxes.readers[0])
        self._masters = PlainMailbox(boxes.readers[1])
        self._post = Post(boxes.writers)
        self._exchange = Exchange(0, self._own, Post(boxes.writers), 0, {})
        self._programs = Programs(
            self.server.engine, lambda config: config, self.board, self._exchange, self.server.log, self._switched
        )
        self.size = 0

    def _switched(self) -> None:
        self.switches += 1

    def show(self, name: str, config: str = "") -> None:
        code = marshal.dumps(compile(CODE.format(name=name, config=config), "routes.py", "exec"))
        self.size = len(code)
        self.board.show(code)

    def get(self, what: int, version: int) -> list[ProgramDoneLetter]:
        """What the master hears when the process has got this letter."""
        new_program.put(self._post, 0, 1, what, version, self.size)
        self._post.flush()
        letters: list[Letter] = []
        self._own.receive(letters)
        for letter in letters:
            self._programs.take(letter, 0)
        self._exchange.post.flush()
        answers: list[Letter] = []
        self._masters.receive(answers)
        return [program_done.read(letter) for letter in answers]

    @property
    def runs(self) -> str:
        return self.server.engine.program.source


def test_it_switches_when_it_is_told_to_and_not_before() -> None:
    process = Process()
    process.show("two")
    (ready,) = process.get(MAKE_READY, 2)
    assert (ready.sender, ready.what, ready.version, ready.why) == (0, MAKE_READY, 2, "") and process.runs == "ser.cfg"
    (switched,) = process.get(SWITCH, 2)
    assert (switched.what, switched.why) == (SWITCH, "") and process.runs == "two" and process.switches == 1


def test_letters_that_come_twice_are_answered_twice_and_done_once() -> None:
    process = Process()
    process.show("two")
    assert len(process.get(MAKE_READY, 2) + process.get(MAKE_READY, 2)) == 2
    assert len(process.get(SWITCH, 2) + process.get(SWITCH, 2)) == 2 and process.switches == 1


def test_what_was_meant_for_a_dead_one_is_not_done_again() -> None:
    process = Process(version=2)
    process.show("three")
    process.get(MAKE_READY, 2)
    process.get(SWITCH, 2)
    assert process.runs == "ser.cfg" and process.switches == 0


def test_what_is_discarded_is_not_switched_to() -> None:
    process = Process()
    process.show("two")
    process.get(MAKE_READY, 2)
    assert process.get(DISCARD, 2) == [] and process.get(SWITCH, 2) == [] and process.runs == "ser.cfg"


@pytest.mark.parametrize(
    ("name", "config", "why"),
    [("two", "port=5099", "the global parameter port"), ("a'", "", "EOF"), ("two", "nothing", "nothing")],
)
def test_what_cannot_run_is_told(name: str, config: str, why: str) -> None:
    process = Process()
    if name == "a'":
        process.size = 10
        why = "cannot load the program"
    else:
        process.show(name, config)
    (ready,) = process.get(MAKE_READY, 2)
    assert why in ready.why and process.get(SWITCH, 2) == [] and process.runs == "ser.cfg"
