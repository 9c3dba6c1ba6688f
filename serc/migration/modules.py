"""loadmodule, modparam and global parameters of other dialects."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from runtime.modules import catalogue
from serc.migration import losses
from serc.migration.draft import Draft, Fate

_PATHS: Final = ("mpath", "loadpath", "cfgengine")
_RENAMED: Final = re.compile(r"0\.9 calls it (\w+)")
# What OpenSIPS calls otherwise.
_PARAMETERS: Final = {"fr_timeout": "fr_timer", "fr_inv_timeout": "fr_inv_timer"}
# Modules whose work another one does here, and parameters that another one has.
_IN_THEIR_PLACE: Final = {"rtpproxy": "nathelper", "rtpengine": "nathelper"}
_FAILED_FLAG, _FAILED = "failed_transaction_flag", "failed_transactions"
_OF_ANOTHER: Final = {
    ("usrloc", "nat_bflag"): ("registrar", "nat_flag"),
    ("usrloc", "nat_flag"): ("registrar", "nat_flag"),
    ("acc", _FAILED_FLAG): ("acc", _FAILED),
}
_SECONDS: Final = ("fr_timer", "fr_inv_timer", "wt_timer", "delete_timer")
_MILLISECONDS: Final = 1000
_RECEIVED_AVP: Final = "42"
_TIMER_AVPS: Final = ("fr_timer_avp", "fr_inv_timer_avp")
_AVP: Final = re.compile(r"[\"']\$avp\(([\w:]+)\)[\"']")


def rewrite_modules(draft: Draft) -> None:
    """Whole paths, other names; modules that 0.9 has not are left out, with their parameters."""
    folder = ""
    lost: set[str] = set()
    loaded: set[str] = set()
    for at, token in enumerate(draft.tokens):
        if token.kind != "word":
            continue
        value = draft.tokens[min(at + 1, len(draft.tokens) - 1)]
        if token.text in _PATHS:
            last = at + 2 if draft.is_sign(at + 1, "=") else at + 1
            folder = draft.text_at(last).strip("\"'").split(":")[0].rstrip("/")
            draft.replace(draft.between(at, last), f"# {draft.source.text_of(draft.between(at, last))}")
        elif token.text == "socket" and draft.is_sign(at + 1, "="):
            draft.replace(token.span, "listen")
        elif token.text in ("include_file", "import_file") and value.kind == "string":
            _include(draft, at)
        elif token.text in ("loadmodule", "loadmodulex") and value.kind == "string":
            _load(draft, at, folder, lost, loaded)
        elif token.text in ("modparam", "modparamx") and draft.is_sign(at + 1, "("):
            _parameter(draft, at, lost, loaded)


def _include(draft: Draft, at: int) -> None:
    """import_file takes a file that is not there for an empty one."""
    name = draft.text_at(at + 1)
    is_there = Path(draft.source.name).with_name(name.strip("\"'")).exists()
    is_needless = draft.text_at(at) == "import_file" and not is_there
    why = "there is no such file" if is_needless else "put the text of that file here first"
    fate = Fate.NEEDLESS if is_needless else Fate.LOST
    draft.leave_out(draft.between(at, at + 1), f"{draft.text_at(at)} {name}: {why}", fate)


def _load(draft: Draft, at: int, folder: str, lost: set[str], loaded: set[str]) -> None:
    path = draft.text_at(at + 1).strip("\"'")
    stem = path.rpartition("/")[2].removesuffix(".so")
    whole = draft.between(at, at + 1)
    what = "" if catalogue.find(stem) is not None else catalogue.UNDECLARED.get(stem, "")
    name = _name_here(stem)
    if catalogue.find(name) is None:
        lost.add(stem)
        cure = losses.of_module(stem)
        why = cure.lstrip(": ") or what.partition("; ")[2] or "0.9 has no such module"
        draft.leave_out(whole, f"module {stem}: {why}", _fate(cure))
        return
    if name in loaded:
        draft.replace(whole, "")
        return
    loaded.add(name)
    head = path.rpartition("/")[0] or folder
    written = f'loadmodule "{head}/{name}.so"' if head else f'loadmodule "{name}.so"'
    if written != draft.source.text_of(whole):
        draft.replace(whole, written)


def _parameter(draft: Draft, at: int, lost: set[str], loaded: set[str]) -> None:
    """Names of modules that are lost go; a parameter that only they had goes as a whole."""
    end = draft.closing(at + 1)
    names = draft.text_at(at + 2).strip("\"'")
    kept = [part for part in names.split("|") if part.strip("()^$ ") not in lost and not _is_foreign(part)]
    kept = [_name_here(part) for part in kept]
    written = draft.text_at(at + 4).strip("\"'")
    parameter = _PARAMETERS.get(written, written)
    for i, part in enumerate(kept):
        kept[i], parameter = _OF_ANOTHER.get((part, written), (part, parameter))
    kept = list(dict.fromkeys(kept))
    if parameter == "use_domain" and "usrloc" in kept and "registrar" in loaded and not _sets_domains(draft):
        kept.append("registrar")  # which takes usrloc's elsewhere
    _convert(draft, at, parameter)
    if written == _FAILED_FLAG and parameter == _FAILED:
        draft.replace(draft.tokens[at + 6].span, "1")
        draft.remark(at, f"{written} is {_FAILED}=1 now: what fails is accounted wherever it is accounted at all")
    has_it = [part for part in kept if (spec := catalogue.find(part)) is None or spec.param(parameter) is not None]
    if not has_it:
        why = losses.of_parameter(names, written) or ": 0.9 has none of that name"
        # What there is to say of a module that is not there has been said.
        fate = Fate.NEEDLESS if not kept else _fate(why)
        draft.leave_out(draft.between(at, end), f"parameter {written} of {names}{why}", fate)
    elif "|".join(has_it) != names:
        draft.replace(draft.tokens[at + 2].span, f'"{"|".join(has_it)}"')
    if has_it and parameter != written:
        draft.replace(draft.tokens[at + 4].span, f'"{parameter}"')


def _sets_domains(draft: Draft) -> bool:
    """Is registrar told by itself?"""
    for at, _, arguments in draft.calls():
        if draft.text_at(at) in ("modparam", "modparamx") and len(arguments) == 3:
            names, parameter = (draft.text_at(first).strip("\"'") for first, _ in arguments[:2])
            if parameter == "use_domain" and "registrar" in names.split("|"):
                return True
    return False


def _fate(cure: str) -> Fate:
    return Fate.NEEDLESS if losses.is_needless(cure) else Fate.LOST


def _convert(draft: Draft, at: int, parameter: str) -> None:
    """Milliseconds of SER 2.0 and Kamailio: nobody waits for so many seconds. The AVP of nathelper and registrar has a number here."""
    value = draft.tokens[min(at + 6, len(draft.tokens) - 1)]
    named = _AVP.fullmatch(value.text)
    if parameter in _TIMER_AVPS and named is not None:
        draft.replace(value.span, f'"{named[1] if named[1][1:2] == ":" else f"s:{named[1]}"}"')
    elif parameter == "received_avp" and value.kind == "string":
        draft.replace(value.span, _RECEIVED_AVP)
    elif (
        parameter in _SECONDS and value.kind == "number" and value.text.isdecimal() and int(value.text) >= _MILLISECONDS
    ):
        draft.replace(value.span, str(max(1, int(value.text) // 1000)))
        draft.remark(at, f"{parameter} is in seconds here")


def _is_foreign(name: str) -> bool:
    """A module of others that has no other name here."""
    return catalogue.find(_name_here(name)) is None and name in catalogue.UNDECLARED


def _name_here(stem: str) -> str:
    """What 0.9 calls a module, or the one that does its work; the same where there is none."""
    renamed = _RENAMED.search(catalogue.UNDECLARED.get(stem, ""))
    return renamed[1] if renamed is not None else _IN_THEIR_PLACE.get(stem, stem)
