"""The command `ser`: every flag of ser(8); compiles ser.cfg if it is new, then serves with it.

On a start with a known ser.cfg nothing of the compiler is imported.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from runtime.build import NATIVE
from runtime.routing.program import Program
from runtime.server.host.errors import StartError
from runtime.server.log.server_log import report
from runtime.server.main import run
from runtime.server.start.loader import load_program
from runtime.server.start.options import parse, usage_text, version_text
from runtime.server.start.probes import WithProbes
from runtime.server.start.source import Compiled, Source
from serc.commands import cache, python


def main(argv: list[str] | None = None) -> int:
    """Console script ser; the exit status: 0 for a clean end, 1 for a start that failed."""
    try:
        options = parse(sys.argv[1:] if argv is None else argv, "ser")
        if options.help or options.version:
            print(usage_text(options.prog) if options.help else version_text(NATIVE))
            return 0
        found = compiled(options.config_file)
    except StartError as e:
        report("ser", str(e))
        return 1
    if found is None:
        return 1
    program, first = found
    return run(program, options, ConfigFile(options.config_file), first)


class ConfigFile(Source):
    """A ser.cfg, which is called `name`; where it lies is known also when the working directory has changed."""

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self._path: Final = Path(name).absolute()

    def read(self) -> Compiled:
        config = self.text()
        text, messages = _compile(self.name, config.encode("latin-1"))
        if text is None:
            raise StartError(messages.rstrip("\n"))
        return Compiled(text, config, messages)

    def text(self) -> str:
        try:
            if self._path.exists() and not self._path.is_file():
                raise StartError(f"loading config file({self.name}): it is no file that can be read again")
            return self._path.read_bytes().decode("latin-1")
        except OSError as e:
            raise StartError(f"loading config file({self.name}): {e.strerror or e}") from e

    def test(self, text: str) -> None:
        from serc.commands.files import tests_of

        path = self._path
        tests = tests_of(path)
        if not tests:
            raise StartError(f"there are no tests beside {self.name}: {path.with_suffix('.sertest').name} is missing")
        # A process of its own: tests make databases and programs that this one must not inherit.
        done = subprocess.run(
            python.command("-m", "serc.commands.serc", "test", "-q", *map(str, tests)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=path.parent,
            env=python.environment(),
        )
        if done.returncode != 0:
            raise StartError(f"tests of {self.name} fail\n{done.stdout.rstrip()}")
        if path.read_bytes().decode("latin-1") != text:
            raise StartError(f"{self.name} has changed while its tests ran: reload again")

    def with_probes(self, text: str) -> WithProbes:
        from runtime.modules import catalogue
        from serc.compiler import compile_probed, compile_tree
        from serc.frontend import analyse
        from serc.reading.source import Source
        from serc.testing.recorder import places

        source = Source(self.name, text)
        bound, _ = analyse(source, catalogue)
        if bound is None:
            raise StartError(f"{self.name} of the program that runs is not known")
        probed = compile_probed(bound, source)
        plain = compile_tree(bound, source, is_read=False).text
        return WithProbes(plain, probed.generated.text, [p.packed() for p in places(probed.probes, source)])


def compiled(name: str) -> tuple[Program, Compiled] | None:
    """The program of the ser.cfg `name`, and what it was made of, from the cache if it is there; None when it has errors.

    What the compiler says is on standard error, whether it has run now or before. Raises StartError.
    """
    try:
        config = Path(name).read_bytes()
    except OSError as e:
        raise StartError(f"loading config file({name}): {e.strerror or e}: name the file with -f") from e
    directory = cache.cache_directory()
    key = cache.key_of(config, name)
    found = cache.lookup(directory, key) if directory is not None else None
    if found is not None:
        path, messages = found
        sys.stderr.write(messages)
        return load_program(str(path)), Compiled(path.read_text(encoding="utf-8"), config.decode("latin-1"))
    text, messages = _compile(name, config)
    sys.stderr.write(messages)
    if text is None:
        return None
    made = Compiled(text, config.decode("latin-1"))
    if directory is not None:
        try:
            stored = cache.store(directory, key, text, messages)
        except OSError:
            pass  # a full disk, a read-only home: not worth failing for
        else:
            return load_program(str(stored)), made
    return _load_from_private_folder(text), made


def _compile(name: str, config: bytes) -> tuple[str | None, str]:
    """The module's text, None where there are errors, and what there is to say."""
    from serc.compiler import compile_source
    from serc.diagnostics.render import render_errors, render_text
    from serc.reading.source import Source

    source = Source(name, config.decode("latin-1"))
    generated, said = compile_source(source)
    return (None, render_errors(source, said)) if generated is None else (generated.text, render_text(source, said))


def _load_from_private_folder(text: str) -> Program:
    folder = tempfile.mkdtemp(prefix="ser-")
    try:
        path = Path(folder, "routes.py")
        path.write_text(text, encoding="utf-8")
        return load_program(str(path))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
