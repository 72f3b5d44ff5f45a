"""Following a folder: each file once, whatever happens in between."""

import threading
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from models.errors import BadData, BadSpecification
from models.extract.journal import Journal, Seen
from models.extract.progress import Reading, silent
from models.extract.watch import Stopped, Watcher, watch
from models.places import Places
from models.spec import Specification
from tests.models.extract.conftest import specify

CsvSpec = Callable[..., Specification]


@pytest.fixture
def incoming(places: Places) -> Path:
    (places.data / "in").mkdir()
    return places.data / "in"


@pytest.fixture
def watcher(places: Places, csv_spec: CsvSpec, incoming: Path) -> Callable[..., Watcher]:
    def make(**source: object) -> Watcher:
        spec = csv_spec(path="in/*.csv", **{"max_rejected_share": 0.5, **source})
        return Watcher(spec, places, Path("in"))

    return make


def drop(folder: Path, name: str, *ids: object) -> Path:
    path = folder / name
    path.write_text("id,word,y\n" + "".join(f"{i},w,1\n" for i in ids))
    return path


def twice(watcher: Watcher) -> list[tuple[str, str]]:
    assert list(watcher.poll()) == []
    return [(seen.file, seen.outcome) for seen in watcher.poll()]


def ids(places: Places) -> list[int]:
    parts = sorted((places.work / "parts").iterdir())
    assert all(part.suffix == ".parquet" for part in parts)
    return [number for part in parts for number in pd.read_parquet(part)["id"].tolist()]


def test_files_are_read_once_in_the_order_of_names(
    places: Places, incoming: Path, watcher: Callable[..., Watcher]
) -> None:
    first = watcher()
    drop(incoming, "b.csv", 3, "x")
    drop(incoming, "a.csv", 1, 2)
    for name in (".c.csv", "d.csv.part", "e.csv.tmp", "_f.csv", "g.txt"):
        drop(incoming, name, 9)
    assert twice(first) == [("a.csv", "taken"), ("b.csv", "taken")]
    assert list(first.poll()) == []
    drop(incoming, "c.csv", 4)
    assert twice(first) == [("c.csv", "taken")]
    assert ids(places) == [1, 2, 3, 4]
    again = watcher()
    assert twice(again) == []
    journal = Journal(places.work / "watch.jsonl")
    assert [(seen.read, seen.taken) for seen in journal.entries] == [(2, 2), (2, 1), (1, 1)]
    assert len(list((places.work / "rejected").iterdir())) == 1


def test_a_file_counts_when_it_no_longer_grows(
    places: Places, incoming: Path, watcher: Callable[..., Watcher]
) -> None:
    follower = watcher()
    drop(incoming, "a.csv", 1)
    assert list(follower.poll()) == []
    drop(incoming, "a.csv", 1, 2)
    assert list(follower.poll()) == []
    assert [seen.taken for seen in follower.poll()] == [2]
    assert ids(places) == [1, 2]


def test_the_same_bytes_or_a_changed_file_are_not_read_again(
    places: Places, incoming: Path, watcher: Callable[..., Watcher]
) -> None:
    follower = watcher()
    path = drop(incoming, "a.csv", 1)
    assert twice(follower) == [("a.csv", "taken")]
    drop(incoming, "copy.csv", 1)
    assert twice(follower) == [("copy.csv", "repeated")]
    path.touch()
    assert twice(follower) == [("a.csv", "repeated")]
    for more in ((1, 2), (1, 2, 3)):
        drop(incoming, "a.csv", *more)
        assert twice(follower) == [("a.csv", "refused")]
        assert twice(follower) == []
    assert ids(places) == [1]


def test_a_refused_file_says_why_and_may_come_again(
    places: Places, incoming: Path, watcher: Callable[..., Watcher]
) -> None:
    follower = watcher()
    (incoming / "a.csv").write_text("id,wort,y\n1,w,1\n")
    drop(incoming, "b.csv", "x", "x", 1)
    drop(incoming, "c.csv", 7)
    outside = drop(places.data.parent, "outside.csv", 5)
    (incoming / "link.csv").symlink_to(outside)
    list(follower.poll())
    found = {seen.file: seen for seen in follower.poll()}
    assert "no column 'word'" in found["a.csv"].reason
    assert "2 of 3 rows" in found["b.csv"].reason
    assert "leads out of the data root" in found["link.csv"].reason
    assert found["c.csv"].outcome == "taken"
    drop(incoming, "a.csv", 8)
    assert twice(follower) == [("a.csv", "taken")]
    assert ids(places) == [7, 8]


def test_a_killed_watcher_goes_on_where_it_was(
    places: Places,
    incoming: Path,
    watcher: Callable[..., Watcher],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drop(incoming, "b.csv", 2)
    follower = watcher()

    def killed(_: Journal, __: Seen) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            twice(follower)
    assert ids(places) == [2]  # renamed, and not in the journal
    with (places.work / "parts" / ".draft").open("w") as file:
        file.write("half a part")
    drop(incoming, "a.csv", 1)
    assert [seen.file for seen in watch(watcher(), 0.01, 0.0)] == ["a.csv", "b.csv"]
    assert ids(places) == [1, 2]
    # A torn last line of the journal is a line that was never written.
    journal = places.work / "watch.jsonl"
    with journal.open("a") as file:
        file.write('{"file": "c.cs')
    drop(incoming, "c.csv", 3)
    assert [seen.file for seen in watch(watcher(), 0.01, 0.0)] == ["c.csv"]
    assert len(Journal(journal).entries) == 3


def test_stopping_in_the_middle_of_a_file_undoes_it(
    places: Places, incoming: Path, watcher: Callable[..., Watcher]
) -> None:
    follower = watcher()
    drop(incoming, "a.csv", *range(200_000))
    told: list[Reading] = []

    def stop(reading: Reading) -> None:
        told.append(reading)
        follower.stop.set()

    follower.progress = stop
    list(follower.poll())
    with pytest.raises(Stopped):
        list(follower.poll())
    assert len(told) == 1
    assert list((places.work / "parts").iterdir()) == []
    assert list(watch(follower, 60.0)) == []
    assert twice(watcher()) == [("a.csv", "taken")]
    assert ids(places) == list(range(200_000))


def test_a_file_that_changes_while_it_is_read_waits(
    places: Places, incoming: Path, watcher: Callable[..., Watcher]
) -> None:
    follower = watcher()
    drop(incoming, "a.csv", 1)

    def grow(_: Reading) -> None:
        drop(incoming, "a.csv", 1, 2)

    follower.progress = grow
    assert twice(follower) == []
    assert list((places.work / "parts").iterdir()) == []
    follower.progress = silent
    assert twice(follower) == [("a.csv", "taken")]
    assert ids(places) == [1, 2]


def test_one_watcher_at_a_time(incoming: Path, watcher: Callable[..., Watcher]) -> None:
    drop(incoming, "a.csv", 1)
    first = watch(watcher(), 0.01)
    assert next(first).file == "a.csv"
    with pytest.raises(BadData, match="another watcher is at work"):
        next(watch(watcher(), 0.01))
    first.close()
    assert list(watch(watcher(), 0.01, 0.0)) == []


def test_an_event_ends_a_long_pause(incoming: Path, watcher: Callable[..., Watcher]) -> None:
    follower = watcher()
    timer = threading.Timer(0.2, follower.stop.set)
    timer.start()
    assert list(watch(follower, 600.0)) == []
    timer.join()


def test_what_cannot_be_watched(places: Places, csv_spec: CsvSpec) -> None:
    sql = specify(
        {"kind": "sql", "url": "sqlite:///a.db", "query": "SELECT 1"},
        {"a": {"type": "integer"}, "y": {"type": "number"}},
    )
    with pytest.raises(BadSpecification, match="only csv, jsonl and parquet"):
        Watcher(sql, places, Path())
    with pytest.raises(BadData, match="has no folder none"):
        Watcher(csv_spec(), places, Path("none"))
    with pytest.raises(BadData, match="leads out of the data root"):
        Watcher(csv_spec(), places, places.data.parent)
    places.work.mkdir()
    (places.work / "watch.jsonl").write_text("{}\n")
    with pytest.raises(BadData, match="is not a journal; remove it and"):
        Watcher(csv_spec(), places, Path())
