"""Arrays by their buffers say what pyarrow's own conversions say."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from service.inference.arrow_arrays import numbers_of, of_bools, of_numbers, of_texts


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.int32])
def test_numbers(dtype: type) -> None:
    values: Any = np.array([3, 0, -7, 2], dtype)
    assert of_numbers(values).equals(pa.array(values))
    assert of_numbers(values, [True, False, True, True]).to_pylist() == [3, None, -7, 2]
    strided = np.stack([values, values + 1], axis=1)[:, 1]
    assert of_numbers(strided).equals(pa.array(np.ascontiguousarray(strided)))


def test_truths() -> None:
    truths = [True, False, True] * 5
    assert of_bools(truths).equals(pa.array(truths))
    assert of_bools([True, False], [False, True]).to_pylist() == [None, False]


@pytest.mark.parametrize(
    "texts", [[], [""], ["a", "é", "", "long " * 9], ["a", None, "b"], [None, None]]
)
def test_texts(texts: list[str | None]) -> None:
    assert of_texts(texts).equals(pa.array(texts, pa.string()))


@pytest.mark.parametrize("kind", [pa.float64(), pa.int64()])
@pytest.mark.parametrize("cells", [[], [5], [1, 2, 3], [None, 2, None, 4] * 5, [None]])
@pytest.mark.parametrize("start", [0, 1, 3])
def test_back_again(kind: Any, cells: list[int | None], start: int) -> None:
    array = pa.array(cells, kind).slice(min(start, len(cells)))
    assert numbers_of(array, -1).tolist() == array.fill_null(-1).to_pylist()


def test_back_again_with_nan_for_null() -> None:
    values = numbers_of(pa.array([1.5, None, 2.5]), np.nan)
    assert np.isnan(values).tolist() == [False, True, False]
