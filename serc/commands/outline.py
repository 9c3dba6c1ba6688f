"""What the commands of this package take, for manual pages and for shells: read from what reads their command lines."""

from __future__ import annotations

import argparse
import importlib
import re
from dataclasses import dataclass
from typing import Final

from runtime.server.start.options import usage_text
from serc.commands import serctl
from serc.commands.serc import SUBCOMMANDS

COMMANDS: Final = ("serc", "serctl", "ser", "ser-runtime")
# A row of the usage text of the server: option, argument, explanation, which may go on in the next lines.
_ROW: Final = re.compile(r"^ (-\w|--[\w-]+) ?(\S+)?(?:  +|\n +)(.*(?:\n   .*)*)", re.MULTILINE)


@dataclass(frozen=True)
class Option:
    """`names` such as -o and --output, `argument` what one is called that it takes, "" for none; `choices` are what it can be."""

    names: tuple[str, ...]
    argument: str
    text: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outline:
    """A command or sub-command: `positional` as a synopsis shows them, `values` what they can be where there is a list, `epilog` as it
    stands in --help."""

    name: str
    text: str
    positional: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    parts: tuple[Outline, ...] = ()
    epilog: str = ""
    values: tuple[str, ...] = ()


def outline(command: str) -> Outline:
    """That of one of COMMANDS."""
    if command == "serctl":
        return _of_parser(serctl.parser(), "serctl", "")
    if command == "serc":
        parts = tuple(_of_parser(_sub_parser(name), name, text) for name, text in SUBCOMMANDS.items())
        first = next(part for part in parts if part.name == "compile")
        return Outline(
            "serc", _sub_parser("compile").description or "", first.positional, first.options, parts, first.epilog
        )
    return _of_usage(command)


def _sub_parser(name: str) -> argparse.ArgumentParser:
    """Of a module that tells; of another no more than what all of them have."""
    tell = getattr(importlib.import_module(f"serc.commands.{name}"), "parser", None)
    parser = tell() if tell is not None else argparse.ArgumentParser(prog=f"serc {name}")
    assert isinstance(parser, argparse.ArgumentParser)
    return parser


def _of_parser(parser: argparse.ArgumentParser, name: str, text: str) -> Outline:
    options: list[Option] = []
    positional: list[str] = []
    values: list[str] = []
    parts: list[Outline] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            texts = {choice.dest: choice.help or "" for choice in action._choices_actions}
            seen: set[int] = set()
            for word, sub in action.choices.items():
                if id(sub) not in seen:  # aliases come behind the name
                    seen.add(id(sub))
                    parts.append(_of_parser(sub, word, texts.get(word, "")))
        elif action.option_strings:
            options.append(_option(action))
        else:
            positional.append(_positional(action))
            values += map(str, action.choices or ())
    return Outline(
        name,
        text or parser.description or "",
        tuple(positional),
        tuple(options),
        tuple(parts),
        parser.epilog or "",
        tuple(values),
    )


def _option(action: argparse.Action) -> Option:
    choices = tuple(str(choice) for choice in action.choices or ())
    argument = "" if action.nargs == 0 else str(action.metavar or "|".join(choices) or action.dest.upper())
    return Option(tuple(action.option_strings), argument, _help(action), choices)


def _positional(action: argparse.Action) -> str:
    word = str(action.metavar or action.dest)
    if action.nargs == "+":
        return f"{word} …"
    return {"?": f"[{word}]", "*": f"[{word} …]"}.get(str(action.nargs), word)


def _help(action: argparse.Action) -> str:
    return (action.help or "").replace("%%", "%")


def _of_usage(command: str) -> Outline:
    """ser and ser-runtime, whose command line is SER's."""
    text = usage_text(command)
    rows = text[text.index("options:") :]
    options = tuple(Option((m[1],), m[2] or "", " ".join(m[3].split())) for m in _ROW.finditer(rows))
    closing = rows.rstrip().rpartition("\n")[2]
    what = "serve SIP as ser.cfg says" if command == "ser" else "serve SIP with a module that serc has compiled"
    return Outline(command, what, (), options, (), closing)
