"""Cases one after another use one store of locations, and none sees what was there before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.modules.usrloc.store import Store
from serc.testing import proxy
from serc.testing.parallel import run_all
from serc.testing.running import Configs, Outcome, load

CFG = """\
loadmodule "sl.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
route {
  if (method == "REGISTER") { save("location"); break; }
  if (!lookup("location")) { sl_send_reply("404", "Not Found"); break; }
  sl_send_reply("302", "Moved");
}
"""
OTHER = CFG.replace('"location"', '"aliases"')
TESTS = """\
user alice at 127.0.0.1:5071
user bob at 127.0.0.1:5072

test "nobody is there"
  when INVITE from alice to bob
  then 404

test "bob registers, and is there"
  when REGISTER from bob
  then 200
  when INVITE from alice to bob
  then 302

test "nobody is there any more"
  when INVITE from alice to bob
  then 404
"""


def outcomes(folder: Path, processes: int) -> list[Outcome]:
    configs = Configs()
    tests = []
    for name, text in (("one", CFG), ("other", OTHER), ("small", CFG.replace("route {", _SMALL, 1))):
        (folder / f"{name}.cfg").write_text(text)
        (folder / f"{name}.sertest").write_text(TESTS)
        tests.append(load(folder / f"{name}.sertest", configs))
    jobs = [(each, case) for each in tests for case in each.file.cases]
    assert len(jobs) == 9
    return list(run_all(jobs * 2, configs, processes))


_SMALL = 'modparam("usrloc", "max_memory", 64)\nroute {'


@pytest.mark.parametrize("processes", [1, 2])
def test_no_case_sees_the_contacts_of_another(tmp_path: Path, processes: int) -> None:
    found = outcomes(tmp_path, processes)
    assert [each.failure.message for each in found if each.failure is not None] == []


def test_one_store_is_made_for_many_cases_and_none_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders: list[str] = []
    remove = proxy._remove

    def removed(store: Store) -> None:
        folders.append(store.folder)
        remove(store)

    monkeypatch.setattr(proxy, "_remove", removed)
    outcomes(tmp_path, 1)
    # One for each of the two limits, and again where the one in hand did not fit.
    assert 2 <= len(folders) <= 4
    assert not any(os.path.exists(folder) for folder in folders)
    assert proxy._spares == []
