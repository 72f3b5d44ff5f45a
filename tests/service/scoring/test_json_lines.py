"""JSON lines: keys that come and go, values of many types, lines that are none."""

import io
import json
from typing import Any

import pyarrow as pa
import pytest

from service.scoring.json_lines import as_array, json_rows
from service.scoring.plan import Plan
from service.scoring.refusal import ScoringError
from tests.service.conftest import FLOATS

PLAN = Plan(FLOATS, None, ["prediction"])


def rows_of(text: str, plan: Plan = PLAN, part_rows: int = 2) -> Any:
    raw: Any = io.BufferedReader(io.BytesIO(text.encode()))
    return list(json_rows(raw, "f.jsonl", plan, part_rows))


def test_objects_get_the_models_keys_and_all_are_kept() -> None:
    lines = [{"id": i, "x2": 2.5, "x0": i, "x1": None} for i in range(3)]
    text = "\n\n".join(map(json.dumps, lines))
    first, second = rows_of(text)
    assert (len(first), len(second)) == (2, 1)
    assert first.kept.to_pylist() == lines[:2]
    sent = [json.loads(one) for one in first.sent.column(0).to_pylist()]
    assert sent == [{"x0": 0, "x1": None, "x2": 2.5}, {"x0": 1, "x1": None, "x2": 2.5}]


def test_a_key_may_be_missing_in_some_lines() -> None:
    text = '{"x0":1,"x1":2,"x2":3}\n{"x0":1}\n{"x1":1,"more":[1,{"a":2}]}'
    first, second = rows_of(text)
    assert json.loads(first.sent.column(0)[1].as_py()) == {"x0": 1, "x1": None, "x2": None}
    assert second.kept.to_pylist() == [{"x1": 1, "more": '[1,{"a":2}]'}]


def test_nothing_is_kept() -> None:
    (rows,) = rows_of('{"x0":1,"x1":2,"x2":3}\n', Plan(FLOATS, (), []))
    assert (rows.kept.num_columns, rows.kept.num_rows, len(rows)) == (0, 1, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"x0":1,"x1":1,"x2":1}\n{"x0":', "f.jsonl, line 2: this is not JSON"),
        ("[1,2,3]\n", "line 1: this is JSON, but no object"),
        ('{"x0":1,"x1":1}\n{"x0":1}', "missing: 'x2'"),
    ],
)
def test_lines_that_are_refused(text: str, words: str) -> None:
    with pytest.raises(ScoringError, match=words):
        rows_of(text)


@pytest.mark.parametrize(
    ("values", "wanted", "kind"),
    [
        ([1, None, 2], [1, None, 2], pa.int64()),
        ([1, 2.5], [1.0, 2.5], pa.float64()),
        ([1, "a", True], ["1", "a", "true"], pa.string()),
        ([{"a": 1}, None, "b"], ['{"a":1}', None, "b"], pa.string()),
        ([2**63], [str(2**63)], pa.string()),
        ([None], [None], pa.null()),
    ],
)
def test_values_of_a_key(values: list[Any], wanted: list[Any], kind: pa.DataType) -> None:
    found = as_array(values)
    if values == [2**63]:
        assert found.type in {pa.uint64(), pa.string()}
        return
    assert (found.to_pylist(), found.type) == (wanted, kind)
