"""Pieces of ser.cfg as TatSu reads them by grammar.ebnf. The only file that knows TatSu.

Reading the grammar costs half a second, so the parser is kept as Python source in `_parser.py` beside this file: written
by `python -m serc.reading.parse --generate` when the package is built, else on first use if the folder can be written. It is
taken only if it was made from this very grammar by this very TatSu.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import tatsu
from tatsu.exceptions import FailedParse

GRAMMAR: Final = Path(__file__).parent.parent / "grammar.ebnf"
_GENERATED: Final = Path(__file__).with_name("_parser.py")

Ast = Mapping[str, Any]


@dataclass(frozen=True)
class Failure:
    """`offset`: how far the piece makes sense. `too_deep`: more is nested in it than can be read."""

    offset: int
    too_deep: bool = False


@lru_cache(maxsize=4096)
def parse_piece(rule: str, text: str) -> Ast | Failure:
    """`text`, without comments, read completely by a rule of the grammar.

    An Ast has the names of the rule's parts as keys, and `parseinfo` with `rule`, `pos` and `endpos`.
    """
    try:
        ast = _parser().parse(text, start=f"whole_{rule}")
    except FailedParse as e:
        return Failure(e.pos)
    except RecursionError:
        return Failure(0, too_deep=True)
    plain: Ast = _plain(ast)
    return plain


class _Parts(dict[str, Any]):
    """What is not there is None."""

    def __missing__(self, name: str) -> None:
        return None


def _plain(found: Any) -> Any:
    """The same as dictionaries and lists: TatSu's own are slow to look into, and a shape that was read once is looked into often."""
    if isinstance(found, Mapping):
        # A part whose name is also that of a method of dictionaries has a "_" behind it there.
        return _Parts((name.removesuffix("_"), _plain(part)) for name, part in found.items())
    if isinstance(found, (list, tuple)) and not hasattr(found, "endpos"):
        return [_plain(part) for part in found]
    return found


@lru_cache(maxsize=1)
def _parser() -> Any:
    module = _fresh_module() or _generated_now()
    return module.SerParser(colorize=False)


def _fingerprint(grammar: str) -> str:
    return hashlib.sha256(f"{tatsu.__version__}\n{grammar}".encode()).hexdigest()


def _fresh_module() -> ModuleType | None:
    """The kept parser, None if there is none for this grammar and this TatSu."""
    spec = importlib.util.spec_from_file_location("serc.reading._parser", _GENERATED)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError, AttributeError, FileNotFoundError):  # none, of another TatSu, or cut off
        return None
    fresh = getattr(module, "FINGERPRINT", "") == _fingerprint(GRAMMAR.read_text(encoding="utf-8"))
    return module if fresh else None


def _generated_now() -> ModuleType:
    code = generated_source()
    try:
        write_generated(code)
    except OSError:
        pass  # an installation that cannot be written: slower starts, nothing worse
    module = ModuleType("serc.reading._parser")
    exec(compile(code, str(_GENERATED), "exec"), module.__dict__)
    return module


def generated_source() -> str:
    """The parser as Python source."""
    grammar = GRAMMAR.read_text(encoding="utf-8")
    code: str = tatsu.to_python_sourcecode(grammar, name="Ser", filename=GRAMMAR.name)
    return f'{code}\n\nFINGERPRINT = "{_fingerprint(grammar)}"\n'


def write_generated(code: str) -> None:
    """Puts `code` where the next start finds it, at once or not at all. Raises OSError."""
    descriptor, name = tempfile.mkstemp(dir=_GENERATED.parent, prefix="_parser", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(code)
        os.chmod(name, 0o644)
        os.replace(name, _GENERATED)
    except OSError:
        os.unlink(name)
        raise


if __name__ == "__main__":
    if sys.argv[1:] != ["--generate"]:
        sys.exit("usage: python -m serc.reading.parse --generate")
    write_generated(generated_source())
