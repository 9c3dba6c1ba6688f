"""Programs and the RTP proxy of a server under test."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runtime.routing.ports import StandIn

VERSION = b"20040107"


@dataclass(frozen=True)
class CommandRule:
    """How a shell command ends in which `pattern` is found. `status` None: it does not end."""

    pattern: re.Pattern[str]
    status: int | None = 0
    output: bytes = b""


class Outside(StandIn):
    """Answers by rules, the newest first. Nothing is run: a command without a rule ends well and writes nothing.

    `ran` has the commands, `said` what the RTP proxy was told. `rtp_answer`: what it answers to all but the question for its version;
    None: it is not there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rules: list[CommandRule] = []
        self.rtp_answer: bytes | None = None
        self.ran: list[str] = []
        self.said: list[bytes] = []

    def command(self, command: str, data: bytes | None) -> tuple[int, bytes] | None:
        self.ran.append(command)
        for rule in reversed(self.rules):
            if rule.pattern.search(command):
                return None if rule.status is None else (rule.status, rule.output)
        return 0, b""

    def rtp_proxy(self, place: str, command: bytes) -> bytes:
        if self.rtp_answer is None:
            return b""
        if command == b"V":
            return VERSION
        self.said.append(command)
        return self.rtp_answer
