"""Headers and AVPs that other dialects write as variables: `$ua`, `$hdr(X)`, `$avp(x)`. Functions of textops and avpops do it here."""

from __future__ import annotations

import re
from typing import Final

from serc.migration.draft import Draft
from serc.reading.tree import Span

_BEFORE: Final = (";", "{", "}", ")", "else", ":")
_COMPACT: Final = {
    "call-id": "i", "contact": "m", "content-encoding": "e", "content-length": "l", "content-type": "c", "event": "o",
    "from": "f", "refer-to": "r", "referred-by": "b", "subject": "s", "supported": "k", "to": "t", "via": "v",
}  # fmt: skip
# What avpops calls the parts of a request.
_PARTS: Final = {
    "ru": "$ruri", "rU": "$ruri/username", "rd": "$ruri/domain", "fu": "$from", "fU": "$from/username", "fd": "$from/domain",
    "tu": "$to", "tU": "$to/username", "td": "$to/domain", "si": "$src_ip",
}  # fmt: skip
_DESTINATIONS: Final = {"ru": "$ruri", "rU": "$ruri/username", "rd": "$ruri/domain"}
_OPERATORS: Final = {"==": "eq", "=~": "re", "<": "lt", ">": "gt"}
# True of every text.
_ANY: Final = "re/s:.*"
_NULL: Final = ("null", "NULL")
_KEPT: Final = ("avp", "var")
# Signs that a regular expression takes for its own, and what stands for one in a string of ser.cfg.
_SIGNS: Final = re.compile(r"([.+*?()\[\]{}|^$])")
_ESCAPED: Final = r"\\\\\1"
_AVP_NAME: Final = re.compile(r"(?:s:|i:)?[A-Za-z0-9_]+")


def rewrite_headers(draft: Draft) -> None:
    """Comparisons of a header, and whether there is one."""
    for at, token in enumerate(draft.tokens):
        if not _is_variable(draft, at):
            continue
        word = draft.text_at(at + 1)
        name, last = ("User-Agent", at + 1) if word == "ua" else _inner(draft, at) if word == "hdr" else ("", at)
        sign = draft.text_at(last + 1)
        value = last + 2
        if not re.fullmatch(r"[A-Za-z][\w-]*", name) or sign not in ("==", "!=", "=~", "!~"):
            continue
        compact = _COMPACT.get(name.lower())
        head = f"({name}|{compact})" if compact else name
        if _is_null(draft, value):
            end, pattern, absent = _null_end(draft, value), f"^{head}[ ]*:", sign == "=="
        elif draft.tokens[value].kind == "string" and not set(draft.text_at(value)[1:-1]) & set('$"'):
            end, absent = value, sign in ("!=", "!~")
            pattern = f"^{head}[ ]*:{_of_value(draft.text_at(value)[1:-1], sign)}"
        else:
            continue
        draft.replace(Span(token.start, draft.tokens[end].end), f'{"!" * absent}search("{pattern}")')


def _of_value(text: str, sign: str) -> str:
    """The rest of a header line, as a regular expression."""
    if sign in ("==", "!="):
        return f"[ ]*{_SIGNS.sub(_ESCAPED, text)}[ ]*$"
    if text.startswith("^") and "|" not in text:
        return f"[ ]*{text[1:]}"
    return f".*({text})" if "^" not in text else f"[ ]*({text.replace('^', '')})"


def rewrite_avps(draft: Draft) -> None:
    """What is written into one, compared with one, and put from one into the Request-URI. A `$var(x)` is the AVP x, too."""
    told: set[str] = set()
    for at in range(len(draft.tokens)):
        if not _is_variable(draft, at):
            continue
        word = draft.text_at(at + 1)
        if word in _KEPT:
            name, _ = _inner(draft, at)
            if _avp(draft, at) and word == "var" and name not in told:
                told.add(name)
                text = "it has no value until one is written, and each request has its own"
                draft.remark(at, f"$var({name}) is an AVP now: {text}")
        elif word in _DESTINATIONS and draft.is_sign(at + 2, "=") and draft.text_at(at - 1) in _BEFORE:
            if _is_variable(draft, at + 3) and draft.text_at(at + 4) in _KEPT:
                name, last = _avp_name(draft, at + 3)
                if name and draft.is_sign(last + 1, ";"):
                    draft.replace(draft.between(at, last), f'avp_pushto("{_DESTINATIONS[word]}", "{name}")')


def rewrite_avp_functions(draft: Draft) -> None:
    """What avpops of OpenSER writes in the texts of its arguments: `"$avp(s:x)/g"`, `"$ru/username"`."""
    for at, _, arguments in draft.calls():
        if not draft.text_at(at).startswith("avp_"):
            continue
        for first, last in arguments:
            text = draft.text_at(first)
            if first == last and draft.tokens[first].kind == "string" and "$" in text:
                written = _IN_TEXT.sub(_in_our_words, text)
                if written != text:
                    draft.replace(draft.tokens[first].span, written)


def _in_our_words(found: re.Match[str]) -> str:
    """avpops takes an AVP with a `$` for its value, and one without for itself: at the beginning of an argument it is itself."""
    if found["part"]:
        return _PARTS[found["part"]]
    name = found["avp"] if found["avp"].startswith(("s:", "i:")) else f"s:{found['avp']}"
    return name if found.start() == 1 else f"${name}"


_IN_TEXT: Final = re.compile(rf"\$(?:avp\((?P<avp>[\w:]+)\)|(?P<part>{'|'.join(_PARTS)})(?![\w(]))")


def rewrite_avp_tests(draft: Draft) -> None:
    """`is_avp_set("$avp(x)")`."""
    for at, end, _ in draft.calls():
        if draft.text_at(at) == "is_avp_set" and end == at + 3:
            named = re.fullmatch(r"[\"']\$avp\(([\w:]+)\)(?:/[sn])?[\"']", draft.text_at(at + 2))
            if named is not None:
                draft.replace(draft.between(at, end), f"$avp({named[1]}) != $null")


def _avp(draft: Draft, at: int) -> bool:
    """True if it could be said in the words of avpops."""
    name, last = _avp_name(draft, at)
    sign, value = draft.text_at(last + 1), last + 2
    if not name or value >= len(draft.tokens):
        return False
    span, written = draft.between(at, value), ""
    if sign == "=" and draft.text_at(at - 1) in _BEFORE:
        if _is_null(draft, value) and draft.is_sign(_null_end(draft, value) + 1, ";"):
            span, written = draft.between(at, _null_end(draft, value)), f'avp_delete("{name}/g")'
        elif _is_variable(draft, value) and draft.text_at(value + 1) in _PARTS and draft.is_sign(value + 2, ";"):
            span = draft.between(at, value + 1)
            written = f'avp_write("{_PARTS[draft.text_at(value + 1)]}", "{name}")'
        elif (text := _constant(draft, value)) is not None and draft.is_sign(value + 1, ";"):
            written = f'avp_write("{text}", "{name}")'
    elif sign in ("==", "!=") and _is_null(draft, value):
        span = draft.between(at, _null_end(draft, value))
        written = f'{"!" * (sign == "==")}avp_check("{name}", "{_ANY}")'
    elif (sign in _OPERATORS or sign == "!=") and (text := _constant(draft, value)) is not None and "/" not in text:
        operator = _OPERATORS.get(sign, "eq")
        written = f'{"!" * (sign == "!=")}avp_check("{name}", "{operator}/{text}")'
    if written:
        draft.replace(span, written)
    return written != ""


def _constant(draft: Draft, at: int) -> str | None:
    """A value as avpops writes it; None where it is none."""
    token = draft.tokens[at]
    if token.kind == "number" and token.text.isdecimal():
        return f"i:{int(token.text)}"
    if token.kind == "string" and len(token.text) > 2 and not set(token.text[1:-1]) & set('$"\\'):
        return f"s:{token.text[1:-1]}"
    return None


def _avp_name(draft: Draft, at: int) -> tuple[str, int]:
    """What avpops calls the AVP, "" where it has no word for it, and the last token."""
    name, last = _inner(draft, at)
    if not _AVP_NAME.fullmatch(name):
        return "", last
    if name.startswith(("s:", "i:")):
        return name, last
    # Both may have the same name.
    is_other = draft.text_at(at + 1) == "var" and re.search(rf"\$avp\((?:s:)?{name}\)", draft.source.text) is not None
    return f"s:{'var_' * is_other}{name}", last


def _is_variable(draft: Draft, at: int) -> bool:
    tokens = draft.tokens
    return (
        at + 2 < len(tokens)
        and (tokens[at].kind, tokens[at].text) == ("bad", "$")
        and tokens[at + 1].kind == "word"
        and tokens[at + 1].start == tokens[at].end
    )


def _inner(draft: Draft, at: int) -> tuple[str, int]:
    """What stands in the parentheses of `$name(…)`, "" without any, and the last token."""
    if not draft.is_sign(at + 2, "(") or at + 2 not in draft.partner:
        return "", at + 1
    end = draft.partner[at + 2]
    return draft.source.text_of(Span(draft.tokens[at + 2].end, draft.tokens[end].start)).strip(), end


def _is_null(draft: Draft, at: int) -> bool:
    return draft.text_at(at) in _NULL or _is_variable(draft, at) and draft.text_at(at + 1) == "null"


def _null_end(draft: Draft, at: int) -> int:
    return at if draft.text_at(at) in _NULL else at + 1
