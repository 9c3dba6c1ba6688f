"""do_accounting of OpenSIPS: flags say here what is accounted."""

from __future__ import annotations

from typing import Final

from serc.migration.draft import Draft

_KINDS: Final = ("log", "db")
_OPTIONS: Final = frozenset(("missed", "failed", ""))
_HIGHEST: Final = 30


def rewrite_accounting(draft: Draft) -> None:
    """Calls become flags, which parameters behind the loadmodule of acc give their meaning."""
    flags = _known(draft)
    given = len(flags)
    failed = False
    for at, end, arguments in draft.calls():
        if draft.text_at(at) != "do_accounting" or not arguments:
            continue
        texts = [draft.source.text_of(draft.between(*each)).strip("\"' ") for each in arguments[:2]]
        kinds, options = texts[0].split("|"), set("".join(texts[1:]).split("|"))
        if not set(kinds) <= set(_KINDS) or not options <= _OPTIONS:
            continue
        failed = failed or "failed" in options
        names = [f"{kind}_missed_flag" if "missed" in options else f"{kind}_flag" for kind in kinds]
        calls = [f"setflag({_number(draft, flags, name)})" for name in names]
        if len(calls) == 1 or draft.text_at(at - 1) in (";", "{", "}") or not draft.is_sign(end + 1, ";"):
            draft.replace(draft.between(at, end), "; ".join(calls))
        else:  # the one statement of an if
            draft.replace(draft.between(at, end + 1), f"{{ {'; '.join(calls)}; }}")
    made = [f'modparam("acc", "{name}", {number})' for name, number in list(flags.items())[given:]]
    made += ['modparam("acc", "failed_transactions", 1)'] if failed else []
    if made and draft.behind_module("acc", " ".join(made)):
        at = next(at for at, _, _ in draft.calls() if draft.text_at(at) == "do_accounting")
        draft.remark(at, "do_accounting sets flags now, which parameters of acc name")


def _known(draft: Draft) -> dict[str, str]:
    """Flags that parameters of acc name already."""
    found: dict[str, str] = {}
    for at, _, arguments in draft.calls():
        words = [draft.text_at(first).strip("\"'") for first, _ in arguments]
        if draft.text_at(at) == "modparam" and len(words) == 3 and words[0] == "acc" and words[1].endswith("_flag"):
            found[words[1]] = words[2]
    return found


def _number(draft: Draft, flags: dict[str, str], name: str) -> str:
    if name not in flags:
        used = {token.text for token in draft.tokens if token.kind == "number"} | set(flags.values())
        flags[name] = next((str(n) for n in range(_HIGHEST, 0, -1) if str(n) not in used), str(_HIGHEST))
    return flags[name]
