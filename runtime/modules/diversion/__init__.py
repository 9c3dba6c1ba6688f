"""diversion: the Diversion header. Reference modules-more, A.2.4."""

from __future__ import annotations

from typing import Final, final

from runtime.routing import errors
from runtime.routing.context import Context
from runtime.routing.module import Module
from runtime.sip import headers
from runtime.sip.edits import Edit
from runtime.sip.scan import IN_BRACKETS, is_plain
from runtime.spec.declare import FAILURE, REQUEST, ModuleSpec, function, string_param
from runtime.spec.effects import Does
from runtime.spec.kinds import reason
from runtime.spec.params import idle

_NAME: Final = b"Diversion: "


@final
class Diversion(Module):
    """Adds Diversion headers, RFC 5806. `suffix` does nothing in SER either."""

    def __init__(self, *, suffix: str = "") -> None:
        super().__init__("diversion")
        self.suffix: Final = suffix

    def add_diversion(self, ctx: Context, reason: bytes) -> bool:
        """Add `Diversion: <URI as received>;reason=…` above all others, which are older; at the end if there is none."""
        msg = ctx.message
        if not is_plain(ctx.received_uri(), IN_BRACKETS):
            return ctx.fail(errors.BAD_REQUEST, "ERROR: add_diversion: the Request-URI cannot stand in a header")
        line = b"".join([_NAME, b"<", ctx.received_uri(), b">;reason=", reason, b"\r\n"])
        index = msg.find_header(b"diversion")
        place = headers.line_start(msg.headers[index]) if index >= 0 else msg.headers_end
        for at, earlier in enumerate(ctx.edits):
            if earlier.start == place and earlier.end == place and earlier.text.startswith(_NAME):
                ctx.edits.insert(at, Edit(place, place, line, None, True))
                return True
        if index < 0:
            return ctx.append_header(line)
        ctx.edits.append(Edit(place, place, line, None, True))
        return True


EXPORTS: Final = ModuleSpec(
    name="diversion",
    implementation="runtime.modules.diversion:Diversion",
    summary="Adds Diversion headers.",
    functions=(
        function(
            "add_diversion",
            Diversion.add_diversion,
            reason(),
            routes=REQUEST | FAILURE,
            does=Does.EDIT,
            summary="Add Diversion with the URI as received and this reason.",
        ),
    ),
    params=(idle(string_param("suffix", "", "Taken and not used, as in SER.")),),
)
