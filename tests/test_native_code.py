"""The native build is one."""

from __future__ import annotations

import importlib

import pytest
from test_packaging import PROJECT_DIR, hatch_build

from runtime.build import NATIVE


@pytest.mark.skipif(not NATIVE, reason="the pure build is under test")
def test_every_file_of_the_hot_path_is_native_code() -> None:
    for path in hatch_build().compiled_files(PROJECT_DIR):
        module = importlib.import_module(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        assert (module.__file__ or "").endswith(".so")
