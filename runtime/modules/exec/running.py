"""Shell commands that a worker waits for."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Any, Final, final


@final
class Outcome:
    """How a command ended. `failure` is b"" if its exit status was 0, else one sentence; `output` what it wrote."""

    def __init__(self, failure: str, output: bytes) -> None:
        self.failure: Final = failure
        self.output: Final = output


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
        return Outcome(f"cannot run {command}: {error.strerror}", b"")
    try:
        output, _ = process.communicate(data, limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return Outcome(f"{command} ran over {limit_s} s, killed", b"")
    failure = f"exit status {process.returncode} of {command}" if process.returncode else ""
    return Outcome(failure, output or b"")
