"""A signal that waits wakes who waits for descriptors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

from patience import readable

from runtime.server.host.pending_signals import open_pending


def test_a_descriptor_can_be_read_while_a_signal_waits() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGUSR1})
    fd = open_pending({signal.SIGUSR2})
    try:
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        assert readable([fd], 0) == []
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR2)
        assert readable([fd], 0) == [fd]
        info = signal.sigtimedwait({signal.SIGUSR2}, 0)
        assert info is not None and info.si_signo == signal.SIGUSR2
        assert readable([fd], 0) == []
    finally:
        signal.sigtimedwait({signal.SIGUSR1}, 0)
        os.close(fd)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_a_program_that_is_started_does_not_inherit_it() -> None:
    fd = open_pending({signal.SIGUSR2})
    try:
        words = [sys.executable, "-c", f"import os; os.fstat({fd})"]
        done = subprocess.run(words, close_fds=False, capture_output=True, text=True)
        assert "Bad file descriptor" in done.stderr
    finally:
        os.close(fd)
