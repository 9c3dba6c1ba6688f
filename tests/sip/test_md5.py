"""The extension for MD5, beside Python's, on RFC 1321's own texts and on all lengths around its blocks."""

from __future__ import annotations

import hashlib
import random
import shutil
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from runtime.sip.md5 import md5_hex

PROJECT = Path(__file__).parents[2]

# RFC 1321 A.5.
SUITE = {
    b"": b"d41d8cd98f00b204e9800998ecf8427e",
    b"a": b"0cc175b9c0f1b6a831c399e269772661",
    b"message digest": b"f96b697d7cb7938d525a2f31aaf161d0",
    b"1234567890" * 8: b"57edf4a22be3c955ac49da2e2107b67a",
}


def loaded(name: str, path: Path) -> ModuleType:
    """A module from its file: the project's folder is not on the path where the installed build is tested."""
    spec = spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def extension(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """Built for the tests. Skips where no compiler is."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    native = loaded("hatch_native", PROJECT / "hatch_native.py")
    folder = tmp_path_factory.mktemp("md5")
    native.compile_extension(native.MD5, PROJECT / native.MD5_SOURCE, folder)
    (built,) = folder.glob("runtime/sip/*.so")
    return loaded(native.MD5, built)


def test_the_texts_of_the_rfc(extension: ModuleType) -> None:
    for text, digits in SUITE.items():
        assert extension.md5_hex(text) == md5_hex(text) == digits


def test_texts_of_all_lengths(extension: ModuleType) -> None:
    chance = random.Random(1)
    for size in (*range(300), 4095, 4096, 70_000):
        text = chance.randbytes(size)
        assert extension.md5_hex(text) == md5_hex(text) == hashlib.md5(text).hexdigest().encode()


@pytest.mark.parametrize("wrong", ["text", None, 5, bytearray(3)])
def test_what_is_no_bytes_is_refused(extension: ModuleType, wrong: object) -> None:
    with pytest.raises(TypeError):
        extension.md5_hex(wrong)
