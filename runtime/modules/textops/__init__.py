"""textops: text search and edits. Reference modules-main, chapter 7."""

from typing import Final

from runtime.spec.declare import EVERYWHERE, FAILURE, REQUEST, ModuleSpec, function
from runtime.spec.kinds import header_name, regex, string

EXPORTS: Final = ModuleSpec(
    name="textops",
    summary="Searching and editing the text of messages.",
    functions=(
        function("search", None, regex(), routes=EVERYWHERE, summary="True if the message matches."),
        function("search_append", None, regex(), string("text"), routes=EVERYWHERE, summary="Insert after a match."),
        function("replace", None, regex(), string("text"), routes=EVERYWHERE, summary="Replace the first match."),
        function("replace_all", None, regex(), string("text"), routes=EVERYWHERE, summary="Replace all matches."),
        function("subst", None, string("expression"), routes=EVERYWHERE, summary="Substitute in the message."),
        function("subst_uri", None, string("expression"), routes=EVERYWHERE, summary="Substitute in the request URI."),
        function("subst_user", None, string("expression"), routes=EVERYWHERE, summary="Substitute in its user part."),
        function("append_to_reply", None, string("text"), routes=REQUEST, summary="Add a header to own replies."),
        function("append_hf", None, string("text"), routes=EVERYWHERE, summary="Add a header line at the end."),
        function(
            "append_urihf",
            None,
            string("before"),
            string("after"),
            routes=REQUEST | FAILURE,
            summary="Add a header line around the original request URI.",
        ),
        function("append_time", None, routes=REQUEST, summary="Add a Date header to own replies."),
        function("remove_hf", None, header_name(), routes=EVERYWHERE, summary="Remove all headers of this name."),
        function("is_present_hf", None, header_name(), routes=EVERYWHERE, summary="True if there is such a header."),
    ),
)
