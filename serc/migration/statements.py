"""Statements and conditions of other dialects in the words of 0.9."""

from __future__ import annotations

import re
from typing import Final

from serc.migration import losses
from serc.migration.draft import Draft, Fate
from serc.migration.replies import rewrite_for_all_replies
from serc.reading.dialects import PSEUDO_VARIABLE, ROUTES, specifier_of
from serc.reading.tree import Span

# What a pseudo-variable is among the operands, and how a text that it is compared with is matched: {} is the text, as a regular expression.
_OPERANDS: Final = {
    "rm": ("method", ""),
    "si": ("src_ip", ""),
    "sp": ("src_port", ""),
    "Ri": ("dst_ip", ""),
    "Rp": ("dst_port", ""),
    "ru": ("uri", ""),
    "fu": ("from_uri", ""),
    "tu": ("to_uri", ""),
    "rs": ("status", ""),
    "T_reply_code": ("status", ""),
    "proto": ("proto", ""),
    "ml": ("msg:len", ""),
    "rU": ("uri", "^sips?:{}@"),
    "fU": ("from_uri", "^sips?:{}@"),
    "tU": ("to_uri", "^sips?:{}@"),
    "rd": ("uri", "^sips?:([^@]*@)?{}([:;>]|$)"),
    "fd": ("from_uri", "^sips?:([^@]*@)?{}([:;>]|$)"),
    "td": ("to_uri", "^sips?:([^@]*@)?{}([:;>]|$)"),
}
_NUMBERS: Final = ("src_port", "dst_port", "msg:len")
# What sets a part of the URI.
_SETS: Final = {"ru": "rewriteuri", "rU": "rewriteuser", "rd": "rewritehost", "rp": "rewriteport"}
# What is_myself is asked about.
_MYSELF: Final = {
    **dict.fromkeys(("ru", "rd"), "uri"),
    **dict.fromkeys(("fu", "fd"), "from_uri"),
    **dict.fromkeys(("tu", "td"), "to_uri"),
}
# Arguments that 0.9 does not have: how many are left.
_SHORTER: Final = {
    "lookup": 1,
    "save": 1,
    "registered": 1,
    "append_hf": 1,
    "t_newtran": 0,
    "record_route": 0,
    "drop": 0,
}
# What has gone without anything in its place.
_GONE: Final = (
    "t_precheck_trans t_save_lumps t_unref sl_filter_ACK sl_filter_ack handle_ruri_alias resetdsturi add_path_received "
    "set_reply_no_connect set_forward_no_connect force_rport_no t_any_replied"
).split()
_ALIASES: Final = "its table aliases has other columns than dbaliases; serctl alias add writes its rows"
QUOTES: Final = "\"'"
_TAG: Final = "^(To|t):.*;[ ]*tag="
_LEVELS: Final = {"L_ALERT", "L_BUG", "L_CRIT", "L_CRIT2", "L_ERR", "L_WARN", "L_NOTICE", "L_INFO", "L_DBG"}


def rewrite_heads(draft: Draft) -> None:
    """Routes that have another name; those that 0.9 has nothing like are left out."""
    for start, opening, closing in draft.blocks():
        kind = draft.text_at(start)
        known = ROUTES.get(kind)
        if kind == "request_route":
            draft.replace(draft.tokens[start].span, "route")
        elif kind in ("reply_route", "onreply_route") and opening == start + 1:
            rewrite_for_all_replies(draft, start, opening, closing)
        elif kind == "reply_route":
            draft.replace(draft.tokens[start].span, "onreply_route")
        elif kind == "failure_route" and opening == start + 1:
            draft.replace(draft.tokens[start].span, "failure_route[19]")
            draft.remark(start, 'failure_route is failure_route[19] now: it runs where t_on_failure("19") stands')
        elif known is not None and known[1] is None:
            name = draft.source.text[draft.tokens[start].start : draft.tokens[opening].start].strip()
            why = f"{name}: {known[0].instead}{losses.of_route(name)}"
            draft.leave_out(draft.between(start, closing), why)


def rewrite_calls(draft: Draft) -> None:
    """Calls whose arguments are others, and those that have gone."""
    for at, end, arguments in draft.calls():
        name = draft.text_at(at)
        texts = [draft.source.text_of(draft.between(first, last)) for first, last in arguments]
        whole = draft.between(at, end)
        if name in _SHORTER and len(arguments) > _SHORTER[name]:
            kept = texts[: _SHORTER[name]]
            draft.replace(whole, f"{name}({', '.join(kept)})" if kept or name != "drop" else "drop")
            if name != "drop":
                draft.remark(at, f"{name} has no {', '.join(texts[len(kept) :])} here")
        elif name in ("xlog", "xdbg") and len(arguments) == 1:
            level = "L_DBG" if name == "xdbg" else "L_INFO"
            draft.replace(whole, f'xlog("{level}", {_specifiers(draft, at, texts[0])})')
        elif name == "xlog" and len(arguments) == 2:
            level = texts[0].strip('"')
            level = level if level in _LEVELS else f"L_{level}" if f"L_{level}" in _LEVELS else level
            draft.replace(whole, f'xlog("{level}", {_specifiers(draft, at, texts[1])})')
        elif name == "t_relay" and arguments:
            host = re.fullmatch(r'"(?:udp:)?([\w.-]+):?(\d*)"', texts[0])
            if host is not None and not host[1].startswith("0x"):
                draft.replace(whole, f't_relay_to_udp("{host[1]}", "{host[2] or 5060}")')
            else:
                draft.replace(whole, "t_relay()")
                draft.remark(at, f"t_relay has no {texts[0]} here")
        elif name == "send_reply" and _has_transaction(draft, at):
            draft.replace(draft.tokens[at].span, "t_reply")
        elif name == "t_reply" and not _has_transaction(draft, at):
            draft.replace(draft.tokens[at].span, "sl_send_reply")
            draft.remark(at, "t_reply is sl_send_reply now: it answers in a transaction, and this script opens none")
        elif name == "t_check_trans":
            _check_transaction(draft, at, end)
        elif name == "is_myself" and texts and texts[0].strip("\"'$") in _MYSELF:
            draft.replace(whole, f"{_MYSELF[texts[0].strip(chr(34) + chr(39) + '$')]} == myself")
        elif name == "has_totag":
            draft.replace(whole, f'search("{_TAG}")')
        elif name == "has_body":
            kind = texts[0].strip("\"'") if texts else ""
            draft.replace(whole, f'search("^(Content-Type|c)[ ]*:[ ]*{kind}")')
        elif name == "rewriteFromRoute":
            draft.replace(whole, "loose_route()")
        elif name == "check_route_param" and len(texts) == 1:
            draft.replace(whole, f'search("^Route[ ]*:.*;{texts[0].strip(QUOTES)}")')
        elif name == "alias_db_lookup" and texts:
            draft.replace(whole, 'lookup("aliases")')
            draft.remark(at, f"alias_db_lookup is lookup now: {_ALIASES}")
        elif name == "is_in_group":
            draft.replace(whole, f'is_user_in("From", {", ".join(texts)})')
        elif name == "len_gt" and texts:
            draft.replace(whole, f"msg:len > {texts[0].strip(chr(34))}")
        elif name in ("t_was_cancelled", "t_is_canceled"):
            draft.replace(whole, 't_check_status("487")')
        elif name in ("t_branch_timeout", "t_any_timeout"):
            draft.replace(whole, 't_check_status("408")')
        elif name in _GONE and draft.is_sign(end + 1, ";"):
            draft.replace(whole, "")


_TEXTS: Final = frozenset(
    "append_hf insert_hf append_to_reply append_urihf sl_send_reply t_reply send_reply sl_reply rewriteuri rewriteuser rewritehost prefix "
    "append_branch replace subst_uri subst_user exec_msg exec_dset log".split()
)


def tell_texts(draft: Draft) -> None:
    """Pseudo-variables in texts that leave as they stand."""
    for at, _, arguments in draft.calls():
        for first, last in arguments if draft.text_at(at) in _TEXTS else ():
            text = draft.source.text_of(draft.between(first, last))
            named = sorted({found[0] for found in PSEUDO_VARIABLE.finditer(text)})
            if named:
                why = f"{draft.text_at(at)}: 0.9 writes {', '.join(named)} as it stands: its texts have no variables"
                draft.say(at, why, Fate.LOST)


def _has_transaction(draft: Draft, at: int) -> bool:
    """Is there a transaction to answer in: in a failure_route, and where the script opens one, for send_reply right behind that?"""
    if any(draft.text_at(start) != "route" for start, first, last in draft.blocks() if first < at < last):
        return True
    if draft.text_at(at) == "send_reply":
        at = at - 5 if draft.text_at(at - 5) == "resetflag" else at  # which leaving.py has put there
        return [draft.text_at(at - i) for i in (4, 3, 2, 1)] == ["t_newtran", "(", ")", ";"]
    return any(token.text in ("t_newtran", "t_add_transaction") for token in draft.tokens)


def _check_transaction(draft: Draft, at: int, end: int) -> None:
    """t_check_trans is true for a CANCEL whose INVITE is known, which t_lookup_request is not: t_relay looks for it itself. Where nobody
    looks at the result it absorbs repetitions, as t_relay and t_newtran do.
    """
    whole = draft.between(at, end)
    if draft.text_at(at - 1) in (";", "{", "}") and draft.is_sign(end + 1, ";"):
        draft.replace(whole, "")
        draft.remark(at, "t_check_trans is gone: t_relay and t_newtran absorb repetitions")
    else:
        draft.replace(whole, '(method == "CANCEL" || t_lookup_request())')
        draft.behind_module("tm", 'modparam("tm", "refuse_stray_cancel", 1)')


def _specifiers(draft: Draft, at: int, text: str) -> str:
    """Pseudo-variables in a text as xlog writes them."""
    unknown = [found[0] for found in PSEUDO_VARIABLE.finditer(text) if not specifier_of(found)]
    if unknown:
        draft.remark(at, f"xlog: it has no specifier for {', '.join(unknown)}, and writes that as it stands")
    return PSEUDO_VARIABLE.sub(lambda found: specifier_of(found) or found[0], text)


def rewrite_variables(draft: Draft) -> None:
    """`$ru` and the like in conditions and on the left of `=`."""
    tokens = draft.tokens
    for at, token in enumerate(tokens):
        if (
            token.kind != "bad"
            or token.text != "$"
            or tokens[at + 1].kind != "word"
            or tokens[at + 1].start != token.end
        ):
            continue
        if _null(draft, at):
            continue
        name, sign, value = tokens[at + 1].text, draft.text_at(at + 2), tokens[at + 3] if at + 3 < len(tokens) else None
        if value is None:
            continue
        span = Span(token.start, value.end)
        if (
            sign == "="
            and draft.is_sign(at + 4, ";")
            and draft.text_at(at - 1) in (";", "{", "}")
            and name in _SETS
            and value.kind in ("string", "number")
        ):
            text = value.text if value.kind == "string" and value.text[0] == '"' else f'"{value.text.strip(chr(39))}"'
            if "$" not in text:
                draft.replace(span, f"{_SETS[name]}({text})")
        elif sign in ("==", "!=", "=~", "<", ">", "<=", ">=") and name in _OPERANDS:
            written = _compared(name, sign, value.text)
            if written and value.kind in ("string", "number", "word"):
                draft.replace(span, written)


def _null(draft: Draft, at: int) -> bool:
    """`$rU == $null`, in OpenSIPS NULL: there is no user."""
    operand, pattern = _OPERANDS.get(draft.text_at(at + 1), ("", ""))
    last = at + 4 if draft.text_at(at + 4) == "null" else at + 3
    if "{}@" not in pattern or draft.text_at(at + 2) not in ("==", "!="):
        return False
    if last == at + 3 and draft.text_at(last) not in ("null", "NULL"):
        return False
    matched = f'{operand} =~ "{pattern.replace("{}", "[^@]+")}"'
    draft.replace(draft.between(at, last), matched if draft.is_sign(at + 2, "!=") else f"!({matched})")
    return True


def _other_host(draft: Draft, at: int) -> bool:
    """`$ru = "sip:" + $rU + "@host:port";`: the user stays. With an AVP or `$var(x)` in the place of `$rU` the user is its value."""
    words = [draft.text_at(at + i) for i in range(7)]
    if words[:6] != ["$", "ru", "=", '"sip:"', "+", "$"]:
        return False
    last = draft.closing(at + 7) if draft.is_sign(at + 7, "(") else at + 6
    host = re.fullmatch(r'"@([\w.-]+(?::\d+)?)"', draft.text_at(last + 2))
    if host is None or not draft.is_sign(last + 1, "+") or not draft.is_sign(last + 3, ";"):
        return False
    written = f'rewritehostport("{host[1]}")'
    if words[6] in ("avp", "var"):
        user = draft.source.text_of(draft.between(at + 5, last))
        written = f"$rU = {user}; {written}"
    elif words[6] != "rU":
        return False
    whole = draft.between(at, last + 2)
    if words[6] != "rU" and draft.text_at(at - 1) in (")", "else"):
        whole, written = draft.between(at, last + 3), f"{{ {written}; }}"
    draft.replace(whole, written)
    return True


def rewrite_hosts(draft: Draft) -> None:
    """The URI put together of its parts."""
    for at, token in enumerate(draft.tokens):
        if token.kind == "bad" and token.text == "$":
            _other_host(draft, at)


def rewrite_selects(draft: Draft) -> None:
    """`@to.tag` compared with nothing: the one select that every script has."""
    for at, token in enumerate(draft.tokens):
        words = [draft.text_at(at + i) for i in range(6)]
        if token.kind == "bad" and words[:4] == ["@", "to", ".", "tag"] and words[5] in ('""', "''"):
            matched = f'search("{_TAG}")'
            draft.replace(draft.between(at, at + 5), matched if words[4] == "!=" else f"!{matched}")


def _compared(name: str, sign: str, value: str) -> str:
    """The comparison with an operand; "" where there is none."""
    operand, pattern = _OPERANDS[name]
    bare = value.strip("\"'")
    if "$" in bare.rstrip("$"):
        return ""  # another variable
    if not pattern:
        if operand in _NUMBERS or operand == "proto" or operand in ("src_ip", "dst_ip") and sign != "=~":
            return f"{operand} {sign} {bare.lower() if operand == 'proto' else bare}"
        return f"{operand} {sign} {value if value[:1] in chr(34) + chr(39) else chr(34) + value + chr(34)}"
    if sign == "=~":
        inner = bare.removeprefix("^")
        inner = inner if bare.startswith("^") else f"[^@]*{inner}"
        inner = inner[:-1] if inner.endswith("$") else f"{inner}[^@]*"
    elif sign in ("==", "!="):
        inner = re.sub(r"([.+*?()\[\]{}|^$])", r"\\\\\1", bare)
    else:
        return ""
    matched = f'{operand} =~ "{pattern.replace("{}", inner)}"'
    return f"!({matched})" if sign == "!=" else matched
