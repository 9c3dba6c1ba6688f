"""enum: telephone numbers in DNS. Reference modules-main, chapter 25; RFC 6116."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from runtime.modules.core.rewriting import parsed_uri, set_uri
from runtime.modules.core.sending import append_branch_uri
from runtime.modules.enum.rules import is_service, uri_of
from runtime.routing.context import L_ERR, Context
from runtime.routing.dns_records import NAPTR, host_name
from runtime.routing.module import Module
from runtime.routing.names import Records
from runtime.routing.sender import sender
from runtime.spec.declare import REQUEST, Arg, ModuleSpec, function, string_param
from runtime.spec.effects import Does
from runtime.spec.kinds import some_text
from runtime.spec.values import Doubt


def _suffix_doubt(text: str) -> Doubt | None:
    if text.endswith("."):
        return None
    return Doubt(f'"{text}" does not end in a dot', f'write "{text}." to ask for this very domain')


def _service_doubt(text: str) -> Doubt | None:
    if text.lower() == "sip" or "+" in text or ":" in text:
        sentence = f'the service "{text}" asks for records of "e2u+{text}:sip"'
        return Doubt(sentence, 'write a name such as "voice"; for "e2u+sip", enum_query(suffix) without a service')
    return None


_SUFFIX: Final = Arg("suffix", some_text("suffix", "a domain that ends in a dot", _suffix_doubt))
_SERVICE: Final = Arg("service", some_text("service", "the name of an ENUM service", _service_doubt))

# Records of the service that are looked at: more than there can be branches, and each costs time.
_RECORDS_MAX: Final = 16
_FIRST_Q: Final = 990
_Q_STEP: Final = 10


@final
class Enum(Module):
    """Finds the URIs of a telephone number under `domain_suffix`; `tel_uri_params` is appended to each."""

    def __init__(self, *, domain_suffix: str = "e164.arpa.", tel_uri_params: str = "") -> None:
        super().__init__("enum")
        self._suffix: Final = domain_suffix.encode("latin-1")
        self._params: Final = tel_uri_params.encode("latin-1")

    def enum_query(self, ctx: Context) -> bool:
        """Make the URIs of the number in the Request-URI the destinations, the best one the Request-URI itself.

        False for a user that is no number, or one that DNS has no URI of. The first has q=0.99, worse ones 0.01 less each.
        """
        return self.enum_query_service(ctx, self._suffix, b"")

    def enum_query_suffix(self, ctx: Context, suffix: bytes) -> bool:
        """The same under another domain."""
        return self.enum_query_service(ctx, suffix, b"")

    def enum_query_service(self, ctx: Context, suffix: bytes, service: bytes) -> bool:
        """The same with records of `E2U+service:sip` instead of E2U+sip."""
        uri = parsed_uri(ctx, "enum_query")
        if uri is None:
            return False
        number = uri.user()
        if not is_e164(number):
            ctx.log(L_ERR, f"ERROR: enum_query: {number.decode('latin-1')} is not an E.164 number")
            return False
        return self._use_records(ctx, number, domain_of(number, suffix), service.decode("latin-1"))

    def _use_records(self, ctx: Context, number: bytes, domain: bytes, service: str) -> bool:
        q: i64 = _FIRST_Q + _Q_STEP
        last = (-1, -1)
        found = False
        name = host_name(domain)
        if not name:
            return False
        names = ctx.world.names
        answer = names.answer_to(NAPTR, name, ctx.now_ms)
        if answer is None and ctx.wait(Records(names, NAPTR, name)):
            answer = names.answer_to(NAPTR, name, ctx.now_ms)
        if answer is None:
            return False
        fitting = [rule for rule in answer.rules if rule.flags.lower() == "u" and is_service(rule.services, service)]
        for record in fitting[:_RECORDS_MAX]:
            try:
                uri = uri_of(record.regexp, number)
            except ValueError as wrong:
                ctx.log(L_ERR, f"ERROR: enum_query: {domain.decode('latin-1')}: {wrong}, record skipped")
                continue
            if uri == b"":
                continue
            rank = (record.order, record.preference)
            if rank > last and q > 0:
                q -= _Q_STEP
                last = rank
            if not self._add(ctx, uri + self._params, q, found):
                return found
            found = True
        return found

    def _add(self, ctx: Context, uri: bytes, q: i64, is_branch: bool) -> bool:
        if is_branch:
            return append_branch_uri(ctx, uri, q)
        if not set_uri(ctx, uri):
            return False
        ctx.q = q
        return True

    def is_from_user_e164(self, ctx: Context) -> bool:
        """True if the user of the From URI is a number."""
        uri = sender(ctx, "is_from_user_e164")
        return uri is not None and is_e164(uri.user())


def is_e164(user: bytes) -> bool:
    """True for `+` and 2 to 15 digits."""
    return 3 <= len(user) <= 16 and user[0] == 43 and user[1:].isdigit()


def domain_of(number: bytes, suffix: bytes) -> bytes:
    """Where DNS keeps a number: its digits backwards, each a label. RFC 6116 3.2."""
    labels = [number[i : i + 1] + b"." for i in range(len(number) - 1, 0, -1)]
    return b"".join(labels) + suffix


EXPORTS: Final = ModuleSpec(
    name="enum",
    implementation="runtime.modules.enum:Enum",
    summary="Finds the URI of a telephone number in DNS.",
    functions=(
        function(
            "enum_query",
            Enum.enum_query,
            routes=REQUEST,
            does=Does.MAY_REWRITE,
            waits=True,
            summary="Make URIs of the number in the request URI.",
        ),
        function(
            "enum_query",
            Enum.enum_query_suffix,
            _SUFFIX,
            routes=REQUEST,
            does=Does.MAY_REWRITE,
            waits=True,
            summary="Same, under this domain.",
        ),
        function(
            "enum_query",
            Enum.enum_query_service,
            _SUFFIX,
            _SERVICE,
            routes=REQUEST,
            does=Does.MAY_REWRITE,
            waits=True,
            summary="Same, of this service.",
        ),
        function(
            "is_from_user_e164",
            Enum.is_from_user_e164,
            routes=REQUEST,
            does=Does.NOTHING,
            alone="nothing else",
            summary="True if the user of From is a number.",
        ),
    ),
    params=(
        string_param("domain_suffix", "e164.arpa.", "Domain of the numbers.", doubt=_suffix_doubt),
        string_param("tel_uri_params", "", "Appended to each URI, with its semicolon."),
    ),
)
