"""options: answers to OPTIONS. Reference modules-more, A.2.5."""

from __future__ import annotations

from typing import Final, final

from runtime.modules.sl import SL, Sl
from runtime.routing.context import L_ERR, Context
from runtime.routing.module import Module
from runtime.routing.verdict import FALSE, STOP
from runtime.routing.world import World
from runtime.sip import methods
from runtime.sip.uri import BadUri
from runtime.spec.declare import REQUEST, ModuleSpec, function, string_param
from runtime.spec.effects import Does


@final
class Options(Module):
    """Answers OPTIONS requests to the server itself. The parameters are the values of four headers."""

    _sl: Sl

    def __init__(
        self, *, accept: str = "*/*", accept_encoding: str = "", accept_language: str = "en", support: str = ""
    ) -> None:
        super().__init__("options")
        # "Support" is SER's name of what RFC 3261 20.37 calls Supported.
        names = ("Accept", "Accept-Encoding", "Accept-Language", "Support")
        values = (accept, accept_encoding, accept_language, support)
        self._headers: Final = "".join(f"{name}: {value}\r\n" for name, value in zip(names, values)).encode("latin-1")

    def bind(self, world: World) -> None:
        self._sl = SL.of(world)

    def options_reply(self, ctx: Context) -> int:
        """Answer 200 with what the server accepts, and end the script. RFC 3261 11.2.

        FALSE for a request that is no OPTIONS, and for a URI with a user, whom the server cannot speak for. The script must
        see to it that the URI's host is the server.
        """
        if ctx.message.method != methods.OPTIONS:
            ctx.log(L_ERR, "ERROR: options_reply: the request is not an OPTIONS")
            return FALSE
        try:
            user = ctx.parsed_uri().user()
        except BadUri as e:
            ctx.log(L_ERR, f"ERROR: options_reply: bad uri: {e}")
            return FALSE
        if len(user) > 0:
            ctx.log(L_ERR, "ERROR: options_reply: the request is for a user")
            return FALSE
        ctx.reply_headers.append(self._headers)
        self._sl.sl_send_reply(ctx, 200, b"OK")
        return STOP


EXPORTS: Final = ModuleSpec(
    name="options",
    implementation="runtime.modules.options:Options",
    summary="Answers OPTIONS requests to the server itself.",
    needs=("sl",),
    functions=(
        function(
            "options_reply",
            Options.options_reply,
            routes=REQUEST,
            does=Does.SETTLE,
            may_stop=True,
            summary="Answer 200 and end.",
        ),
    ),
    params=(
        string_param("accept", "*/*", "Accept of the answer."),
        string_param("accept_encoding", "", "Accept-Encoding of the answer."),
        string_param("accept_language", "en", "Accept-Language of the answer."),
        string_param("support", "", "Support of the answer, which should be called Supported."),
    ),
)
