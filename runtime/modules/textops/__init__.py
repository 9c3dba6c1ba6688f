"""textops: text search and edits. Reference modules-main, chapter 7.

Everything looks at the bytes as received, not at changes that are still pending. A change of the body always corrects
Content-Length on the way out (SER did so only when all headers had been parsed before).
"""

from __future__ import annotations

from email.utils import formatdate
from typing import Final, final

from runtime.modules.core.rewriting import parsed_uri, replace_uri, set_user
from runtime.routing import errors
from runtime.routing.context import Context
from runtime.routing.module import Module
from runtime.sip import headers
from runtime.sip.edits import Edit
from runtime.sip.regex import Regex
from runtime.sip.scan import IN_BRACKETS, is_plain
from runtime.sip.subst import Subst
from runtime.spec.declare import EVERYWHERE, FAILURE, REQUEST, ModuleSpec, function
from runtime.spec.effects import Does
from runtime.spec.kinds import header_begin, header_end, header_line, header_name, message_regex, string
from runtime.spec.subst import subst, uri_subst


@final
class Textops(Module):
    """Searching and editing the text of messages."""

    def __init__(self) -> None:
        super().__init__("textops")

    def search(self, ctx: Context, regex: Regex) -> bool:
        """True if the message, first line included, matches."""
        return regex.search(ctx.message.buf)

    def search_append(self, ctx: Context, regex: Regex, text: bytes) -> bool:
        """Insert `text` behind the first match after the first line."""
        match = regex.find(ctx.message.buf, int(ctx.message.first_header))
        if match is None:
            return False
        ctx.edits.append(Edit(match.end(), match.end(), text))
        return True

    def replace(self, ctx: Context, regex: Regex, text: bytes) -> bool:
        """Replace the first match after the first line."""
        match = regex.find(ctx.message.buf, int(ctx.message.first_header))
        if match is None:
            return False
        ctx.edits.append(Edit(match.start(), match.end(), text))
        return True

    def replace_all(self, ctx: Context, regex: Regex, text: bytes) -> bool:
        """Replace all matches after the first line; False when there is none."""
        found = regex.find_all(ctx.message.buf, int(ctx.message.first_header))
        for match in found:
            ctx.edits.append(Edit(match.start(), match.end(), text))
        return len(found) > 0

    def subst(self, ctx: Context, expression: Subst) -> bool:
        """Substitute in the message after the first line; False when nothing matches."""
        found = expression.matches(ctx.message.buf, int(ctx.message.first_header))
        uri = ctx.uri()
        for match in found:
            ctx.edits.append(Edit(match.start(), match.end(), expression.replacement(match, uri)))
        return len(found) > 0

    def subst_uri(self, ctx: Context, expression: Subst) -> bool:
        """Substitute in the current Request-URI; the result is the new one."""
        uri = ctx.uri()
        changed = expression.apply(uri, uri)
        return changed is not None and replace_uri(ctx, changed, "subst_uri")

    def subst_user(self, ctx: Context, expression: Subst) -> bool:
        """Substitute in the user part of the current Request-URI (empty if it has none)."""
        uri = parsed_uri(ctx, "subst_user")
        if uri is None:
            return False
        changed = expression.apply(uri.user(), ctx.uri())
        return changed is not None and set_user(ctx, changed)

    def append_to_reply(self, ctx: Context, text: bytes) -> bool:
        """Add header lines to the replies that are made here for this request."""
        ctx.reply_headers.append(text)
        return True

    def append_hf(self, ctx: Context, text: bytes) -> bool:
        """Add header lines behind the last header."""
        return ctx.append_header(text)

    def append_urihf(self, ctx: Context, before: bytes, after: bytes) -> bool:
        """Add a header line made of the Request-URI as received between two texts."""
        uri = ctx.received_uri()
        if not is_plain(uri, IN_BRACKETS):
            return ctx.fail(errors.BAD_REQUEST, "ERROR: append_urihf: the Request-URI cannot stand in a header")
        return ctx.append_header(before + uri + after)

    def append_time(self, ctx: Context) -> bool:
        """Add a Date header to the replies that are made here for this request. RFC 3261 20.17."""
        ctx.reply_headers.append(f"Date: {formatdate(ctx.world.clock.unix_s(), usegmt=True)}\r\n".encode("ascii"))
        return True

    def remove_hf(self, ctx: Context, name: bytes) -> bool:
        """Remove all headers of this name (any case, compact forms are other names); False when there is none."""
        msg = ctx.message
        lower = name.lower()
        index = msg.find_header(lower)
        if index < 0:
            return False
        while index >= 0:
            record = msg.headers[index]
            ctx.delete(headers.line_start(record), headers.line_end(record))
            index = msg.find_header(lower, index)
        return True

    def is_present_hf(self, ctx: Context, name: bytes) -> bool:
        """True if there is a header of this name (any case, compact forms are other names)."""
        return ctx.message.find_header(name.lower()) >= 0


EXPORTS: Final = ModuleSpec(
    name="textops",
    implementation="runtime.modules.textops:Textops",
    summary="Searching and editing the text of messages.",
    functions=(
        function(
            "search",
            Textops.search,
            message_regex(),
            routes=EVERYWHERE,
            does=Does.NOTHING,
            alone="nothing else",
            summary="True if the message matches.",
        ),
        function(
            "search_append",
            Textops.search_append,
            message_regex(),
            string("text"),
            routes=EVERYWHERE,
            does=Does.EDIT,
            summary="Insert after a match.",
        ),
        function(
            "replace",
            Textops.replace,
            message_regex(),
            string("text"),
            routes=EVERYWHERE,
            does=Does.EDIT,
            summary="Replace the first match.",
        ),
        function(
            "replace_all",
            Textops.replace_all,
            message_regex(),
            string("text"),
            routes=EVERYWHERE,
            does=Does.EDIT,
            summary="Replace all matches.",
        ),
        function(
            "subst", Textops.subst, subst(), routes=EVERYWHERE, does=Does.EDIT, summary="Substitute in the message."
        ),
        function(
            "subst_uri",
            Textops.subst_uri,
            uri_subst(),
            routes=EVERYWHERE,
            does=Does.MAY_REWRITE,
            summary="Substitute in the request URI.",
        ),
        function(
            "subst_user",
            Textops.subst_user,
            subst(),
            routes=EVERYWHERE,
            does=Does.EDIT_URI,
            summary="Substitute in its user part.",
        ),
        function(
            "append_to_reply",
            Textops.append_to_reply,
            header_line(),
            routes=REQUEST,
            does=Does.EDIT_REPLY,
            summary="Add a header to own replies.",
        ),
        function(
            "append_hf",
            Textops.append_hf,
            header_line(),
            routes=EVERYWHERE,
            does=Does.EDIT,
            summary="Add a header line at the end.",
        ),
        function(
            "append_urihf",
            Textops.append_urihf,
            header_begin(),
            header_end(),
            routes=REQUEST | FAILURE,
            does=Does.EDIT,
            summary="Add a header line around the original request URI.",
        ),
        function(
            "append_time",
            Textops.append_time,
            routes=REQUEST,
            does=Does.EDIT_REPLY,
            summary="Add a Date header to own replies.",
        ),
        function(
            "remove_hf",
            Textops.remove_hf,
            header_name(),
            routes=EVERYWHERE,
            does=Does.EDIT,
            summary="Remove all headers of this name.",
        ),
        function(
            "is_present_hf",
            Textops.is_present_hf,
            header_name(),
            routes=EVERYWHERE,
            does=Does.NOTHING,
            alone="nothing else",
            summary="True if there is such a header.",
        ),
    ),
)
