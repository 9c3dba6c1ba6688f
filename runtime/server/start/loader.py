"""Imports a compiled routes.py from wherever it lies."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import traceback
from typing import Final

from runtime.routing.program import Program
from runtime.server.host.errors import StartError
from runtime.spec.environment import BadEnvironment
from runtime.version import FORMAT, VERSION

MODULE: Final = "routes"
_FORMAT: Final = re.compile(r"^    format=([0-9]{1,9}),$", re.MULTILINE)
_AGAIN: Final = (
    f"another version of serc has compiled it, and this is {VERSION}: compile it again (serc ser.cfg -o routes.py)"
)


def load_program(path: str) -> Program:
    """PROGRAM of the module in the file `path`; raises StartError with the reason and, where known, the line.

    Leaves no compiled copy beside the file, whose folder need not be ours.
    """
    if not os.path.isfile(path):
        raise StartError(
            f"cannot read {path}: " + ("it is not a file" if os.path.exists(path) else "No such file or directory")
        )
    spec = importlib.util.spec_from_file_location(MODULE, path)
    if spec is None or spec.loader is None:
        raise StartError(f"cannot read {path}: it is no Python module, its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    writes_none, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    except SyntaxError as e:
        raise StartError(f"{path}:{e.lineno}: {e.msg}; is it a module that serc has written?") from e
    except OSError as e:
        raise StartError(f"cannot read {path}: {e.strerror or e}") from e
    except BadEnvironment as e:
        raise StartError(str(e)) from e
    except Exception as e:
        again = _compiled_by_another(path)
        raise StartError(f"{path}:{_line_in(path, e)}: {again or f'{type(e).__name__}: {e}'}") from e
    finally:
        sys.dont_write_bytecode = writes_none
    program = getattr(module, "PROGRAM", None)
    if not isinstance(program, Program):
        what = "has no PROGRAM" if program is None else f"has a {type(program).__name__} as PROGRAM"
        raise StartError(f"{path} {what}; is it a module that serc has written?")
    if program.format != FORMAT:
        raise StartError(f"{path}: {_AGAIN}")
    return program


def _compiled_by_another(path: str) -> str:
    """What to do about a module that another version of serc has written, "" if this one has."""
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    found = _FORMAT.search(text)
    if not text.startswith('"""Routes of ') or (found is not None and int(found[1]) == FORMAT):
        return ""
    return _AGAIN


def _line_in(path: str, error: Exception) -> int:
    """The last line of the file itself on the way to the error."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return lines[-1] or 0 if lines else 0
