"""The native build is one."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import pytest
from test_packaging import PROJECT_DIR, hatch_build

from runtime.build import NATIVE


@pytest.mark.skipif(not NATIVE, reason="the pure build is under test")
def test_every_file_of_the_hot_path_is_native_code() -> None:
    for path in hatch_build().compiled_files(PROJECT_DIR):
        module = importlib.import_module(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        assert (module.__file__ or "").endswith(".so")


# At fifty levels Python's trashcan keeps objects for later, and writes in front of them.
DEEP = """
from runtime.sip.address import Address

for depth in range(40, 60):
    nest = [[Address(b"127.0.0.1", 5060 + n, b"127.0.0.1")] for n in range(40)]
    for _ in range(depth):
        nest = [nest]
    del nest
print("survived")
"""


def test_objects_that_hold_each_other_deeply_end_without_harm() -> None:
    # Python's own check of the memory in front of and behind each object.
    environment = {**os.environ, "PYTHONMALLOC": "debug"}
    done = subprocess.run([sys.executable, "-c", DEEP], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "survived\n", "")
