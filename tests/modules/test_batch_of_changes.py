"""What usrloc's batch does with changes, whatever they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine import Lines

from runtime.modules.usrloc.batch import Batch, Follower, Staged
from runtime.modules.usrloc.store import Store
from runtime.routing.bugs import Bugs
from runtime.routing.deferred import Deferrals


class Append(Staged):
    """Appends a letter to a record. `told` is what it has heard; it breaks when it is decided for the `breaks_at`th time."""

    def __init__(self, key: bytes, letter: bytes, breaks_at: int = 0) -> None:
        super().__init__(0, key)
        self._letter = letter
        self._breaks_at = breaks_at
        self._times = 0
        self.told: list[str] = []

    def decide(self, record: bytes) -> None:
        self._times += 1
        if self._times == self._breaks_at:
            raise ZeroDivisionError("a bug")
        self.before = record
        self.after = record + self._letter

    def fail(self, why: str) -> None:
        self.told.append(why)

    def tell(self) -> None:
        self.told.append("different")


class Waits(Follower):
    def __init__(self, heard: list[str]) -> None:
        self._heard = heard

    def follow(self) -> None:
        self._heard.append("written")


class Place:
    """A store with one table and a batch of it."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(str(folder), 64 << 20)
        self.store.add_table(b"t")
        self.deferrals = Deferrals()
        self.bugs = Bugs("ser.cfg", Lines())
        self.batch = Batch(self.store, self.deferrals, self.bugs)

    def write(self, key: bytes, record: bytes) -> None:
        """As somebody else does."""
        self.store.begin()
        self.store.write(0, key, record)
        self.store.commit()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.store.close()


def test_what_is_staged_is_read_before_it_is_written(place: Place) -> None:
    place.batch.stage(Append(b"k", b"a"), 0)
    place.batch.stage(Append(b"k", b"b"), 0)
    assert place.batch.read(0, b"k") == b"ab" and place.store.get(0, b"k") == b"" and place.deferrals.count == 1
    place.deferrals.finish(0)
    assert place.store.get(0, b"k") == b"ab" and place.deferrals.count == 0


def test_a_record_that_others_have_changed_is_decided_by_anew(place: Place) -> None:
    first, second, third = Append(b"k", b"a"), Append(b"other", b"b"), Append(b"k", b"c")
    for one in (first, second, third):
        place.batch.stage(one, 0)
    place.write(b"k", b"x")
    place.deferrals.finish(0)
    assert place.store.get(0, b"k") == b"xac" and place.store.get(0, b"other") == b"b"
    assert (first.told, second.told, third.told) == (["different"], [], ["different"])


def test_a_change_elsewhere_decides_nothing_anew(place: Place) -> None:
    one = Append(b"k", b"a")
    place.batch.stage(one, 0)
    place.write(b"other", b"x")
    place.deferrals.finish(0)
    assert place.store.get(0, b"k") == b"a" and one.told == []


def test_a_bug_in_one_costs_the_others_nothing(place: Place) -> None:
    bad, good = Append(b"bad", b"a", breaks_at=2), Append(b"good", b"b")
    place.batch.stage(bad, 0)
    place.batch.stage(good, 0)
    place.write(b"bad", b"x")
    place.deferrals.finish(0)
    assert place.store.get(0, b"good") == b"b" and place.store.get(0, b"bad") == b"x"
    assert bad.told == ["a bug, which is in the log", "different"] and good.told == [] and place.bugs.count == 1


def test_a_record_that_is_too_large_for_the_store_fails_alone(tmp_path: Path) -> None:
    place = Place(tmp_path)
    good, bad = Append(b"good", b"a"), Append(b"k" * 600, b"b")
    later = Append(b"later", b"c")
    for one in (good, bad, later):
        place.batch.stage(one, 0)
    place.deferrals.finish(0)
    # No key is as long as that.
    assert "MDB_BAD_VALSIZE" in bad.told[0] and bad.told[1:] == ["different"]
    assert (
        place.store.get(0, b"good") == b"a" and place.store.get(0, b"later") == b"c" and good.told == later.told == []
    )
    place.store.close()


def test_who_waits_hears_when_it_is_written_and_once(place: Place) -> None:
    heard: list[str] = []
    place.batch.stage(Append(b"k", b"a"), 0)
    place.batch.wait(Waits(heard))
    assert heard == []
    place.deferrals.finish(0)
    assert heard == ["written"] and place.store.get(0, b"k") == b"a"
    place.batch.wait(Waits(heard))
    place.deferrals.finish(0)
    assert heard == ["written", "written"]


def test_what_is_forgotten_is_not_written_and_nobody_hears_of_it(place: Place) -> None:
    heard: list[str] = []
    place.batch.stage(Append(b"k", b"a"), 0)
    place.batch.wait(Waits(heard))
    place.deferrals.forget()
    assert place.batch.read(0, b"k") == b""
    place.deferrals.finish(0)
    assert heard == [] and place.store.get(0, b"k") == b""


def test_a_batch_looks_at_one_state_of_the_table_until_it_ends(place: Place) -> None:
    assert place.batch.read(0, b"k") == b""
    place.write(b"k", b"x")
    assert place.batch.read(0, b"k") == b"" and place.store.get(0, b"k") == b"x"
    place.deferrals.finish(0)
    assert place.batch.read(0, b"k") == b"x"
    place.deferrals.finish(0)


def test_what_is_alone_in_its_batch_is_written_at_once(place: Place) -> None:
    place.deferrals.is_alone = True
    place.write(b"k", b"a")
    one = Append(b"k", b"b")
    place.batch.stage(one, 0)
    assert place.store.get(0, b"k") == b"ab" and one.before == b"a" and place.deferrals.count == 0
    # What has looked before, or waits, keeps its place.
    assert place.batch.read(0, b"k") == b"ab"
    place.batch.stage(Append(b"k", b"c"), 0)
    assert place.store.get(0, b"k") == b"ab" and place.batch.read(0, b"k") == b"abc"
    place.deferrals.finish(0)
    assert place.store.get(0, b"k") == b"abc"


def test_what_is_alone_and_breaks_leaves_everything_as_it_was(place: Place) -> None:
    place.deferrals.is_alone = True
    place.write(b"k", b"a")
    with pytest.raises(ZeroDivisionError):
        place.batch.stage(Append(b"k", b"b", breaks_at=1), 0)
    place.write(b"k", b"c")
    place.batch.stage(Append(b"k", b"d"), 0)
    assert place.store.get(0, b"k") == b"cd"
