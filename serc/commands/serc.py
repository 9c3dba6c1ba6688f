"""The command `serc`: compiles ser.cfg, and the sub-commands around it. Exit codes: 0 fine, 1 errors, 2 usage."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import sys
from typing import Final

from serc.commands.files import CannotRead, complain
from serc.diagnostics.suggest import did_you_mean

# Each is a module of this package with `main(argv)`; imported when asked for, since some are slow to import.
SUBCOMMANDS: Final = {
    "compile": "the default: `serc ser.cfg` is `serc compile ser.cfg`",
    "check": "only say what is wrong",
    "explain": "what a diagnostic means and what to do about it",
    "fmt": "lay ser.cfg out in one style",
    "graph": "draw the routes and what calls what",
    "test": "run the tests of a config",
    "rename": "give a route, a flag or an AVP another name, everywhere",
    "stats": "how large ser.cfg is, and what it uses",
    "migrate": "carry over a config of SER 0.8, SER 2.0, OpenSER or Kamailio",
    "doc": "what a function or parameter does",
    "lsp": "a language server, for editors",
    "trace": "show what ser.cfg does with a message",
    "completion": "print a completion script for bash, zsh or fish",
    "modules": "which modules there are, and what they have",
}


def main(argv: list[str] | None = None) -> int:
    """Console script serc; the exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    if argv is None:
        # Python looks for garbage once more before it ends: a second, where the tree of a long file is looked through in vain.
        atexit.register(gc.freeze)
    if not arguments:
        compile_ = importlib.import_module("serc.commands.compile")
        compile_.parser().print_help(sys.stderr)
        return 2
    name = "compile"
    if arguments and arguments[0] in SUBCOMMANDS:
        name, arguments = arguments[0], arguments[1:]
    elif arguments and arguments[0].isalpha() and not os.path.exists(arguments[0]):
        hint = did_you_mean(arguments[0], SUBCOMMANDS)
        complain(
            "serc", f"there is no sub-command {arguments[0]}, and no file of that name{f'; {hint}' if hint else ''}"
        )
        return 2
    module = importlib.import_module(f"serc.commands.{name}")
    try:
        status = module.main(arguments)
        sys.stdout.flush()
    except CannotRead as e:
        complain("serc", str(e))
        return 1
    except KeyboardInterrupt:
        return 130  # as a shell has it: 128 and the number of the signal
    except BrokenPipeError:
        # Who reads has gone, as with `serc … | head`: nothing to complain about, not at the interpreter's end either.
        sys.stdout = open("/dev/null", "w")
        return 1
    assert isinstance(status, int)
    return status


if __name__ == "__main__":
    sys.exit(main())
