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


def rewrite_authentication(draft: Draft) -> None:
    """auth_check and auth_challenge of Kamailio are two functions here, one for REGISTER; a realm that is a variable is that of the request."""
    for at, end, arguments in draft.calls():
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
        realm, table = texts[:2]
        www, proxy = f"www_authorize({realm}, {table})", f"proxy_authorize({realm}, {table})"
        draft.replace(whole, f'((method == "REGISTER" && {www}) || (method != "REGISTER" && {proxy}))')
        if len(texts) == 3 and _number(texts[2]) & _NAMES_MATCH:
            draft.remark_lost(at, f"auth_check: {_FLAGS.format(texts[2])}")
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


_FLAGS: Final = (
    "its flags {} ask whether From (and To of a REGISTER) belongs to who has given credentials; write check_from() behind "
    'proxy_authorize and check_to() behind www_authorize, with loadmodule "uri_db.so"'
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
