"""Asks a running server through its FIFO or its Unix socket. Reference core, 7.2 to 7.4 and 7.6."""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import secrets
import select
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

# serctl's exit statuses, the first three as in SER's script.
FAILED: Final = 1
NO_SERVER: Final = 2
NO_REPLY_PIPE: Final = 3
NO_ANSWER: Final = 4
# What reload --diff has shown cannot be reloaded.
CANNOT_RELOAD: Final = 5
# A command line that makes no sense, as for every command of this project.
USAGE: Final = 2

# What an answer may have, and a line of what is told for longer: some pipe may have another one at its end than the server. A million
# contacts are 200 MB.
ANSWER_MAX_BYTES: Final = 512 << 20
LINE_MAX_BYTES: Final = 4 << 20
# An answer that has begun may take so many times as long as nothing may come at all.
_PATIENCE: Final = 12
_LOOK_AGAIN_S: Final = 0.02


class CannotAsk(Exception):
    """`str()` is the sentence for standard error, `status` the exit status."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status: Final = status


class NotRunning(CannotAsk):
    """Nobody is there to be asked."""


@dataclass(frozen=True)
class Reply:
    """What the server said, the first line taken apart. `code` 0: there was no status line, all of it is in `text`."""

    code: int
    reason: str
    text: str

    @property
    def is_good(self) -> bool:
        return self.code == 0 or 200 <= self.code < 300

    def shown(self) -> str:
        """As SER's script shows it: without the first line if that says no more than "200 ok"."""
        # Some lines of the server's end as those of SIP do.
        text = self.text.replace("\r\n", "\n")
        if self.code == 0 or (self.code == 200 and self.reason.lower() == "ok"):
            return text
        return f"{self.code} {self.reason}\n{text}" if text else f"{self.code} {self.reason}\n"


def parse_reply(data: bytes) -> Reply:
    text = data.decode("utf-8", "replace")
    first, _, rest = text.partition("\n")
    code, _, reason = first.strip().partition(" ")
    code = code.rstrip(":")
    if len(code) == 3 and code.isascii() and code.isdecimal():
        return Reply(int(code), reason, rest)
    return Reply(0, "", text)


class Channel:
    """A way to the server; `timeout_s` is how long it may take to answer, and how long nothing may come of an answer that has begun."""

    def __init__(self, path: str, timeout_s: float) -> None:
        self.path: Final = path
        self.timeout_s: Final = timeout_s

    def ask(self, command: str, *lines: str) -> Reply:
        """The reply to a command with these lines. Raises CannotAsk."""
        for word in (command, *lines):
            if "\n" in word or "\0" in word:
                raise CannotAsk(FAILED, "a parameter cannot have a line end in it")
        return parse_reply(self._ask(os.fsencode(command), b"".join(os.fsencode(line) + b"\n" for line in lines)))

    def lines(self, command: str, line: str) -> Iterator[bytes]:
        """What the server tells of a command with this line, one after the other, until it has told all. `timeout_s` is how long nothing
        may come. Raises CannotAsk."""
        rest = b""
        for piece in self._pieces(os.fsencode(command), os.fsencode(line) + b"\n"):
            *whole, rest = (rest + piece).split(b"\n")
            yield from whole
            if len(rest) > LINE_MAX_BYTES:
                raise CannotAsk(NO_ANSWER, f"{self.path}: a line of over {LINE_MAX_BYTES >> 20} MB is no answer")
        if rest:
            yield rest

    def _ask(self, command: bytes, lines: bytes) -> bytes:
        raise NotImplementedError

    def _pieces(self, command: bytes, lines: bytes) -> Iterator[bytes]:
        raise NotImplementedError


class FifoChannel(Channel):
    """Through the FIFO `path`; reply pipes are made in `reply_folder`, the server's fifo_dir."""

    def __init__(self, path: str, reply_folder: str, timeout_s: float) -> None:
        super().__init__(path, timeout_s)
        self._reply_folder: Final = reply_folder

    def _ask(self, command: bytes, lines: bytes) -> bytes:
        fifo = self._open()
        try:
            name, pipe = self._make_pipe()
            try:
                self._write(fifo, b":%s:%s\n%s\n" % (command, name.encode(), lines))
                return self._read(pipe)
            finally:
                os.close(pipe)
                os.unlink(os.path.join(self._reply_folder, name))
        finally:
            os.close(fifo)

    def _pieces(self, command: bytes, lines: bytes) -> Iterator[bytes]:
        fifo = self._open()
        try:
            name, pipe = self._make_pipe()
            try:
                self._write(fifo, b":%s:%s\n%s\n" % (command, name.encode(), lines))
                yield from self._read_pieces(pipe)
            finally:
                os.close(pipe)
                os.unlink(os.path.join(self._reply_folder, name))
        finally:
            os.close(fifo)

    def _open(self) -> int:
        _check("FIFO", self.path, stat.S_ISFIFO)
        try:
            fd = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as e:
            why = "no server reads it" if e.errno == errno.ENXIO else str(e.strerror)
            raise _no_server("FIFO", "fifo", self.path, why, e.errno) from e
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            os.close(fd)
            raise _wrong_kind("FIFO", self.path)
        return fd

    def _make_pipe(self) -> tuple[str, int]:
        """Its name cannot be guessed; the server, who may run as another user, can write to it."""
        name = f"ser_receiver_{os.getpid()}_{secrets.token_hex(8)}"
        path = os.path.join(self._reply_folder, name)
        try:
            os.mkfifo(path, 0o600)
            os.chmod(path, 0o622)
            return name, os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        except OSError as e:
            raise CannotAsk(NO_REPLY_PIPE, f"cannot make the reply pipe {path}: {e.strerror}") from e

    def _write(self, fifo: int, request: bytes) -> None:
        """In one piece: what is longer than a pipe takes at once would get mixed with others' requests."""
        until = time.monotonic() + self.timeout_s
        self._lock(fifo, until)
        rest = memoryview(request)
        while rest:
            try:
                rest = rest[os.write(fifo, rest) :]
            except BlockingIOError:
                if not select.select([], [fifo], [], max(0.0, until - time.monotonic()))[1]:
                    raise CannotAsk(NO_ANSWER, f"the server does not read {self.path}") from None
            except BrokenPipeError:
                raise CannotAsk(NO_SERVER, f"the server has closed {self.path}") from None
        fcntl.flock(fifo, fcntl.LOCK_UN)

    def _lock(self, fifo: int, until: float) -> None:
        """Whoever may write to the FIFO may keep others from it."""
        while True:
            try:
                return fcntl.flock(fifo, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    why = f"somebody else has kept {self.path} locked for {self.timeout_s:g} seconds"
                    raise CannotAsk(NO_ANSWER, why) from None
            time.sleep(_LOOK_AGAIN_S)

    def _read(self, pipe: int) -> bytes:
        """Until the server closes the pipe."""
        limit_s = _PATIENCE * self.timeout_s
        until = time.monotonic() + limit_s
        text = bytearray()
        for piece in self._read_pieces(pipe):
            text += piece
            if len(text) > ANSWER_MAX_BYTES:
                raise CannotAsk(NO_ANSWER, f"{self.path}: over {ANSWER_MAX_BYTES >> 20} MB are no answer")
            if time.monotonic() > until:
                raise CannotAsk(NO_ANSWER, f"{self.path}: the answer has not ended after {limit_s:g} seconds")
        return bytes(text)

    def _read_pieces(self, pipe: int) -> Iterator[bytes]:
        """Until the server closes the pipe. poll(2) reports a hang-up only after somebody has had it open."""
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        while poll.poll(int(self.timeout_s * 1000)):
            piece = os.read(pipe, 65536)
            if not piece:
                return
            yield piece
        raise self._silence()

    def _silence(self) -> CannotAsk:
        hint = f"; it answers only if {self._reply_folder} is its fifo_dir (SER_FIFO_DIR)"
        return CannotAsk(NO_ANSWER, _no_answer(self.timeout_s) + hint)


class SocketChannel(Channel):
    """Through the Unix datagram socket `path`."""

    def _ask(self, command: bytes, lines: bytes) -> bytes:
        with self._connected() as s:
            s.send(b":%s:\n%s" % (command, lines))
            return s.recv(1 << 20)

    def _pieces(self, command: bytes, lines: bytes) -> Iterator[bytes]:
        """The server is given a socket by which it tells; a refusal comes as any answer does."""
        own, theirs = socket.socketpair()
        with own, self._connected() as s:
            with theirs:
                socket.send_fds(s, [b":%s:\n%s" % (command, lines)], [theirs.fileno()])
            while True:
                ready, _, _ = select.select([s, own], [], [], self.timeout_s)
                if not ready:
                    raise TimeoutError
                piece = ready[0].recv(1 << 16)
                if not piece:
                    return
                yield piece

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        """What goes wrong with it is raised as CannotAsk."""
        _check("Unix socket", self.path, stat.S_ISSOCK)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.settimeout(self.timeout_s)
            # An abstract address of the kernel's choice: the server finds it also from behind another root directory, and
            # whoever it runs as. Being connected, nobody but the server can send to it (unix(7)).
            s.bind("")
            try:
                s.connect(self.path)
                yield s
            except TimeoutError:
                raise CannotAsk(NO_ANSWER, _no_answer(self.timeout_s)) from None
            except OSError as e:
                raise _no_server("Unix socket", "unix_sock", self.path, e.strerror or str(e), e.errno) from e


def _check(what: str, path: str, is_right: Callable[[int], bool]) -> None:
    """Raises CannotAsk if something else lies there, or what a stranger may have put there. What cannot be looked at is left to who opens
    it."""
    try:
        found = os.stat(path)
        stranger = next((p for p in (path, os.path.realpath(path)) if not _is_trusted(p)), None)
    except (OSError, ValueError):
        return
    if not is_right(found.st_mode):
        raise _wrong_kind(what, path)
    if stranger is not None:
        owner = _name_of(os.lstat(stranger).st_uid)
        why = f"it belongs to {owner}, who is neither root nor you, in a folder where others can make one, too"
        cure = "a server of that user belongs into a folder of its own, as /run/ser, or is asked by that user"
        raise CannotAsk(NO_SERVER, f"Error opening ser's {what} {stranger}: {why}\n{cure}")


def _is_trusted(path: str) -> bool:
    """True for what is root's or ours, and for what lies where only the folder's owner makes files. Raises OSError."""
    if os.lstat(path).st_uid in (0, os.geteuid()):
        return True
    folder = os.stat(os.path.dirname(path) or ".")
    return not folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _wrong_kind(what: str, path: str) -> CannotAsk:
    return CannotAsk(NO_SERVER, f"Error opening ser's {what} {path}: it is no {what}")


_NOBODY: Final = frozenset((errno.ENOENT, errno.ENXIO, errno.ECONNREFUSED))


def _no_server(what: str, parameter: str, path: str, why: str, number: int | None) -> CannotAsk:
    """SER's sentence, and what may help."""
    if number in (errno.EACCES, errno.EPERM):
        hint = "The config of the server says who may use it: sock_mode, sock_user, sock_group"
    else:
        hint = f"Make sure you have line {parameter}={path} in your config"
    kind = NotRunning if number in _NOBODY else CannotAsk
    return kind(NO_SERVER, f"Error opening ser's {what} {path}: {why}\n{hint}")


def _no_answer(timeout_s: float) -> str:
    return f"the server does not answer: nothing came within {timeout_s:g} seconds"
