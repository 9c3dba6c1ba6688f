"""hatch_native.py: what an object is made of, and so what need not be compiled again."""

from __future__ import annotations

from pathlib import Path

import pytest

import hatch_native
from hatch_native import MAIN_UNIT, declarations, mentioned

HEADER = """
typedef struct tuple_T2OO {
    PyObject *f0;
    PyObject *f1;
} tuple_T2OO;
typedef struct {
    PyObject_HEAD
    tuple_T2OO _pair;
} sip___message___MessageObject;
typedef struct {
    PyObject_HEAD
    PyObject *_name;
} tm___TmObject;
extern PyObject *CPyStatics[3766];
extern PyObject *CPyDef_tm___relay(PyObject *cpy_r_ctx, tuple_T2OO cpy_r_pair);
extern PyTypeObject *CPyType_tm___Tm;
extern PyObject *(*CPyEntry)(void);
"""


def names_of(text: str) -> list[str]:
    declared = declarations([HEADER])
    found = mentioned(text, declared)
    return sorted({name for name, texts in declared.items() if set(texts) & set(found)})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("int unrelated(PyObject *x);", []),
        ("x = ((sip___message___MessageObject *)a)->_pair;", ["sip___message___MessageObject", "tuple_T2OO"]),
        ("CPyDef_tm___relay(a, b);", ["CPyDef_tm___relay", "tuple_T2OO"]),
        ("CPyType_tm___Tm", ["CPyType_tm___Tm"]),
        ("CPyEntry()", ["CPyEntry"]),
        ("CPyStatics[1]", ["CPyStatics"]),
    ],
)
def test_a_file_depends_on_what_it_mentions_and_no_more(text: str, names: list[str]) -> None:
    assert names_of(text) == names


def unit(number: int) -> str:
    return f"{hatch_native.INCLUDES}f(CPyStatics[{number}], CPyStatics[7], CPyStatics[{number}]);\n"


def test_a_constant_more_in_one_module_leaves_the_c_of_the_others_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hatch_native, "UNITS", tmp_path / "units")
    main = tmp_path / MAIN_UNIT
    main.write_text("int CPyGlobalsInit(void)\n{\n    is_initialized = 1;\n    return 0;\n}\n")
    other = tmp_path / "other.c"
    texts = []
    for number in (30, 31):
        other.write_text(unit(number))
        written = {path.name: path.read_text() for path in hatch_native.c_files([main, other])}
        texts.append(written["other.c"])
        assert "PyObject *CPyRow_other[2];" in written[MAIN_UNIT]
        assert (
            f"    CPyRow_other[0] = CPyStatics[{number}];\n    CPyRow_other[1] = CPyStatics[7];" in written[MAIN_UNIT]
        )
        assert "    fill_rows();\n    is_initialized = 1;\n" in written[MAIN_UNIT]
    assert texts[0] == texts[1]
    assert "f(CPyRow_other[0], CPyRow_other[1], CPyRow_other[0]);" in texts[0]
