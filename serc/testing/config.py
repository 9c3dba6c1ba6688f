"""A ser.cfg that is compiled once and started many times."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from types import CodeType
from typing import Final

from runtime.modules import catalogue
from runtime.routing.program import Program
from serc.compiler import Probed, compile_probed, compile_tree
from serc.diagnostics.report import Report
from serc.frontend import analyse
from serc.reading.source import Source
from serc.resolve.bound import BoundFile
from serc.testing.constants import IMPORT, SHARED
from serc.testing.recorder import Probe


class BrokenConfig(Exception):
    """ser.cfg has errors: `report` has them."""

    def __init__(self, source: Source, report: Report) -> None:
        super().__init__(f"{source.name} has errors")
        self.source: Final = source
        self.report: Final = report


class _Routes:
    """A module routes.py in two parts: what all programs of it have in common, and what each has anew."""

    def __init__(self, text: str) -> None:
        tree = ast.parse(text.replace(IMPORT, SHARED), "routes.py")
        common = [node for node in tree.body if _is_common(node)]
        own = [node for node in tree.body if not _is_common(node)]
        self.shared: Final[dict[str, object]] = {"__name__": "routes"}
        exec(compile(ast.Module(common, []), "routes.py", "exec"), self.shared)
        self.code: Final[CodeType] = compile(ast.Module(own, []), "routes.py", "exec")


def _is_common(node: ast.stmt) -> bool:
    """True for imports, the global parameters and the numbers of lines, which nobody changes."""
    if isinstance(node, ast.AnnAssign):
        return isinstance(node.target, ast.Name) and node.target.id in ("CONFIG", "LINES")
    return isinstance(node, ast.Import | ast.ImportFrom)


class Config:
    """A compiled ser.cfg. `folder` is where relative names of files in it are meant. Raises BrokenConfig.

    Each `program` is new: nothing is left of the one before.
    """

    def __init__(self, source: Source, folder: str = "") -> None:
        self.source: Final = source
        self.folder: Final = folder
        bound, report = analyse(source, catalogue)
        if bound is None:
            raise BrokenConfig(source, report)
        self.bound: Final[BoundFile] = bound
        self.report: Final = report
        self._code: _Routes | None = None
        self._probed: Probed | None = None
        self._probed_code: _Routes | None = None

    @classmethod
    def read(cls, path: Path) -> Config:
        """Raises OSError, BrokenConfig."""
        return cls(Source.read(path), os.path.dirname(os.path.abspath(path)))

    def program(self, probe: Probe | None = None) -> Program:
        """A program that has done nothing yet, and that tells `probe` what it does."""
        routes = self._plain_code() if probe is None else self._probed_program()
        names = dict(routes.shared)
        if probe is not None:
            names["probe"] = probe
        exec(routes.code, names)
        program = names["PROGRAM"]
        assert isinstance(program, Program)
        return program

    @property
    def probed(self) -> Probed:
        """The program that tells what it does."""
        if self._probed is None:
            self._probed = compile_probed(self.bound, self.source)
        return self._probed

    def prepare(self, is_probed: bool) -> None:
        """Compile it now."""
        if is_probed:
            self._probed_program()
        else:
            self._plain_code()

    def _plain_code(self) -> _Routes:
        if self._code is None:
            self._code = _Routes(compile_tree(self.bound, self.source, is_read=False).text)
        return self._code

    def _probed_program(self) -> _Routes:
        if self._probed_code is None:
            self._probed_code = _Routes(self.probed.generated.text)
        return self._probed_code
