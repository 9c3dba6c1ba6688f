"""hatch_native.py: what an object is made of, and so what need not be compiled again."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_floors import MODULES, imports_of
from test_packaging import PROJECT_DIR, hatch_build

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


def dealloc(of_class: str, untracks: str, keeps: str) -> str:
    return (
        f"static void\n{of_class}_dealloc({of_class}Object *self)\n{{\n{untracks}{keeps}"
        f"    CPy_TRASHCAN_BEGIN(self, {of_class}_dealloc)\n"
        f"    CPyDef_{of_class}_clear((PyObject *)self);\n    Py_TYPE(self)->tp_free((PyObject *)self);\n"
        "    CPy_TRASHCAN_END(self)\n    done: ;\n}\n"
    )


def test_what_the_collector_does_not_know_is_never_put_into_the_trashcan() -> None:
    known = dealloc("Table", "    PyObject_GC_UnTrack(self);\n", "")
    unknown = dealloc("Address", "", "")
    made = hatch_native.DEALLOC.sub(lambda found: hatch_native.put_right(found[0]), known + unknown)
    assert made == known + "".join(line for line in unknown.splitlines(True) if "TRASHCAN" not in line)


def test_an_object_is_kept_for_the_next_one_when_it_is_empty() -> None:
    keeps = (
        "    if (Uri_free_instance == NULL) {\n        Uri_free_instance = self;\n        Py_CLEAR(self->_user);\n"
        "        return;\n    }\n"
    )
    made = hatch_native.put_right(dealloc("Uri", "", keeps))
    assert made.index("Py_CLEAR(self->_user);") < made.index("Uri_free_instance = self;") < made.index("Uri_clear")
    assert made.count("Uri_free_instance == NULL") == 2 and made.count("return;") == 1
    assert made.count("{") == made.count("}")


# What compiled modules import and is interpreted all the same: declarations and starts, which run once, exceptions, and libraries of
# others. A call into anything else would cost more than what it does, and nobody would see it.
INTERPRETED = (
    *("runtime.spec", "runtime.version", "runtime.server.host.errors", "runtime.server.host.process_table"),
    *("runtime.server.mail.board", "runtime.server.start"),
    *(f"runtime.storage.{name}" for name in ("dbtext", "drivers", "url", "writer")),
)


def test_what_compiled_code_calls_is_compiled() -> None:
    files = hatch_build().compiled_files(PROJECT_DIR)
    compiled = {file.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for file in files}
    found = set()
    for name in compiled:
        path = MODULES[name]
        for imported in imports_of(name, path.read_text(), path.name == "__init__.py"):
            target = imported.target if imported.target in MODULES else imported.target.rpartition(".")[0]
            if target.startswith("runtime.") and target in MODULES and target not in compiled:
                found.add(f"{target}, by {name}")
    assert sorted(one for one in found if not one.startswith(INTERPRETED)) == []
