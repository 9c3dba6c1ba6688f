"""auth: digest authentication. Reference modules-main, chapter 8."""

from typing import Final

from runtime.spec.declare import REQUEST, Argument, ArgumentKind, ModuleSpec, function, string_param
from runtime.spec.kinds import parse_integer, string
from runtime.spec.params import seconds_param
from runtime.spec.values import Doubt


def _qop_doubt(text: str) -> Doubt | None:
    return None if text.strip() in ("0", "1") else Doubt(f"qop is a switch: {text} means no more than 1")


_QOP: Final = Argument("qop", ArgumentKind("qop", '"0", or "1" to offer qop=auth', parse_integer, _qop_doubt))

EXPORTS: Final = ModuleSpec(
    name="auth",
    summary="Digest challenges and credentials; auth_db and others verify them.",
    needs=("sl",),
    functions=(
        function(
            "www_challenge",
            None,
            string("realm"),
            _QOP,
            routes=REQUEST,
            may_stop=True,
            summary='Answer 401; realm "" is taken from the request.',
        ),
        function(
            "proxy_challenge",
            None,
            string("realm"),
            _QOP,
            routes=REQUEST,
            may_stop=True,
            summary='Answer 407; realm "" is taken from the request.',
        ),
        function("consume_credentials", None, routes=REQUEST, summary="Remove the credentials that were verified."),
        function("append_rpid_hf", None, routes=REQUEST, summary="Add Remote-Party-ID."),
        function(
            "append_rpid_hf",
            None,
            string("prefix"),
            string("suffix"),
            routes=REQUEST,
            summary="Add Remote-Party-ID with this text around.",
        ),
        function("is_rpid_user_e164", None, routes=REQUEST, summary="True if the caller's identity is a number."),
    ),
    params=(
        string_param("secret", None, "Key of the nonces; a random one if not set."),
        seconds_param("nonce_expire", 300, "Life of a nonce."),
        string_param("rpid_prefix", "", "Text before the identity in Remote-Party-ID."),
        string_param("rpid_suffix", ";party=calling;id-type=subscriber;screen=yes", "Text after it."),
        string_param("realm_prefix", "", "Beginning of a domain that does not count in a realm."),
    ),
)
