"""Where the program comes from, and how it is brought to other processes."""

from __future__ import annotations

import marshal
from dataclasses import dataclass
from types import CodeType, ModuleType
from typing import Final

from runtime.routing.program import Program
from runtime.server.host.errors import StartError
from runtime.server.start.loader import MODULE
from runtime.server.start.namespaces import Namespaces
from runtime.server.start.probes import WithProbes


@dataclass(frozen=True)
class Compiled:
    """One version of the program. `routes` is the text of the module, `text` what an administrator has written (ser.cfg), `messages`
    what the compiler has to say of it."""

    routes: str
    text: str
    messages: str = ""


class Source:
    """The file that the program was read from."""

    name: str = ""

    def read(self) -> Compiled:
        """What it says now, compiled. Raises StartError, whose text is what is wrong, with the places."""
        raise NotImplementedError

    def text(self) -> str:
        """What it says now, as Compiled.text has it. Raises StartError."""
        raise NotImplementedError

    def test(self, text: str) -> None:
        """Run the tests of the program, of which `text` (Compiled.text) was read. Raises StartError, whose text is what has failed."""
        raise StartError(f"{self.name} has no tests: they stand beside ser.cfg")

    def with_probes(self, text: str) -> WithProbes:
        """The program of `text` (Compiled.text) once more, so that it tells what it does. Raises StartError where that is not known."""
        raise StartError("they are known to a server that was started with ser -f ser.cfg, not to ser-runtime")


class RoutesFile(Source):
    """A compiled routes.py."""

    def __init__(self, path: str) -> None:
        self.name: Final = path

    def read(self) -> Compiled:
        text = self.text()
        return Compiled(text, text)

    def text(self) -> str:
        try:
            with open(self.name, encoding="utf-8") as file:
                return file.read()
        except (OSError, UnicodeDecodeError) as e:
            raise StartError(f"cannot read {self.name}: {e}") from e


def packed(compiled: Compiled) -> bytes:
    """The code of the module, for `unpacked`. Raises StartError where it is no Python."""
    try:
        return marshal.dumps(compile(compiled.routes, "routes.py", "exec", dont_inherit=True))
    except SyntaxError as e:
        raise StartError(f"routes.py:{e.lineno}: {e.msg}") from e


def unpacked(code: bytes, namespaces: Namespaces | None = None) -> Program:
    """The program of such a module; raises StartError with the reason. `namespaces` empties it when nobody uses it any more; None:
    this process is not here for long."""
    module = ModuleType(MODULE)
    if namespaces is not None:
        namespaces.add(module.__dict__)
    try:
        loaded: object = marshal.loads(code)
        assert isinstance(loaded, CodeType)
        exec(loaded, module.__dict__)
    except Exception as e:
        raise StartError(f"cannot load the program: {type(e).__name__}: {e}") from e
    program = module.__dict__.get("PROGRAM")
    if not isinstance(program, Program):
        raise StartError("cannot load the program: it has no PROGRAM")
    return program
