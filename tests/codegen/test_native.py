"""serc --native: the routes as machine code."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from serc.commands import serc

CFG = (
    'listen=udp:127.0.0.1:5060\nloadmodule "sl.so"\nroute {\n  if (method=="OPTIONS") sl_send_reply("200", "OK");\n}\n'
)
LOAD = """\
import sys
from runtime.server.start.loader import load_program
program = load_program(sys.argv[1])
print(type(program.request).__name__, program.source, sorted(program.lines.values()))
"""


def test_the_compiled_routes_load_and_are_native(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("gcc") is None and shutil.which("cc") is None:
        pytest.skip("no C compiler")
    (tmp_path / "ser.cfg").write_text(CFG)
    assert serc.main([str(tmp_path / "ser.cfg"), "--native", "-o", str(tmp_path / "out")]) == 0, capsys.readouterr().err
    (library,) = (tmp_path / "out").glob("routes.*.so")
    done = subprocess.run([sys.executable, "-c", LOAD, str(library)], capture_output=True, text=True)
    assert done.stdout == "builtin_function_or_method ser.cfg [4, 4]\n", done.stderr
    assert (tmp_path / "out" / "routes.py").is_file()
