"""Native code: mypyc writes C, the C compiler makes objects on all cores, and only what changed is compiled again.

`python hatch_native.py FILE…` in the directory with the packages leaves the shared libraries beside the sources. It is a
process of its own because mypyc ends the one that it runs in when it finds an error.

mypyc numbers the constants of all modules in one row, so that a new text in one module would change the C of all others.
Here every C file gets a row of its own. What an object was made of is then the C file and what it mentions of the two
generated headers: that is the object's key, and with an equal key the object is taken as it is.

What mypyc writes for the end of an object is put right as well: see `put_right`.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

GROUP: Final = "runtime._native"
MMSG: Final = "runtime.server.host._mmsg"
MMSG_SOURCE: Final = Path("runtime/server/host/mmsg.c")
GENERATED: Final = Path("build/c")
UNITS: Final = Path("build/units")
OBJECTS: Final = Path("build/o")

HEADERS: Final = ("runtime/__native__native.h", "runtime/__native_internal__native.h")
INCLUDES: Final = '#include "__native__native.h"\n#include "__native_internal__native.h"\n'

# The C file with the constants of all modules, and the function in it that makes them.
MAIN_UNIT: Final = "__native__native.c"
MAKES_CONSTANTS: Final = "int CPyGlobalsInit(void)"
CONSTANTS_MADE: Final = "    is_initialized = 1;\n"
CONSTANT: Final = re.compile(r"\bCPyStatics\[(\d+)\]")

# The function of a class that ends its objects, and what stands in it.
DEALLOC: Final = re.compile(r"^static void\n(\w+_dealloc)\([^\n]*\)\n\{\n.*?^\}\n", re.MULTILINE | re.DOTALL)
UNTRACKS: Final = "PyObject_GC_UnTrack(self);"
TRASHCAN: Final = re.compile(r"^ *CPy_TRASHCAN_(?:BEGIN|END)\(.*\n", re.MULTILINE)
KEEPS: Final = re.compile(
    r"^( *)if \((\w+_free_instance) == NULL\) \{\n *\2 = self;\n(.*?)^ *return;\n *\}\n", re.MULTILINE | re.DOTALL
)

# -O3 makes nothing faster here, and compiling a third slower.
LEVEL: Final = os.environ.get("SER_OPT", "2")

# No function is called from outside but through a table that mypyc makes, so the compiler may inline whatever it likes.
# -w: mypyc's C is not for reading; a warning that only some compiler knows must not trouble who installs.
FLAGS: Final = ("-fwrapv", "-fPIC", "-fvisibility=hidden", "-fno-semantic-interposition", "-DNDEBUG", "-w")

# What the shim of a module needs of Python.h, all of it in the stable ABI: reading the whole takes longer than the rest.
SHIM_DECLARATIONS: Final = """
#include <stddef.h>
#include <string.h>
#define PyMODINIT_FUNC __attribute__((visibility("default"))) PyObject *
#define Py_DECREF Py_DecRef
typedef struct _object PyObject;
PyObject *Py_BuildValue(const char *, ...);
PyObject *PyImport_ImportModuleLevel(const char *, PyObject *, PyObject *, PyObject *, int);
PyObject *PyObject_GetAttrString(PyObject *, const char *);
void *PyCapsule_GetPointer(PyObject *, const char *);
const char *PyUnicode_AsUTF8AndSize(PyObject *, ptrdiff_t *);
PyObject *PyUnicode_FromStringAndSize(const char *, ptrdiff_t);
PyObject *PyUnicode_FromFormat(const char *, ...);
int PyObject_SetAttrString(PyObject *, const char *, PyObject *);
void PyErr_Clear(void);
void Py_DecRef(PyObject *);
"""

# mypyc takes it that the library lies above all packages and puts the __path__ of each package together from there. Ours lies
# in a package, so its __file__ is made to say what mypyc believes, before the first module is made.
SHIM_HAS_LIBRARY: Final = "    if (!tmp) return NULL;\n"
SHIM_MOVES_LIBRARY: Final = """
    {
        PyObject *file = PyObject_GetAttrString(tmp, "__file__");
        const char *text = file ? PyUnicode_AsUTF8AndSize(file, NULL) : NULL;
        const char *inside = text ? strstr(text, "/runtime/_native__mypyc") : NULL;
        if (inside) {
            PyObject *folder = PyUnicode_FromStringAndSize(text, inside - text);
            PyObject *above = folder ? PyUnicode_FromFormat("%U%s", folder, inside + 8) : NULL;
            int failed = !above || PyObject_SetAttrString(tmp, "__file__", above);
            if (folder) Py_DECREF(folder);
            if (above) Py_DECREF(above);
            if (failed) { Py_DECREF(file); Py_DECREF(tmp); return NULL; }
        }
        if (!text) PyErr_Clear();
        if (file) Py_DECREF(file);
    }
"""

# A declaration of a header: a struct with its members, or one line.
DECLARATION: Final = re.compile(
    r"^(?:typedef )?(?:struct|union)[^;{\n]*\{.*?^\}[^;]*;|^\w[^{;]*;", re.MULTILINE | re.DOTALL
)
WORD: Final = re.compile(r"[A-Za-z_]\w*")
FUNCTION_POINTER: Final = re.compile(r"\(\s*\*\s*(\w+)")

# With fewer files than MANY, digesting the headers first takes longer than reading them in each.
MANY: Final = 6
BYTES_A_SECOND: Final = 170_000
SAY_EVERY_S: Final = 10.0


def say(text: str) -> None:
    """A line for the person who waits, into the file SER_PROGRESS, or to the terminal.

    pip shows nothing that a successful build prints; these are the only ways around it.
    """
    try:
        with open(os.environ.get("SER_PROGRESS") or "/dev/tty", "a") as progress:
            progress.write(f"sip-express-router: {text}\n")
    except OSError:
        # Nobody waits at a terminal.
        return


def workers() -> int:
    """How many compilers run at a time."""
    return len(os.sched_getaffinity(0))


def compile_all(files: list[str]) -> None:
    """Compile `files` and the system call extension, in place. Exits with what mypyc or the compiler says if they fail."""
    # The small one first: a compiler that does not work is found out at once.
    compile_mmsg()
    say(f"native code: mypyc reads {len(files)} modules, about 15 s")
    library, *shims = _translate(files)
    compiler = Compiler(library.include_dirs)
    objects = compiler.objects(c_files([Path(source) for source in library.sources]))
    compiler.link(objects, _library_path(library.name))
    _in_parallel([functools.partial(compiler.shim, Path(shim.sources[0]), _library_path(shim.name)) for shim in shims])


def _translate(files: list[str]) -> list[Any]:
    """The extensions of mypyc: the library with all code, and a small one for each module that hands it out."""
    from mypyc.build import mypycify

    extensions: list[Any] = mypycify(
        files, opt_level=LEVEL, multi_file=True, group_name=GROUP, target_dir=str(GENERATED)
    )
    return extensions


def compile_mmsg(source: Path = MMSG_SOURCE, into: Path = Path(".")) -> None:
    """The extension with system calls, into the folder `into`, where packages are. Exits with what the compiler says if it fails."""
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    command = build_ext(Distribution({"ext_modules": [Extension(MMSG, [str(source)])]}))
    command.build_lib = str(into)
    command.build_temp = str(into / OBJECTS)
    command.ensure_finalized()
    command.run()


def _library_path(module: str) -> Path:
    return Path(module.replace(".", "/") + sysconfig.get_config_var("EXT_SUFFIX"))


def c_files(sources: list[Path]) -> list[Path]:
    """The C files to compile: those of mypyc anew, with a row of constants each, and those of its library as they are."""
    rows: list[str] = []
    fills: list[str] = []
    units: list[Path] = []
    UNITS.mkdir(parents=True, exist_ok=True)
    for source in sources:
        written = source.read_text()
        text = DEALLOC.sub(lambda found: put_right(found[0]), written)
        numbers = list(dict.fromkeys(CONSTANT.findall(text)))
        unit = source
        if source.name != MAIN_UNIT and (numbers or text != written):
            unit = UNITS / source.name
            if numbers:
                row = f"CPyRow_{source.stem}"
                place = {number: index for index, number in enumerate(numbers)}
                text = CONSTANT.sub(lambda found: f"{row}[{place[found[1]]}]", text)
                text = text.replace(INCLUDES, f"{INCLUDES}extern PyObject *{row}[];\n", 1)
                rows.append(f"PyObject *{row}[{len(numbers)}];")
                fills += [f"    {row}[{index}] = CPyStatics[{number}];" for index, number in enumerate(numbers)]
            _write(unit, text)
        units.append(unit)
    main = next(source for source in sources if source.name == MAIN_UNIT)
    units[units.index(main)] = UNITS / MAIN_UNIT
    _write(UNITS / MAIN_UNIT, _filling(main.read_text(), rows, fills))
    return units


def put_right(dealloc: str) -> str:
    """A function that ends objects, without two faults that mypyc 2.4 writes into it.

    * An object that the collector does not know (acyclic=True) has no place for what Python's trashcan (up to 3.13) writes
      in front of each object that it keeps for later, when more than fifty hold each other: it would write over what lies
      there. Such objects are ended at once.
    * What is kept for the next object of its class must be empty first: what ends with it may make such an object.
    """
    if UNTRACKS not in dealloc:
        dealloc = TRASHCAN.sub("", dealloc)
    return KEEPS.sub(
        lambda found: (
            f"{found[1]}if ({found[2]} == NULL) {{\n{found[3]}"
            f"{found[1]}    if ({found[2]} == NULL) {{\n"
            f"{found[1]}        {found[2]} = self;\n{found[1]}        return;\n{found[1]}    }}\n{found[1]}}}\n"
        ),
        dealloc,
    )


def _filling(main: str, rows: list[str], fills: list[str]) -> str:
    """The C file that makes all constants, and now fills the rows with them as well."""
    start, end = main.index(MAKES_CONSTANTS), main.index(CONSTANTS_MADE)
    fill = ["static void fill_rows(void)", "{", *fills, "}", "", ""]
    return "\n".join([main[:start], *rows, *fill]) + main[start:end] + "    fill_rows();\n" + main[end:]


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


class Compiler:
    """The C compiler of this Python, with what its objects depend on."""

    def __init__(self, include: list[str]) -> None:
        words = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
        self._cc: Final = shlex.split(words)
        folders = [
            # mypyc gives them in an order that changes from run to run.
            *sorted(include),
            str(GENERATED / "runtime"),
            sysconfig.get_path("include"),
            sysconfig.get_path("platinclude"),
        ]
        own = shlex.split(os.environ.get("CFLAGS", ""))
        self._flags: Final = [*FLAGS, f"-O{LEVEL}", *own, *(f"-I{folder}" for folder in dict.fromkeys(folders))]
        told = subprocess.run([*self._cc, "--version"], check=True, capture_output=True, text=True).stdout
        self._always: Final = (told, sys.version, version("mypy"), version("librt"), *self._cc, *self._flags)
        self._declared: Final = declarations((GENERATED / name).read_text() for name in HEADERS)

    def objects(self, units: list[Path]) -> list[Path]:
        """The objects of `units`; those whose key has changed are compiled."""
        OBJECTS.mkdir(parents=True, exist_ok=True)
        made = [OBJECTS / f"{unit.stem}.o" for unit in units]
        keys = [self._key(unit) for unit in units]
        old = [
            (unit, path, key) for unit, path, key in zip(units, made, keys) if _key_of(path) != key or not path.exists()
        ]
        if old:
            # The large ones first, so that both cores end together.
            old.sort(key=lambda job: -job[0].stat().st_size)
            size = sum(unit.stat().st_size for unit, _, _ in old)
            seconds = 2 + size / BYTES_A_SECOND / workers()
            say(
                f"native code: {len(old)} of {len(units)} C files to compile, {workers()} at a time, about {seconds:.0f} s"
            )
            with tempfile.TemporaryDirectory(prefix="ser-headers-") as folder:
                headers = self._precompiled(Path(folder)) if len(old) >= MANY else []
                _in_parallel([functools.partial(self._compile, job, headers) for job in old], "C files")
        return made

    def link(self, objects: list[Path], library: Path) -> None:
        """Make the shared library of all objects."""
        _run([*self._cc, "-shared", *map(str, objects), "-o", str(library)])

    def shim(self, source: Path, library: Path) -> None:
        """Make the shared library through which Python imports one module."""
        text = source.read_text().replace("#include <Python.h>", SHIM_DECLARATIONS, 1)
        assert text.count(SHIM_HAS_LIBRARY) == 1
        text = text.replace(SHIM_HAS_LIBRARY, SHIM_HAS_LIBRARY + SHIM_MOVES_LIBRARY)
        key = _digest(*self._always, text)
        kept = OBJECTS / "shims" / library
        if _key_of(kept) != key:
            kept.parent.mkdir(parents=True, exist_ok=True)
            _run([*self._cc, "-shared", "-fPIC", "-w", "-x", "c", "-", "-o", str(kept)], text)
            _keep_key(kept, key)
        shutil.copy2(kept, library)

    def _key(self, unit: Path) -> str:
        text = unit.read_text()
        return _digest(*self._always, text, *mentioned(text, self._declared))

    def _precompiled(self, folder: Path) -> list[str]:
        """Words for the compiler by which it reads the headers, one megabyte with Python's, in their digested form."""
        both = folder / "all.h"
        both.write_text(INCLUDES)
        _run([*self._cc, *self._flags, "-x", "c-header", str(both), "-o", f"{both}.gch"])
        return ["-include", str(both)]

    def _compile(self, job: tuple[Path, Path, str], headers: list[str]) -> None:
        unit, made, key = job
        # Those of mypyc's library have an order of includes of their own.
        headers = headers if unit.name.startswith("__native") else []
        _run([*self._cc, *self._flags, *headers, "-c", str(unit), "-o", str(made)])
        _keep_key(made, key)


def declarations(headers: Iterable[str]) -> dict[str, list[str]]:
    """What the headers declare: name, and the text of each declaration of it."""
    declared: dict[str, list[str]] = {}
    for header in headers:
        for found in DECLARATION.finditer(header):
            for name in _declared_by(found[0]):
                declared.setdefault(name, []).append(found[0])
    return declared


def _declared_by(text: str) -> list[str]:
    """The names that one declaration gives: a struct's tag and its typedef, a variable or a function."""
    if "{" in text:
        words = WORD.findall(text.partition("{")[0]) + WORD.findall(text.rpartition("}")[2])
        return [word for word in words if word not in ("typedef", "struct", "union")]
    pointer = FUNCTION_POINTER.search(text)
    return [pointer[1]] if pointer else WORD.findall(re.split(r"[(\[=;]", text, maxsplit=1)[0])[-1:]


def mentioned(text: str, declared: dict[str, list[str]]) -> list[str]:
    """The declarations that `text` mentions, and those that these mention, sorted."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [text]
    while waiting:
        words = {word for word in WORD.findall(waiting.pop()) if word in declared} - seen
        seen |= words
        for declaration in {one for word in words for one in declared[word]} - found:
            found.add(declaration)
            waiting.append(declaration)
    return sorted(found)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _key_of(made: Path) -> str:
    key = made.with_name(made.name + ".key")
    return key.read_text() if key.exists() else ""


def _keep_key(made: Path, key: str) -> None:
    made.with_name(made.name + ".key").write_text(key)


def _run(command: list[str], text: str | None = None) -> None:
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)} failed:\n{done.stdout}")


def _in_parallel(jobs: list[Callable[[], None]], what: str = "") -> None:
    """Do all jobs, as many at a time as there are cores; with `what`, say now and then how many are done."""
    with ThreadPoolExecutor(workers()) as pool:
        running = [pool.submit(job) for job in jobs]
        told = time.monotonic()
        try:
            for number, done in enumerate(as_completed(running), 1):
                done.result()
                if what and time.monotonic() > told + SAY_EVERY_S:
                    told = time.monotonic()
                    say(f"native code: {number} of {len(jobs)} {what}")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


if __name__ == "__main__":
    compile_all(sys.argv[1:])
