"""enum: telephone numbers in DNS. Reference modules-main, chapter 25."""

from typing import Final

from runtime.spec.declare import REQUEST, Argument, ModuleSpec, function, string_param
from runtime.spec.kinds import some_text
from runtime.spec.values import Doubt


def _suffix_doubt(text: str) -> Doubt | None:
    if text.endswith("."):
        return None
    return Doubt(f'"{text}" does not end in a dot', f'write "{text}." to ask for this very domain')


_SUFFIX: Final = Argument("suffix", some_text("suffix", "a domain that ends in a dot", _suffix_doubt))
_SERVICE: Final = Argument("service", some_text("service", "the name of an ENUM service"))

EXPORTS: Final = ModuleSpec(
    name="enum",
    summary="Finds the URI of a telephone number in DNS.",
    functions=(
        function("enum_query", None, routes=REQUEST, summary="Make URIs of the number in the request URI."),
        function("enum_query", None, _SUFFIX, routes=REQUEST, summary="Same, under this domain."),
        function("enum_query", None, _SUFFIX, _SERVICE, routes=REQUEST, summary="Same, of this service."),
        function("is_from_user_e164", None, routes=REQUEST, summary="True if the user of From is a number."),
    ),
    params=(
        string_param("domain_suffix", "e164.arpa.", "Domain of the numbers.", doubt=_suffix_doubt),
        string_param("tel_uri_params", "", "Appended to each URI, with its semicolon."),
    ),
)
