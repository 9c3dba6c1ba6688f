"""Parameters that a config of Kamailio declares by itself, and texts that are put together: what is known before it runs is written out."""

from __future__ import annotations

import re
from typing import Final

from serc.migration.draft import Draft
from serc.reading.tree import Span

_QUOTES: Final = "\"'"
_MATCHED: Final = {"$ru": "uri", "$rU": "uri", "$fU": "from_uri", "$tU": "to_uri", "$fu": "from_uri", "$tu": "to_uri"}
_SIGNS: Final = re.compile(r"([.+*?()\[\]{}|^$])")


def rewrite_constants(draft: Draft) -> None:
    """`group.name = "value" desc "…"` takes the place of `$sel(cfg_get.group.name)`: another value needs a reload here."""
    values: dict[str, str] = {}
    for at in range(len(draft.tokens) - 5):
        begins = at == 0 or draft.line(at) != draft.line(at - 1)
        if begins and (found := _declared(draft, at)) is not None:
            name, last = found
            values[name] = draft.text_at(at + 4)
            whole = draft.between(at, last)
            draft.replace(whole, f"# {' '.join(draft.source.text_of(whole).split())}")
            draft.remark(at, f"{name} is written out where it is used: change it there, and reload")
    for at, token in enumerate(draft.tokens):
        name, last = _used(draft, at)
        if name in values:
            draft.replace(Span(token.start, draft.tokens[last].end), values[name])


def _declared(draft: Draft, at: int) -> tuple[str, int] | None:
    """The name of a parameter that is declared there, and the last token."""
    words = [draft.tokens[at + i] for i in range(5)]
    is_one = (
        [words[i].kind for i in (0, 2)] == ["word", "word"]
        and (words[1].text, words[3].text) == (".", "=")
        and words[4].kind in ("string", "number")
    )
    if not is_one:
        return None
    has_text = draft.text_at(at + 5) in ("desc", "descr", "description") and draft.tokens[at + 6].kind == "string"
    return f"{words[0].text}.{words[2].text}", at + 6 if has_text else at + 4


def _used(draft: Draft, at: int) -> tuple[str, int]:
    """`$sel(cfg_get.a.b)` or `@cfg_get.a.b`: a.b, and the last token; "" where there is none."""
    words = [draft.text_at(at + i) for i in range(9)]
    if words[:5] == ["$", "sel", "(", "cfg_get", "."] and words[6] == "." and words[8] == ")":
        return f"{words[5]}.{words[7]}", at + 8
    if words[:3] == ["@", "cfg_get", "."] and words[4] == ".":
        return f"{words[3]}.{words[5]}", at + 5
    return "", at


def join_texts(draft: Draft) -> None:
    """`"a" + "b"` is "ab"; what asks of a text whether it is empty is known."""
    at = 0
    while at < len(draft.tokens):
        last = at
        while draft.tokens[last].kind == "string" and draft.is_sign(last + 1, "+") and _is_string(draft, last + 2):
            last += 2
        if last > at:
            parts = [draft.text_at(i).strip(_QUOTES) for i in range(at, last + 1, 2)]
            whole = draft.between(at, last)
            draft.replace(whole, f'"{"".join(parts)}"' + "\n" * draft.source.text_of(whole).count("\n"))
        at = last + 1
    for at, end, arguments in draft.calls():
        if draft.text_at(at) == "strempty" and end == at + 3 and _is_string(draft, at + 2):
            text = draft.text_at(at + 2).strip(_QUOTES)
            if "$" in text and text not in _MATCHED:
                continue
            draft.replace(draft.between(at, end), f"{text} == $null" if text in _MATCHED else "0" if text else "1")
        elif draft.text_at(at) == "strempty" and end == at + 4 and f"${draft.text_at(at + 3)}" in _MATCHED:
            draft.replace(draft.between(at, end), f"${draft.text_at(at + 3)} == $null")
        elif draft.text_at(at) == "starts_with" and len(arguments) == 2:
            _begins(draft, at, end)


def _is_string(draft: Draft, at: int) -> bool:
    return at < len(draft.tokens) and draft.tokens[at].kind == "string"


def _begins(draft: Draft, at: int, end: int) -> None:
    """`starts_with("$rU", "00")`."""
    subject, text = (draft.text_at(i).strip(_QUOTES) for i in (at + 2, at + 4))
    if end == at + 5 and subject in _MATCHED and "$" not in text:
        escaped = _SIGNS.sub(r"\\\\\1", text)
        head = "^" if subject[1:] in ("ru", "fu", "tu") else "^sips?:"
        draft.replace(draft.between(at, end), f'{_MATCHED[subject]} =~ "{head}{escaped}"')
