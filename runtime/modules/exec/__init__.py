"""exec: shell commands. Reference modules-main, chapter 23.

The worker waits for the command, as in SER: what else arrives at it waits too. `time_to_kill` sets a limit, which in SER
never worked.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from typing import Any, Final, final

from runtime.modules.core.rewriting import set_uri
from runtime.modules.core.sending import append_branch_uri
from runtime.modules.exec.environment import environment_of
from runtime.routing import errors
from runtime.routing.context import L_ERR, Q_UNSPECIFIED, Context
from runtime.routing.module import Module
from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function, switch_param
from runtime.spec.kinds import command
from runtime.spec.params import seconds_param


@final
class Exec(Module):
    """Runs shell commands that see the message. `time_to_kill` in seconds, 0: as long as they like."""

    def __init__(self, *, time_to_kill: int = 0, setvars: int = 1) -> None:
        super().__init__("exec")
        self.time_to_kill: Final = time_to_kill
        self.setvars: Final = setvars

    def exec_dset(self, ctx: Context, command: bytes) -> bool:
        """Run the command with the Request-URI as its last argument; the URIs it prints are the new destinations.

        The first line becomes the Request-URI, the others branches; blank lines do not count. False when there is none or the
        exit status is not 0, though the URIs are set even then. The URI is quoted: no peer can write shell commands.
        """
        whole = command.decode("latin-1") + " " + shlex.quote(ctx.uri().decode("latin-1"))
        succeeded, text = self._run(ctx, whole, None)
        uris = [line.rstrip() for line in text.split(b"\n") if line.strip()]
        if not uris:
            return ctx.fail(errors.EXEC, f"ERROR: exec_dset: no uri from {whole}")
        if not set_uri(ctx, uris[0]):
            return False
        for uri in uris[1:]:
            if not append_branch_uri(ctx, uri, Q_UNSPECIFIED):
                return False
        return succeeded

    def exec_msg(self, ctx: Context, command: bytes) -> bool:
        """Run the command with the request as received on its standard input; True if its exit status is 0."""
        return self._run(ctx, command.decode("latin-1"), ctx.message.buf)[0]

    def _run(self, ctx: Context, command: str, data: bytes | None) -> tuple[bool, bytes]:
        """Whether the command ended in time with status 0, and what came out.

        It reads `data`, and its output is that of the server; None: it reads nothing, and its output comes back.
        """
        variables = environment_of(ctx) if self.setvars else None
        limit = self.time_to_kill or None
        try:
            # Any, not bytes: what is not read is None, whatever typeshed says, and compiled code insists on types.
            process: subprocess.Popen[Any] = subprocess.Popen(
                ["/bin/sh", "-c", command.encode("latin-1")],
                stdin=subprocess.DEVNULL if data is None else subprocess.PIPE,
                stdout=subprocess.PIPE if data is None else None,
                env=variables,
                start_new_session=True,
            )
        except OSError as error:
            return ctx.fail(errors.EXEC, f"ERROR: exec: cannot run {command}: {error.strerror}"), b""
        try:
            output, _ = process.communicate(data, limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return ctx.fail(errors.EXEC, f"ERROR: exec: {command} ran over {self.time_to_kill} s, killed"), b""
        if process.returncode != 0:
            ctx.error = errors.EXEC
            ctx.log(L_ERR, f"ERROR: exec: exit status {process.returncode} of {command}")
        return process.returncode == 0, output or b""


EXPORTS: Final = ModuleSpec(
    name="exec",
    implementation="runtime.modules.exec:Exec",
    summary="Runs shell commands that see the message.",
    functions=(
        function(
            "exec_dset", Exec.exec_dset, command(), routes=REQUEST | FAILURE, summary="The output becomes the URIs."
        ),
        function(
            "exec_msg", Exec.exec_msg, command(), routes=REQUEST | FAILURE, summary="The command reads the message."
        ),
    ),
    params=(
        seconds_param("time_to_kill", 0, "Longest run of a command; 0 is no limit."),
        switch_param("setvars", 1, "The message goes into environment variables, too."),
    ),
)
