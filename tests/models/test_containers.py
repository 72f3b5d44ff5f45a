"""What a plan's rows become is what a worker makes of a request's."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.containers import Containers
from models.plans.rows import hard_rows
from models.rows import to_rows
from models.schema import Cell, TabularSchema
from models.tables import BOOL_NULL, as_taken
from service.codecs import cells as service_cells
from service.codecs.cells import CellPacker
from service.inference.inputs import InputBuilder, as_batch
from tests.service.conftest import FLOATS, MIXED

GOLDEN: dict[str, list[Cell]] = {
    "floats": [1.0, 2.0, 3.0],
    "mixed": [17, None, "GP", True, "é"],
}


def as_json(X: Any) -> list[list[Cell]]:
    frame = pd.DataFrame(X)
    return [
        [
            None if pd.isna(one) else one.item() if isinstance(one, np.generic) else one
            for one in row
        ]
        for row in frame.itertuples(index=False, name=None)
    ]


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other)
        return True
    return bool(one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True))


@pytest.mark.parametrize(("name", "schema"), [("floats", FLOATS), ("mixed", MIXED)])
def test_a_request_with_a_plans_rows_is_what_was_verified(name: str, schema: TabularSchema) -> None:
    hard = hard_rows(None, schema, (GOLDEN[name],), 2000)
    X = as_taken(hard.rows, "X")
    rows: Sequence[list[Cell]] = as_json(X)
    served = InputBuilder(schema).build(as_batch(CellPacker(schema).pack(rows)))
    assert equal(as_taken(served, "X"), X)
    assert equal(to_rows(schema, rows), X)
    for mine, theirs in zip(
        as_taken(hard.rows, "columns"), as_taken(served, "columns"), strict=True
    ):
        assert mine.dtype == theirs.dtype
        if mine.dtype == object:
            assert mine.tolist() == theirs.tolist()
        else:
            np.testing.assert_array_equal(mine, theirs)


def test_both_sides_mean_the_same_null() -> None:
    assert BOOL_NULL == service_cells.BOOL_NULL


def test_pandas_is_there_only_where_a_frame_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "models.frames", None)
    rows = Containers(FLOATS).rows(2, [np.arange(2.0)] * 3)
    assert as_taken(rows, "X").tolist() == [[0, 0, 0], [1, 1, 1]]
    with pytest.raises(ImportError):
        Containers(MIXED)
