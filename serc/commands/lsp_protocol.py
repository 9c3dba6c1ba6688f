"""What `serc lsp` does otherwise than pygls: each request gets an answer, and the end comes at once."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from pygls.exceptions import JsonRpcException, JsonRpcInvalidRequest
from pygls.protocol import LanguageServerProtocol
from pygls.protocol.json_rpc import RPCMessage, RPCRequest

Result = TypeVar("Result")


class Protocol(LanguageServerProtocol):
    """Answers also what cannot be understood, and what comes after `shutdown`; pygls writes into its log and leaves the editor waiting."""

    def structure_message(self, data: dict[str, Any]) -> Any:
        try:
            return super().structure_message(data)
        except JsonRpcException as e:
            if "method" in data and isinstance(data.get("id"), (int, str)):
                self._send_response(data["id"], None, e.to_response_error())
            raise

    def handle_message(self, message: RPCMessage) -> None:
        if self._shutdown and isinstance(message, RPCRequest):
            error = JsonRpcInvalidRequest("the server has been shut down")
            self._send_response(message.id, None, error.to_response_error())
            return
        super().handle_message(message)

    def end(self) -> None:
        """The process ends here: a check that is under way may take long, and standard input may stay open; nobody waits for either."""
        sys.stdout.flush()
        os._exit(0 if self._shutdown else 1)


async def apart(function: Callable[..., Result], *arguments: object) -> Result:
    """What the function returns, from a thread that the end of the process does not wait for."""
    loop = asyncio.get_running_loop()
    done: Final = asyncio.Event()
    outcome: Final[concurrent.futures.Future[Result]] = concurrent.futures.Future()

    def run() -> None:
        try:
            outcome.set_result(function(*arguments))
        except Exception as e:
            outcome.set_exception(e)
        if not loop.is_closed():
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, daemon=True).start()
    await done.wait()
    return outcome.result()
