"""`serc doc tm.t_relay`."""

from __future__ import annotations

import argparse
import re
from typing import Final

from runtime.modules import catalogue
from runtime.spec.globals import GLOBALS
from serc.commands.files import complain
from serc.diagnostics.suggest import did_you_mean
from serc.editor import function_text, param_text

# Of Markdown, which editors show and terminals do not.
_EMPHASIS: Final = re.compile(r"(\*\*|\*)(\S.*?)\1")


def main(argv: list[str]) -> int:
    p = argparse.ArgumentParser(
        prog="serc doc",
        description="What a function, a parameter of a module or a global parameter does.",
    )
    p.add_argument("name", help="as in MODULE.FUNCTION, or without the module")
    name = p.parse_args(argv).name
    texts = documentation()
    found = [text for known, text in texts if name in (known, known.rpartition(".")[2])]
    if not found:
        hint = did_you_mean(name, {known for known, _ in texts} | {known.rpartition(".")[2] for known, _ in texts})
        complain("serc", f"there is no {name}{f' ({hint})' if hint else ''}")
        return 2
    print(_EMPHASIS.sub(r"\2", "\n\n".join(dict.fromkeys(found))))
    return 0


def documentation() -> list[tuple[str, str]]:
    """Everything that has a name, with its module before it."""
    specs = [spec for n in catalogue.names() if (spec := catalogue.find(n)) is not None] + [catalogue.core()]
    found = [(f"{spec.name}.{f.name}", function_text(spec, f)) for spec in specs for f in spec.functions]
    found += [(f"{spec.name}.{param.name}", param_text(spec, param)) for spec in specs for param in spec.params]
    found += [(g.name, f"**{g.name}** = {g.type.value}\n\n{g.summary or g.why}") for g in GLOBALS]
    return found
