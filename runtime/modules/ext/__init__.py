"""ext: URIs from programs. Reference modules-more, A.2.7."""

from __future__ import annotations

from typing import Final, final

from runtime.modules.core.rewriting import parsed_uri
from runtime.modules.core.sending import set_destinations
from runtime.modules.core.shell import commands_of, run
from runtime.routing import errors
from runtime.routing.context import Context
from runtime.routing.module import Module
from runtime.sip.uri import BadUri, parse_uri
from runtime.spec.declare import REQUEST, ModuleSpec, function, integer_param, switch_param
from runtime.spec.effects import Does
from runtime.spec.kinds import command

OUTPUT_LIMIT: Final = 1024
_HIGHEST_Q: Final = 1000


@final
class Ext(Module):
    """Lets programs rewrite the Request-URI: they read it and print words, the first of which takes its place.

    `check_new_uri` refuses words that make no URI; `max_branches` further words become branches with q=1, more are ignored.
    """

    def __init__(self, *, check_new_uri: int = 1, max_branches: int = 0) -> None:
        super().__init__("ext")
        self.check_new_uri: Final = check_new_uri
        self.max_branches: Final = max_branches

    def ext_rewriteuri(self, ctx: Context, command: bytes) -> bool:
        """The program reads the Request-URI and prints URIs."""
        words = self._words(ctx, command, ctx.uri())
        return len(words) > 0 and self._set(ctx, words)

    def ext_rewriteuser(self, ctx: Context, command: bytes) -> bool:
        """The program reads the user of the Request-URI and prints users; True without one, and nothing changes."""
        uri = parsed_uri(ctx, "ext_rewriteuser")
        if uri is None:
            return False
        user = uri.user()
        if len(user) == 0:
            return True
        words = self._words(ctx, command, user)
        before = uri.buf[uri.start : uri.user_start]
        after = uri.buf[uri.user_end : uri.end]
        return len(words) > 0 and self._set(ctx, [before + word + after for word in words])

    def _words(self, ctx: Context, command: bytes, data: bytes) -> list[bytes]:
        """What the program prints; nothing, and `ctx.error` set, when it fails or prints too much."""
        outcome = run(ctx, commands_of(ctx.world.asking, "ext", 0), command.decode("latin-1"), data, True, None)
        failure = outcome.failure
        if not failure and len(outcome.output) > OUTPUT_LIMIT:
            failure = f"{command.decode('latin-1')} prints over {OUTPUT_LIMIT} bytes"
        words = outcome.output.split()
        if not failure and not words:
            failure = f"{command.decode('latin-1')} prints nothing"
        if failure:
            ctx.fail(errors.EXEC, f"ERROR: ext: {failure}")
            return []
        return words

    def _set(self, ctx: Context, uris: list[bytes]) -> bool:
        wanted = uris[: self.max_branches + 1]
        if self.check_new_uri:
            for uri in wanted:
                try:
                    parse_uri(uri, 0, len(uri))
                except BadUri as e:
                    return ctx.fail(errors.EXEC, f"ERROR: ext: <{uri.decode('latin-1')}> is no uri: {e}")
        return set_destinations(ctx, wanted, _HIGHEST_Q)


EXPORTS: Final = ModuleSpec(
    name="ext",
    implementation="runtime.modules.ext:Ext",
    summary="Lets programs rewrite the URI; exec does more.",
    functions=(
        function(
            "ext_rewriteuri",
            Ext.ext_rewriteuri,
            command(),
            routes=REQUEST,
            does=Does.REWRITE,
            summary="The program rewrites the URI.",
        ),
        function(
            "ext_rewriteuser",
            Ext.ext_rewriteuser,
            command(),
            routes=REQUEST,
            does=Does.EDIT_URI,
            summary="The program rewrites its user part.",
        ),
    ),
    params=(
        switch_param("check_new_uri", 1, "Refuse what is no URI."),
        integer_param("max_branches", 0, "Further URIs that become branches.", low=0, high=11),
    ),
)
