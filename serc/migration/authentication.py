"""Who may do what: digest credentials and trusted addresses, whose functions have other arguments in OpenSER and Kamailio."""

from __future__ import annotations

from typing import Final

from serc.migration.draft import Draft

# Which of the arguments is the realm.
_WITH_REALM: Final = frozenset(
    "www_authorize proxy_authorize www_authenticate proxy_authenticate pv_www_authorize pv_proxy_authorize "
    "www_challenge proxy_challenge auth_check auth_challenge".split()
)
_CHALLENGES: Final = ("www_challenge", "proxy_challenge")
# Realms that 0.9 takes from the request where it is given none: the host of To for REGISTER, else that of From.
_OF_REQUEST: Final = ("$fd", "$td", "$(fu{uri.domain})", "$(tu{uri.domain})")
_TRUSTED: Final = ("allow_source_address", "check_source_address", "check_address", "allow_address")
_NAMES_MATCH: Final = 1
_REGISTERS: Final = 'method == "REGISTER"'


def rewrite_authentication(draft: Draft) -> None:
    """auth_check and auth_challenge of Kamailio are two functions here, one for REGISTER; a realm that is a variable is that of the request."""
    both = [each for at, _, _ in draft.calls() if (each := _check_and_challenge(draft, at)) is not None]
    for at, opening, closing in both:
        _for_both(draft, at, opening, closing)
    if any(_compares_names(draft, at) for at, _, _ in draft.calls()):
        _load_names(draft)
    done = [(at, closing) for at, _, closing in both]
    for at, end, arguments in draft.calls():
        if any(first <= at <= last for first, last in done):
            continue
        name = draft.text_at(at)
        texts = [draft.source.text_of(draft.between(*each)) for each in arguments]
        if name in _WITH_REALM and texts:
            _with_realm(draft, at, end, [_realm(draft, at, texts[0]), *texts[1:]], texts)
        elif name in _TRUSTED:
            draft.replace(draft.between(at, end), "allow_trusted()")
            text = "allow_trusted now: its table is trusted, with one row for each address, and knows no groups"
            draft.remark(at, f"{name} is {text}")


def _with_realm(draft: Draft, at: int, end: int, texts: list[str], old: list[str]) -> None:
    name = draft.text_at(at)
    whole = draft.between(at, end)
    if name == "auth_check" and len(texts) in (2, 3):
        www, proxy = _verifies(texts)
        draft.replace(whole, f'(({_REGISTERS} && {www}) || (method != "REGISTER" && {proxy}))')
    elif name == "auth_challenge" and len(texts) == 2:
        qop = _qop(texts[1])
        written = f'if (method == "REGISTER") www_challenge({texts[0]}, {qop}); else proxy_challenge({texts[0]}, {qop})'
        if draft.text_at(at - 1) in (")", "else") and draft.is_sign(end + 1, ";"):
            draft.replace(draft.between(at, end + 1), f"{{ {written}; }}")
        else:
            draft.replace(whole, written)
    elif name in _CHALLENGES and len(texts) == 2:
        draft.replace(whole, f"{name}({texts[0]}, {_qop(texts[1])})")
    elif texts != old:
        draft.replace(whole, f"{name}({', '.join(texts)})")


def _verifies(texts: list[str]) -> tuple[str, str]:
    """What is true of a REGISTER, and of others, where auth_check with these arguments was."""
    realm, table = texts[:2]
    names = len(texts) == 3 and _number(texts[2]) & _NAMES_MATCH
    www = f"www_authorize({realm}, {table})" + " && check_to() && check_from()" * bool(names)
    return www, f"proxy_authorize({realm}, {table})" + " && check_from()" * bool(names)


def _check_and_challenge(draft: Draft, at: int) -> tuple[int, int, int] | None:
    """Of `if (!auth_check(…)) { … }`, without an else: the `if` and the braces."""
    if draft.text_at(at) != "auth_check" or [draft.text_at(at + i) for i in (-3, -2, -1)] != ["if", "(", "!"]:
        return None
    opening = draft.closing(at - 2) + 1
    if opening != draft.closing(at + 1) + 2 or not draft.is_sign(opening, "{"):
        return None
    closing = draft.closing(opening)
    return None if draft.text_at(closing + 1) == "else" else (at - 3, opening, closing)


def _for_both(draft: Draft, at: int, opening: int, closing: int) -> None:
    """One `if` for REGISTER, in one line, and one for all others, which keeps its lines."""
    arguments = next(each for first, _, each in draft.calls() if first == at + 3)
    texts = [draft.source.text_of(draft.between(*each)) for each in arguments]
    www, proxy = _verifies([_realm(draft, at, texts[0]), *texts[1:]])
    asks = [
        (first, end, [draft.source.text_of(draft.between(*each)) for each in given])
        for first, end, given in draft.calls()
        if opening < first < closing and draft.text_at(first) == "auth_challenge" and len(given) == 2
    ]
    bodies = [
        {first: (end, f"{name}({_realm(draft, first, given[0])}, {_qop(given[1])})") for first, end, given in asks}
        for name in _CHALLENGES
    ]
    registers = f"if (!{_all(www)}) {{ {_written(draft, opening, closing, bodies[0], in_one_line=True)} }}"
    others = f"if (!{_all(proxy)}) {{{_written(draft, opening, closing, bodies[1], in_one_line=False)}}}"
    head = f"if ({_REGISTERS}) {{ {registers} }} else {others}"
    draft.replace(draft.between(at, closing), head)


def _all(condition: str) -> str:
    return f"({condition})" if "&&" in condition else condition


def _written(draft: Draft, opening: int, closing: int, calls: dict[int, tuple[int, str]], in_one_line: bool) -> str:
    """What stands between two braces, with other calls in it."""
    text = draft.source.text
    written = []
    at = opening + 1
    while at < closing:
        before = text[draft.tokens[at - 1].end : draft.tokens[at].start]
        written.append(before if not in_one_line else " " * bool(before))
        end, call = calls.get(at, (at, draft.text_at(at)))
        written.append(call)
        at = end + 1
    if not in_one_line:
        written.append(text[draft.tokens[closing - 1].end : draft.tokens[closing].start])
    return "".join(written).strip() if in_one_line else "".join(written)


def _compares_names(draft: Draft, at: int) -> bool:
    """Is it an auth_check that asks whether From (and To of a REGISTER) has the name of who gave credentials?"""
    end = draft.closing(at + 1)
    is_last = draft.text_at(at) == "auth_check" and draft.is_sign(end - 2, ",")
    return is_last and bool(_number(draft.text_at(end - 1)) & _NAMES_MATCH)


def _load_names(draft: Draft) -> None:
    """uri_db, with the database of auth_db."""
    for at, token in enumerate(draft.tokens):
        path = draft.text_at(at + 1).strip("\"'")
        if token.text == "loadmodule" and path.rpartition("/")[2].removesuffix(".so") == "auth_db":
            whole = draft.between(at, at + 1)
            other = draft.source.text_of(whole).replace("auth_db", "uri_db")
            draft.replace(whole, f"{draft.source.text_of(whole)} {other}")
            draft.remark(at, f"auth_check compares names: {_NAMES}")
        elif token.text == "modparam" and [draft.text_at(at + i).strip("\"'") for i in (2, 4)] == ["auth_db", "db_url"]:
            draft.replace(draft.tokens[at + 2].span, '"auth_db|uri_db"')


_NAMES: Final = (
    "check_from() and check_to() of uri_db do now, which is loaded for it, and needs the table uri, be it empty"
)


def _realm(draft: Draft, at: int, text: str) -> str:
    bare = text.strip("\"'").replace(" ", "")
    if bare in _OF_REQUEST:
        return '""'
    if bare.startswith("$"):
        draft.remark(at, f"the realm {bare} is taken from the request now: the host of To for REGISTER, else of From")
        return '""'
    return text


def _qop(text: str) -> str:
    """OpenSIPS names it, Kamailio has a sum of bits whose first one it is."""
    bare = text.strip("\"'")
    offered = bool(_number(text) & 1) if bare.isdecimal() else "auth" in bare
    return '"1"' if offered else '"0"'


def _number(text: str) -> int:
    bare = text.strip("\"'")
    return int(bare) if bare.isdecimal() else 0
