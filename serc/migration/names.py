"""Names that 0.9 does not have: defined words, flags and routes with names, which get numbers."""

from __future__ import annotations

import re
from typing import Final

from runtime.spec.kinds_words import LAST_ROUTE
from serc.migration.draft import Draft, Remark

_DIRECTIVE: Final = re.compile(r"[ \t]*#!(\w+)[ \t]*(.*?)[ \t\r]*\Z")
_DEFINED: Final = re.compile(r"(\w+)[ \t]*(.*)")
_ROUTES: Final = ("route", "failure_route", "onreply_route")
# What arms a route, by its name in any dialect.
_ARMS: Final = {
    "t_on_failure": "failure_route",
    "t_on_negative": "failure_route",
    "t_on_reply": "onreply_route",
    "route": "route",
}

_FLAG_CALLS: Final = frozenset(
    "setflag resetflag isflagset setsflag resetsflag issflagset setbflag resetbflag isbflagset".split()
)
# The last one is left to what says that the script has been left (leaving.py).
_LAST_FLAG: Final = 31


def take_directives(draft: Draft, defined: dict[str, str]) -> None:
    """Carries out #!define, #!ifdef and the like: what is not chosen becomes a comment, a defined word is written out. `defined` is what
    is known before the file begins."""
    defined = dict(defined)
    substituted: list[tuple[str, str]] = []
    lines: list[str] = []
    active: list[bool] = []
    for number, line in enumerate(draft.source.text.split("\n"), 1):
        found = _DIRECTIVE.match(line)
        if found is None:
            lines.append(line if all(active) or not line.strip() else f"# {line}")
            continue
        word, rest = found[1].lower(), found[2]
        if word in ("ifdef", "ifndef"):
            active.append((rest.split(" ")[0] in defined) is (word == "ifdef"))
        elif word == "else" and active:
            active[-1] = not active[-1]
        elif word == "endif" and active:
            active.pop()
        elif word in ("define", "trydef", "redefine") and all(active):
            name = _DEFINED.match(rest)
            if name is not None and (word != "trydef" or name[1] not in defined):
                defined[name[1]] = name[2].strip()
        elif word in ("subst", "substdef", "substdefs") and all(active):
            parts = rest.strip('"').split(rest.strip('"')[:1] or "!")
            if len(parts) >= 3 and re.fullmatch(r"\w+", parts[1]):
                substituted.append((parts[1], parts[2]))
            else:
                draft.remarks.append(Remark(number, f"#!{found[1]} is not carried out: its pattern is no plain word"))
        lines.append(f"# {line.lstrip()}")
    text = "\n".join(lines)
    for word, value in substituted:
        text = value.join(re.split(rf"\b{word}\b", text))
    draft.set_text(text)
    draft.step(lambda d: _write_out(d, {name: value for name, value in defined.items() if value}))


def _write_out(draft: Draft, defined: dict[str, str]) -> None:
    for token in draft.tokens:
        if token.kind == "word" and token.text in defined:
            value = token.text
            for _ in defined:  # one may stand for another
                value = defined.get(value, value)
            draft.replace(token.span, value)


def number_flags(draft: Draft) -> None:
    """`flags NAME:1, NAME:2;` of SER 2.0: the numbers take the place of the names."""
    numbers: dict[str, str] = {}
    free = 1
    for at, token in enumerate(draft.tokens):
        if token.text not in ("flags", "avpflags") or draft.tokens[at + 1].kind != "word":
            continue
        end = at + 1
        while draft.tokens[end].kind != "end" and not draft.is_sign(end, ";"):
            if draft.tokens[end].kind == "word":
                given = draft.text_at(end + 2) if draft.is_sign(end + 1, ":") else ""
                while not given and str(free) in numbers.values():
                    free += 1
                numbers[draft.text_at(end)] = given if given.isdecimal() else str(free)
            end += 1
        draft.replace(draft.between(at, min(end, len(draft.tokens) - 2)), f"# {' '.join(_pairs(numbers))}")
    _write_out(draft, numbers)


def name_flags(draft: Draft) -> None:
    """Flags that are called by names which nobody has declared, as in OpenSIPS: each gets the first number that is free."""
    used = {
        draft.text_at(first).strip("\"'")
        for at, _, arguments in draft.calls()
        if draft.text_at(at) in _FLAG_CALLS
        for first, last in arguments[:1]
        if first == last
    }
    numbers: dict[str, str] = {}
    for at, _, arguments in draft.calls():
        if draft.text_at(at) not in _FLAG_CALLS or len(arguments) != 1 or arguments[0][0] != arguments[0][1]:
            continue
        place = arguments[0][0]
        name = draft.text_at(place).strip("\"'")
        if draft.tokens[place].kind == "string" and name.isdecimal():
            draft.replace(draft.tokens[place].span, name)
        elif draft.tokens[place].kind in ("word", "string") and re.fullmatch(r"[A-Za-z]\w*", name):
            if name not in numbers:
                taken = used | set(numbers.values())
                free = next((str(n) for n in range(1, _LAST_FLAG) if str(n) not in taken), "")
                if not free:
                    continue
                numbers[name] = free
                draft.remark(at, f"flag {name} is flag {free} now")
            draft.replace(draft.tokens[place].span, numbers[name])
    for at, _, arguments in draft.calls():
        if draft.text_at(at) == "modparam" and len(arguments) == 3:
            first, last = arguments[2]
            name = draft.text_at(first).strip("\"'")
            if first == last and draft.text_at(arguments[1][0]).strip("\"'").endswith("flag") and name in numbers:
                draft.replace(draft.tokens[first].span, numbers[name])


def _pairs(numbers: dict[str, str]) -> list[str]:
    return [f"flag {number}: {name}" for name, number in numbers.items()]


def number_routes(draft: Draft) -> None:
    """Routes with names get the first numbers that are free."""
    numbers: dict[str, dict[str, str]] = {kind: {} for kind in _ROUTES}
    for at, token in enumerate(draft.tokens):
        if token.text in _ROUTES and draft.is_sign(at + 1, "[") and draft.tokens[at + 2].kind == "number":
            numbers[token.text][draft.text_at(at + 2)] = draft.text_at(at + 2)
    for at, token in enumerate(draft.tokens):
        if token.text not in _ROUTES or not draft.is_sign(at + 1, "["):
            continue
        end = draft.closing(at + 1)
        name = draft.source.text[draft.tokens[at + 1].end : draft.tokens[end].start].strip().strip("\"'")
        if name in numbers[token.text]:
            known = numbers[token.text][name]
        else:
            taken = set(numbers[token.text].values())
            known = next((str(n) for n in range(1, LAST_ROUTE + 1) if str(n) not in taken), "")
            if not known:
                draft.remark(at, f"there are more than {LAST_ROUTE} routes: {token.text}[{name}] has no number left")
                continue
            numbers[token.text][name] = known
        if known != name:
            draft.replace(draft.between(at + 1, end), f"[{known}]")
    for at, _, arguments in draft.calls():
        kind = _ARMS.get(draft.text_at(at))
        if kind is None or len(arguments) != 1:
            continue
        first, last = arguments[0]
        name = draft.source.text_of(draft.between(first, last)).strip("\"'")
        if name in numbers[kind] and numbers[kind][name] != name:
            number = numbers[kind][name]
            draft.replace(draft.between(first, last), number if kind == "route" else f'"{number}"')
