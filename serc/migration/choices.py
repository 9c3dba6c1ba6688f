"""`switch` of OpenSER and Kamailio: a chain of `if`, where each case ends before the next one begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from serc.migration.draft import Draft

_ENDS: Final = ("break", "exit", "drop", "return")
# What lookup has told, in the words of others. Here it tells only that nobody is there.
_RESULTS: Final = ("$rc", "$retcode")
_NOBODY: Final = "-1"


@dataclass
class _Case:
    """`values` is None for the default. `first` and `last` are the tokens of what is done, without the break."""

    values: list[str] | None
    first: int
    last: int


def rewrite_switches(draft: Draft) -> None:
    for at, token in enumerate(draft.tokens):
        if token.text != "switch" or token.kind != "word" or not draft.is_sign(at + 1, "("):
            continue
        end = draft.closing(at + 1)
        if not draft.is_sign(end + 1, "{"):
            continue
        subject = draft.source.text_of(draft.between(at + 2, end - 1)).replace(" ", "")
        closing = draft.closing(end + 1)
        cases = _cases(draft, end + 2, closing)
        if cases is None:
            continue
        if subject in _RESULTS or _is_result(draft, subject, at):
            written = _of_lookup(draft, at, cases)
        else:
            written = _chain(draft, subject, cases)
        if written:
            lines = draft.source.text_of(draft.between(at, closing)).count("\n") - written.count("\n")
            draft.replace(draft.between(at, closing), written + "\n" * max(0, lines))


def _is_result(draft: Draft, subject: str, at: int) -> bool:
    """Was `$var(x) = $rc;` said before?"""
    before = draft.source.text[: draft.tokens[at].start].replace(" ", "").replace("\t", "")
    return subject.startswith("$var(") and any(f"{subject}={result};" in before for result in _RESULTS)


def _cases(draft: Draft, at: int, closing: int) -> list[_Case] | None:
    """None where a case goes on into the next one, or leaves the switch amid its statements."""
    found: list[_Case] = []
    while at < closing:
        values: list[str] | None = []
        while draft.text_at(at) in ("case", "default"):
            first = at + 1
            at = _colon(draft, at, closing)
            if draft.text_at(first - 1) == "default":
                values = None
            elif values is not None:
                values.append(draft.source.text_of(draft.between(first, at - 1)))
            at += 1
        first = at
        while at < closing and draft.text_at(at) not in ("case", "default"):
            at = draft.closing(at) + 1 if draft.is_sign(at, "{") else at + 1
        case = _ended(draft, values, first, at - 1, at == closing)
        if case is None or first == at:
            return None
        found.append(case)
    is_default_last = all(case.values is not None for case in found[:-1])
    return found if found and is_default_last else None


def _colon(draft: Draft, at: int, closing: int) -> int:
    while at < closing and not draft.is_sign(at, ":"):
        at += 1
    return at


def _ended(draft: Draft, values: list[str] | None, first: int, last: int, is_last: bool) -> _Case | None:
    breaks = [at for at in range(first, last + 1) if draft.text_at(at) == "break" and draft.tokens[at].kind == "word"]
    begin = last - 1 if draft.is_sign(last, ";") else last
    while begin > first and not (draft.is_sign(begin - 1, ";") or draft.is_sign(begin - 1, "}")):
        begin -= 1
    ending = draft.text_at(begin)
    if ending == "break" and breaks == [begin]:
        return _Case(values, first, begin - 1)
    return _Case(values, first, last) if not breaks and (is_last or ending in _ENDS) else None


def _body(draft: Draft, case: _Case) -> str:
    if case.last < case.first:
        return "{ ; }"
    return f"{{ {draft.source.text_of(draft.between(case.first, case.last))}\n}}"


def _chain(draft: Draft, subject: str, cases: list[_Case]) -> str:
    links = []
    for case in cases:
        if case.values is None:
            links.append(_body(draft, case))
        else:
            condition = " || ".join(f"{subject} == {value}" for value in case.values)
            links.append(f"if ({condition}) {_body(draft, case)}")
    return " else ".join(links)


def _of_lookup(draft: Draft, at: int, cases: list[_Case]) -> str:
    """What is done where nobody is there; "" where that is not said, or the switch stands elsewhere than behind a lookup that failed."""
    before = "".join(token.text for token in draft.tokens[max(0, at - 40) : at])
    start = before.rfind("lookup(")
    if start < 0 or not before[:start].endswith("if(!") or "}" in before[start:]:
        return ""
    case = next((case for case in cases if case.values is not None and _NOBODY in case.values), None)
    if case is None:
        return ""
    draft.remark(at, "lookup tells only that nobody is there: what is done in case -1 is done always")
    return draft.source.text_of(draft.between(case.first, case.last)) if case.last >= case.first else ""
