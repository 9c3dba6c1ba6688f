"""A ser.cfg that is compiled once and started many times."""

from __future__ import annotations

import os
from pathlib import Path
from types import CodeType, ModuleType
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
        self._code: CodeType | None = None
        self._probed: Probed | None = None
        self._probed_code: CodeType | None = None

    @classmethod
    def read(cls, path: Path) -> Config:
        """Raises OSError, BrokenConfig."""
        return cls(Source.read(path), os.path.dirname(os.path.abspath(path)))

    def program(self, probe: Probe | None = None) -> Program:
        """A program that has done nothing yet, and that tells `probe` what it does."""
        module = ModuleType("routes")
        if probe is not None:
            module.__dict__["probe"] = probe
        exec(self._plain_code() if probe is None else self._probed_program(), module.__dict__)
        program = module.__dict__["PROGRAM"]
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

    def _plain_code(self) -> CodeType:
        if self._code is None:
            self._code = _code(compile_tree(self.bound, self.source, is_read=False).text)
        return self._code

    def _probed_program(self) -> CodeType:
        if self._probed_code is None:
            self._probed_code = _code(self.probed.generated.text)
        return self._probed_code


def _code(text: str) -> CodeType:
    return compile(text.replace(IMPORT, SHARED), "routes.py", "exec")
