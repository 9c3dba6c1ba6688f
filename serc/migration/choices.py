"""`switch` of OpenSER and Kamailio: a chain of `if`, in a route of its own where it is left amid a case."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from serc.migration.apart import NO_NUMBER, RETURNS, call_instead, free_route, returns, text_apart
from serc.migration.draft import Draft

_ENDS: Final = ("break", "exit", "drop", "return")
# What lookup has told, in the words of others. Here it tells only that nobody is there.
_RESULTS: Final = ("$rc", "$retcode")
_NOBODY: Final = "-1"
# The tokens of `$var(rc) = $rc;`.
_KEEPS_RESULT: Final = 9
_NO_RESULT: Final = "a function is true or false here: write if (FUNCTION()) { … } else { … }"


@dataclass
class _Case:
    """`values` is None for the default. `begin` is its first token, `first` and `last` are those of what is done, without a last break.
    `goes_on`: into the next case. `leaves`: there is a break amid what it does.
    """

    values: list[str] | None
    begin: int
    first: int
    last: int
    goes_on: bool
    leaves: bool


@dataclass(frozen=True)
class _Switch:
    """Tokens: `switch`, `)` and the braces of its cases."""

    at: int
    subject_end: int
    opening: int
    closing: int


def rewrite_switches(draft: Draft) -> None:
    """All of them, from the inside."""
    while (switch := _innermost(draft)) is not None:
        draft.step(partial(_rewrite, switch=switch))


def _innermost(draft: Draft) -> _Switch | None:
    found = None
    for at, end, _ in draft.calls():
        if draft.text_at(at) == "switch" and draft.is_sign(end + 1, "{") and end + 1 in draft.partner:
            found = _Switch(at, end, end + 1, draft.partner[end + 1])
        elif found is not None and at > found.closing:
            break
    return found


def _rewrite(draft: Draft, switch: _Switch) -> None:
    at, closing = switch.at, switch.closing
    subject = draft.source.text_of(draft.between(at + 2, switch.subject_end - 1)).replace(" ", "")
    cases = _cases(draft, switch.opening + 1, closing)
    # OpenSER ends a case in its own way where no break does it.
    if cases is not None and any(case.goes_on for case in cases) and draft.origin == "openser":
        draft.leave_out(draft.between(at, closing), "switch: a case goes on into the next one: end each with break")
    elif cases is None:
        draft.leave_out(
            draft.between(at, closing), "switch: write if (…) { … } else if (…) { … }, with the default last"
        )
    elif subject in _RESULTS or _is_result(draft, subject, at):
        written = _of_lookup(draft, at, cases)
        if written:
            _replace(draft, switch, written)
            _forget_result(draft, subject, at)
        else:
            draft.leave_out(draft.between(at, closing), f"switch ({subject}): {_NO_RESULT}")
    elif any(case.leaves for case in cases):
        _apart(draft, switch, subject, cases)
    else:
        between = draft.line(cases[0].begin) - draft.line(at)
        _replace(draft, switch, "\n" * between + _chain(draft, subject, cases))


def _replace(draft: Draft, switch: _Switch, written: str) -> None:
    whole = draft.between(switch.at, switch.closing)
    draft.replace(whole, written + "\n" * max(0, draft.source.text_of(whole).count("\n") - written.count("\n")))


def _apart(draft: Draft, switch: _Switch, subject: str, cases: list[_Case]) -> None:
    """What leaves it by break amid a case ends a route of its own."""
    number = free_route(draft)
    if not number or returns(draft, switch.opening, switch.closing):
        why = RETURNS if number else NO_NUMBER
        draft.leave_out(draft.between(switch.at, switch.closing), f"switch: a break amid a case leaves it, and {why}")
        return
    first, old = draft.source.line_of(draft.tokens[cases[0].begin].start), draft.line(switch.at)
    text = f"route[{number}] {{ # switch of line {old}\n{_chain(draft, subject, cases, True)}\n}}"
    draft.remark(switch.at, f"switch is route[{number}] now, which break leaves")
    places = [(1, text.count("\n"), first)]
    call_instead(draft, switch.at, switch.closing, number, text, places)


def _is_result(draft: Draft, subject: str, at: int) -> bool:
    """Was `$var(x) = $rc;` said before?"""
    before = draft.source.text[: draft.tokens[at].start].replace(" ", "").replace("\t", "")
    return subject.startswith("$var(") and any(f"{subject}={result};" in before for result in _RESULTS)


def _forget_result(draft: Draft, subject: str, before: int) -> None:
    """`$var(rc) = $rc;` goes, where the switch alone looks at it."""
    if draft.source.text.replace(" ", "").count(subject) != 2:
        return
    for at in range(before - _KEEPS_RESULT + 1):
        last = at + _KEEPS_RESULT - 1
        if "".join(draft.text_at(i) for i in range(at, last + 1)) in [f"{subject}={result};" for result in _RESULTS]:
            draft.replace(draft.between(at, last), "")


def _cases(draft: Draft, at: int, closing: int) -> list[_Case] | None:
    """None where it is none that can be read, or has its default amid the cases."""
    found: list[_Case] = []
    while at < closing:
        values: list[str] | None = []
        begin = at
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
        if first == at:
            return None
        found.append(_ended(draft, values, (begin, first, at - 1), at == closing))
    is_default_last = all(case.values is not None for case in found[:-1])
    return found if found and is_default_last else None


def _colon(draft: Draft, at: int, closing: int) -> int:
    while at < closing and not draft.is_sign(at, ":"):
        at += 1
    return at


def _ended(draft: Draft, values: list[str] | None, tokens: tuple[int, int, int], is_last: bool) -> _Case:
    head, first, last = tokens
    breaks = [at for at in range(first, last + 1) if draft.text_at(at) == "break" and draft.tokens[at].kind == "word"]
    begin = last - 1 if draft.is_sign(last, ";") else last
    while begin > first and not (draft.is_sign(begin - 1, ";") or draft.is_sign(begin - 1, "}")):
        begin -= 1
    ending = draft.text_at(begin)
    if ending == "break":
        return _Case(values, head, first, begin - 1, False, breaks != [begin])
    return _Case(values, head, first, last, not is_last and ending not in _ENDS, bool(breaks))


def _body(draft: Draft, cases: list[_Case], is_apart: bool) -> str:
    """What is done for the first of the cases, and for those that it goes on into. Its lines stay where they are."""
    texts = []
    for case in cases:
        text = text_apart(draft, case.first, case.last) if is_apart else _plain(draft, case)
        before = draft.line(case.first) - draft.line(case.begin) if case is cases[0] else 0
        texts += ["\n" * before + text] if text else []
        if not case.goes_on:
            break
    written = "\n".join(texts)
    return f"{{ {written}\n}}" if written else "{ ; }"


def _plain(draft: Draft, case: _Case) -> str:
    return draft.source.text_of(draft.between(case.first, case.last)) if case.last >= case.first else ""


def _chain(draft: Draft, subject: str, cases: list[_Case], is_apart: bool = False) -> str:
    written = ""
    for number, case in enumerate(cases):
        height = draft.line(case.begin) - draft.line(cases[0].begin)
        written += "\n" * (height - written.count("\n")) + (" else " if number else "")
        if case.values is not None:
            condition = " || ".join(f"{subject} == {value}" for value in case.values)
            written += f"if ({condition}) "
        written += _body(draft, cases[number:], is_apart)
    return written


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
    return _plain(draft, case) or ";"
