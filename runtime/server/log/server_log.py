"""SER's log: standard error or syslog, one line a record. Reference core, chapter 9."""

from __future__ import annotations

import os
import socket
import sys
import syslog
import time
from typing import Final

from runtime.routing.ports import L_ALERT, L_DBG, Log
from runtime.server.log.records import json_record, plain
from runtime.server.log.repeats import Repeats

# <syslog.h>; by SER's level. Level 0 has no name in SER: syslog takes it as a notice here.
_PRIORITY: Final = {-3: 1, -2: 2, -1: 3, 0: 5, 1: 4, 2: 5, 3: 6, 4: 7}


class ServerLog(Log):
    """Writes records as process `index` of the process table (0 is the master).

    To standard error as `%2d(%d) line`, else to syslog under `ident` with the facility that `log_facility` names; with
    `as_json` to both as JSON. What repeats itself more than some times a second is withheld and counted, except at debug level.
    """

    def __init__(
        self, level: int, to_stderr: bool, ident: str = "ser", facility: str = "LOG_DAEMON", as_json: bool = False
    ) -> None:
        super().__init__(level)
        self._as_json: Final = as_json
        self._repeats: Final = Repeats()
        self._to_stderr = to_stderr
        self._ident = ident
        self._facility = facility
        self._opened = False
        self.index = 0
        self.pid = os.getpid()

    def become(self, index: int) -> None:
        """Called in a new process: its place in the process table."""
        self.index = index
        self.pid = os.getpid()

    def connect(self) -> None:
        """Before a change of the root directory, behind which syslog could not be found. All processes have this connection."""
        if not self._to_stderr:
            self._open(syslog.LOG_NDELAY)

    def disconnect(self) -> None:
        """Before somebody closes all descriptors: the C library would go on to write into whatever gets the number next."""
        if self._opened:
            syslog.closelog()
            self._opened = False

    def write(self, level: int, line: str) -> None:
        """Levels above the threshold are dropped. Never raises: a full disk must not stop a call."""
        if self.onlooker is not None:
            self.onlooker.logged(level, line, self.about)
        if level > self.level:
            return
        if level < L_DBG:
            now_s = time.monotonic()
            for old_level, old_line in self._repeats.overdue(now_s):
                self._record(old_level, old_line, None)
            if not self._repeats.admits(level, line, now_s):
                return
        self._record(level, line, self.about)

    def say(self, level: int, line: str) -> None:
        if self.onlooker is not None:
            self.onlooker.logged(level, line, self.about)
        if level <= self.level:
            self._record(level, line, self.about)

    def _record(self, level: int, line: str, about: object) -> None:
        text = json_record(level, line, self.index, self.pid, about, self.place) if self._as_json else plain(line)
        if not self._to_stderr:
            self._to_syslog(level, text)
            return
        head = "" if self._as_json else f"{self.index:2d}({self.pid}) "
        try:
            os.write(2, f"{head}{text}\n".encode())
        except OSError:
            return

    def _open(self, more: int) -> None:
        syslog.openlog(self._ident, syslog.LOG_PID | syslog.LOG_CONS | more, facility_number(self._facility))
        self._opened = True

    def _to_syslog(self, level: int, text: str) -> None:
        if not self._opened:
            self._open(0)
        syslog.syslog(_PRIORITY[max(L_ALERT, min(L_DBG, level))], text)


def has_syslog(path: str = "/dev/log") -> bool:
    """True if somebody takes what is written to syslog. The C library tells nobody when nobody does."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_UNIX, kind) as line:
            try:
                line.connect(path)
            except OSError:
                continue
            return True
    return False


def facility_number(name: str) -> int:
    """The syslog facility that `log_facility` names, in any case; raises ValueError for another word."""
    word = name.upper()
    # Debian's and everybody's number of LOG_FTP, which Python's module does not name before 3.13.
    number = 11 << 3 if word == "LOG_FTP" else getattr(syslog, word, None) if word in _FACILITIES else None
    if not isinstance(number, int):
        raise ValueError(f"log_facility: {name} is no facility of syslog")
    return number


_FACILITIES: Final = frozenset(
    "LOG_" + word for word in "AUTH CRON DAEMON KERN LPR MAIL NEWS USER UUCP AUTHPRIV SYSLOG".split()
) | {f"LOG_LOCAL{i}" for i in range(8)}


def report(prog: str, sentence: str) -> None:
    """One line for the administrator on standard error: why there will be no server."""
    print(f"{prog}: {plain(sentence)}", file=sys.stderr)
