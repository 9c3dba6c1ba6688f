"""options: answers to OPTIONS. Reference modules-more, A.2.5."""

from typing import Final

from runtime.spec.declare import REQUEST, ModuleSpec, function, string_param

EXPORTS: Final = ModuleSpec(
    name="options",
    summary="Answers OPTIONS requests to the server itself.",
    needs=("sl",),
    functions=(function("options_reply", None, routes=REQUEST, may_stop=True, summary="Answer 200 and end."),),
    params=(
        string_param("accept", "*/*", "Accept of the answer."),
        string_param("accept_encoding", "", "Accept-Encoding of the answer."),
        string_param("accept_language", "en", "Accept-Language of the answer."),
        string_param("support", "", "Supported of the answer."),
    ),
)
