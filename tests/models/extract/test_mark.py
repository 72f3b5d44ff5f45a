"""Incremental extraction: each committed run begins where the one before ended."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from models.errors import BadData
from models.extract import commit_mark, extract
from models.places import Places
from models.spec import Specification
from tests.models.extract.conftest import specify

CsvSpec = Callable[..., Specification]
MARKED = {"mark": {"column": "id"}}


def add(places: Places, *lines: str) -> None:
    path = places.data / "rows.csv"
    if not path.exists():
        path.write_text("id,word,y\n")
    with path.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def test_only_new_rows_after_a_commit(places: Places, csv_spec: CsvSpec) -> None:
    spec = csv_spec(**MARKED)
    add(places, "1,a,1", "3,c,3", "2,b,2")
    first = extract(spec, places)
    assert (first.frame["id"].tolist(), first.mark) == ([1, 3, 2], 3)
    assert extract(spec, places).counts == first.counts
    commit_mark(spec, places, first.mark, first.unmarked_rows)
    add(places, "5,e,5", "3,late,3", "4,d,4")
    second = extract(spec, places)
    assert second.frame["id"].tolist() == [5, 4]
    assert (second.counts.read, second.mark) == (2, 5)
    commit_mark(spec, places, second.mark, second.unmarked_rows)
    nothing = extract(spec, places)
    assert (len(nothing.frame), nothing.counts.read, nothing.mark) == (0, 0, 5)
    assert nothing.frame.dtypes.equals(first.frame.dtypes)
    assert sorted(path.name for path in places.work.iterdir()) == ["mark.json"]


def test_rejected_rows_are_not_rejected_again(places: Places, csv_spec: CsvSpec) -> None:
    spec = csv_spec(**MARKED, max_rejected_share=0.5)
    add(places, "1,a,1", "x,a,1", "2,,1", "3", "4,d,4", "5,d,4")
    first = extract(spec, places)
    assert (first.counts.rejected, first.unmarked_rows, first.mark) == (3, 2, 5)
    commit_mark(spec, places, first.mark, first.unmarked_rows)
    add(places, "6,f,6", "y,f,6")
    second = extract(spec, places)
    assert second.frame["id"].tolist() == [6]
    assert second.counts.reasons == {"id is not a whole number": 1}
    assert second.unmarked_rows == 3


def test_a_rejected_row_does_not_move_the_mark(places: Places, csv_spec: CsvSpec) -> None:
    add(places, "1,a,1", "999999,,1")
    assert extract(csv_spec(**MARKED), places).mark == 1


@pytest.mark.parametrize(
    ("contract", "values"),
    [
        ({"type": "date"}, ["2024-01-01", "2024-01-03", "2024-01-02", "2024-01-03T09:00"]),
        ({"type": "text"}, ["a", "ba", "az", "bb"]),
        ({"type": "number"}, [0.1, 2.5, -3.0, 2.75]),
    ],
)
def test_marks_of_every_type(places: Places, contract: dict[str, Any], values: list[Any]) -> None:
    source = {"kind": "csv", "path": "t.csv", "mark": {"column": "at"}}
    spec = specify(source, {"at": contract, "y": {"type": "number"}})
    lines = [f"{value},1" for value in values]
    (places.data / "t.csv").write_text("\n".join(["at,y", *lines[:2]]))
    first = extract(spec, places)
    assert first.mark == values[1]
    commit_mark(spec, places, first.mark)
    stored = json.loads((places.work / "mark.json").read_bytes())
    assert stored == {"column": "at", "value": values[1], "unmarked_rows": 0}
    (places.data / "t.csv").write_text("\n".join(["at,y", *lines]))
    assert extract(spec, places).frame["at"].tolist() == [values[3]]


def test_a_mark_of_something_else_is_refused(places: Places, csv_spec: CsvSpec) -> None:
    add(places, "1,a,1")
    places.work.mkdir()
    for content, words in (
        ('{"column": "other", "value": 1}', "of the column 'other'"),
        ('{"column": "id", "value": "text"}', "holds 'text'"),
        ("not json", "is not a mark; delete it"),
    ):
        (places.work / "mark.json").write_text(content)
        with pytest.raises(BadData, match=words):
            extract(csv_spec(**MARKED), places)


def test_without_a_mark_nothing_is_written(places: Places, csv_spec: CsvSpec) -> None:
    add(places, "1,a,1")
    done = extract(csv_spec(), places)
    assert done.mark is None
    commit_mark(csv_spec(), places, done.mark)
    commit_mark(csv_spec(**MARKED), places, None)
    assert not places.work.exists()
