"""`serc completion SHELL`: what the Tab key adds, for bash, zsh and fish."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from typing import Final

from serc.commands.outline import COMMANDS, Option, Outline, outline

# Options whose argument is a file, or which have one that no list can name.
_PLAIN: Final = re.compile(r"[\W_]+")


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="serc completion",
        description="Print a script that teaches a shell what the Tab key adds to the commands serc, serctl, ser and ser-runtime.",
        epilog='bash: eval "$(serc completion bash)"; zsh: eval "$(serc completion zsh)"; fish: serc completion fish | source',
    )
    p.add_argument("shell", choices=tuple(SHELLS))
    p.add_argument("--command", choices=COMMANDS, help="only for this one")
    return p


def main(argv: list[str]) -> int:
    options = parser().parse_args(argv)
    commands = (options.command,) if options.command else COMMANDS
    sys.stdout.write("\n".join(script(options.shell, command) for command in commands))
    return 0


def script(shell: str, command: str) -> str:
    """The script of one command."""
    return SHELLS[shell](outline(command))


def _words(part: Outline) -> list[str]:
    """What can follow the word of `part`: sub-commands, values and options."""
    names = [name for option in part.options for name in option.names]
    return [*(inner.name for inner in part.parts), *part.values, *names]


def _paths(part: Outline, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Outline]]:
    """Each command with the words that lead to it, the whole one first."""
    yield above, part
    for inner in part.parts:
        yield from _paths(inner, (*above, inner.name))


def _bash(page: Outline) -> str:
    name = _PLAIN.sub("_", page.name)
    cases = [f'        "{" ".join(path)}") words="{" ".join(_words(part))}" ;;' for path, part in _paths(page)]
    known = " ".join(f'"{" ".join(path)}"' for path, part in _paths(page) if path)
    values = [f'        {"|".join(where)}) words="{" ".join(choices)}" ;;' for choices, where in _choices(page).items()]
    return f"""\
# What the Tab key adds to {page.name} in bash. Written by serc completion.
_{name}() {{
    local word path="" words="" known=({known})
    local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        local longer="${{path:+$path }}$word" one
        for one in "${{known[@]}}"; do [[ $one == "$longer" ]] && path=$longer; done
    done
    case $path in
{chr(10).join(cases)}
    esac
    case "$path $before" in
{chr(10).join(values) if values else "        *) ;;"}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    [[ ${{#COMPREPLY[@]}} -gt 0 ]] || COMPREPLY=($(compgen -f -- "$current"))
}}
complete -o filenames -F _{name} {page.name}
"""


def _choices(page: Outline) -> dict[tuple[str, ...], list[str]]:
    """The values that options can have, () where they are files or no list names them, with the patterns of bash of what stands before.

    An option that is the same in all sub-commands that have it is there once, another one by the words that lead to it.
    """
    kinds: dict[str, dict[str, tuple[str, ...] | None]] = {}
    for path, part in _paths(page):
        for option in part.options:
            for name in option.names:
                kinds.setdefault(name, {})[" ".join(path)] = option.choices if option.argument else None
    found: dict[tuple[str, ...], list[str]] = {}
    for name, by_path in kinds.items():
        if len(set(by_path.values())) == 1:
            by_path = {"*": next(iter(by_path.values()))}
        for words, choices in by_path.items():
            if choices is not None:
                found.setdefault(choices, []).append(f'*" {name}"' if words == "*" else f'"{words} {name}"')
    return found


def _zsh(page: Outline) -> str:
    name = _PLAIN.sub("_", page.name)
    cases = []
    for path, part in _paths(page):
        rows = [_zsh_row(inner.name, inner.text) for inner in part.parts]
        rows += [_zsh_row(value, "") for value in part.values]
        rows += [_zsh_row(word, option.text) for option in part.options for word in option.names]
        cases.append(f"        '{' '.join(path)}') words_of=({' '.join(rows)}) ;;")
    known = " ".join(f"'{' '.join(path)}'" for path, _ in _paths(page) if path)
    return f"""\
#compdef {page.name}
# What the Tab key adds to {page.name} in zsh. Written by serc completion.
_{name}() {{
    local way='' word
    local -a words_of known
    known=({known})
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        (( ${{known[(Ie)${{way:+$way }}$word]}} )) && way="${{way:+$way }}$word"
    done
    case $way in
{chr(10).join(cases)}
    esac
    _describe -o '{page.name}' words_of
    _files
}}
(( $+functions[compdef] )) && compdef _{name} {page.name}
"""


def _zsh_row(word: str, text: str) -> str:
    plain = " ".join(text.split()).replace("'", "’")
    escaped = word.replace(":", "\\:")
    return f"'{escaped}:{plain}'"


def _fish(page: Outline) -> str:
    lines = [f"# What the Tab key adds to {page.name} in fish. Written by serc completion."]
    for path, part in _paths(page):
        seen = "".join(f"; and __fish_seen_subcommand_from {word}" for word in path).removeprefix("; and ")
        if part.parts:
            names = " ".join(inner.name for inner in part.parts)
            here = f"{seen}; and not __fish_seen_subcommand_from {names}" if seen else "__fish_use_subcommand"
            lines += [f"complete -c {page.name} -n '{here}' -a {i.name}{_fish_text(i.text)}" for i in part.parts]
        if part.values:
            lines.append(f"complete -c {page.name} -n '{seen}' -a '{' '.join(part.values)}'")
        for option in part.options:
            where = f" -n '{seen}'" if seen else ""
            lines.append(f"complete -c {page.name}{where}{_fish_option(option)}{_fish_text(option.text)}")
    return "\n".join(lines) + "\n"


def _fish_option(option: Option) -> str:
    words = [f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}" for name in option.names]
    if option.argument:
        words.append(" -r")
    if option.choices:
        words.append(f" -a '{' '.join(option.choices)}'")
    return "".join(words)


def _fish_text(text: str) -> str:
    plain = " ".join(text.split()).replace("\\", "\\\\").replace("'", "\\'")
    return f" -d '{plain}'" if plain else ""


SHELLS: Final[dict[str, Callable[[Outline], str]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
