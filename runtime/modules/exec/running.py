"""Shell commands that a worker waits for."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Any, Final, final


@final
class Outcome:
    """How a command ended. `failure` is "" if its exit status was 0, else one sentence; `output` what it wrote.

    `is_answer`: it came to its end, so another exit status than 0 is what it has to say and nothing went wrong.
    """

    def __init__(self, failure: str, output: bytes, is_answer: bool) -> None:
        self.failure: Final = failure
        self.output: Final = output
        self.is_answer: Final = is_answer


# Of a script, whose text may fill the command, as much as a line of the log needs.
_SHOWN_MAX: Final = 60


def shown(command: str) -> str:
    """The command, short enough to be named in a sentence."""
    text = " ".join(command.split())
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "..."


def run(
    command: str, data: bytes | None, wants_output: bool, variables: dict[bytes, bytes] | None, limit_s: int
) -> Outcome:
    """Run `command` in a shell until it ends, or for `limit_s` seconds (0: without a limit), after which it is killed.

    It reads `data`; None: nothing. Its output comes back, or is that of the server. `variables` are its environment, None: the
    server's.
    """
    limit = limit_s or None
    try:
        # Any, not bytes: what is not read is None, whatever typeshed says, and compiled code insists on types.
        process: subprocess.Popen[Any] = subprocess.Popen(
            ["/bin/sh", "-c", command.encode("latin-1")],
            stdin=subprocess.DEVNULL if data is None else subprocess.PIPE,
            stdout=subprocess.PIPE if wants_output else None,
            env=variables,
            start_new_session=True,
        )
    except OSError as error:
        return Outcome(f"cannot run {shown(command)}: {error.strerror}", b"", False)
    try:
        output, _ = process.communicate(data, limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return Outcome(f"{shown(command)} ran over {limit_s} s, killed", b"", False)
    status: int = process.returncode
    if status < 0:
        return Outcome(f"{shown(command)} was killed by signal {-status}", output or b"", False)
    return Outcome(f"exit status {status} of {shown(command)}" if status else "", output or b"", True)
