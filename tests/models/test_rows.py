"""Values between numpy, pandas and JSON."""

import base64
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from models.errors import RefusedModel
from models.pictures import as_png
from models.rows import cell, label, series, to_instances, to_rows
from models.schema import Column, ImageSchema, TabularSchema


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int8(-3), -3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.bool_(True), True),
        (np.float64(0.1), 0.1),
        (np.float32(0.1), 0.10000000149011612),
        (np.str_("ä"), "ä"),
        (None, None),
        (math.nan, None),
        (pd.NA, None),
        (np.float32("nan"), None),
    ],
)
def test_a_value_becomes_the_json_value_of_its_kind(value: object, expected: object) -> None:
    found = cell(value, "here")
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("value", [math.inf, -math.inf, 1j, b"x", [1], np.datetime64("2026")])
def test_what_json_has_no_word_for_is_refused(value: object) -> None:
    with pytest.raises(RefusedModel, match=r"^here: "):
        cell(value, "here")


def test_a_label_is_never_missing() -> None:
    with pytest.raises(RefusedModel, match="None or NaN"):
        label(math.nan, "predict")


@pytest.mark.parametrize(
    ("frame_dtype", "missing", "marker"),
    [("float64", "nan", math.nan), ("object", "none", None), ("object", "nan", math.nan)],
)
def test_null_becomes_the_marker_that_training_knew(
    frame_dtype: str, missing: Any, marker: float | None
) -> None:
    column = Column(name="c", dtype="float64", frame_dtype=frame_dtype, missing=missing)
    values = series(column, [1.0, None])
    assert str(values.dtype) == frame_dtype
    assert values.iloc[1] is None if marker is None else math.isnan(values.iloc[1])


def test_texts_and_categories_are_rebuilt_with_their_dtype() -> None:
    text = series(Column(name="c", dtype="string", frame_dtype="str"), ["a", None])
    assert text.dtype == "str"
    assert text.isna().tolist() == [False, True]
    column = Column(
        name="c", dtype="string", frame_dtype="category", categories=("b", "a"), ordered=True
    )
    coded = series(column, ["a", None, "b"])
    assert list(coded.cat.codes) == [1, -1, 0]
    assert coded.cat.ordered


def test_arrays_of_numbers_are_float64_and_others_objects() -> None:
    number = Column(name="n", dtype="int64", frame_dtype="int64")
    text = Column(name="t", dtype="string", frame_dtype="str")
    numbers = to_rows(TabularSchema(container="array", columns=(number,)), [[1], [2]])
    assert isinstance(numbers, np.ndarray)
    assert numbers.dtype == np.float64
    assert numbers.tolist() == [[1.0], [2.0]]
    mixed = to_rows(TabularSchema(container="array", columns=(number, text)), [[1, "a"]])
    assert isinstance(mixed, np.ndarray)
    assert mixed.tolist() == [[1, "a"]]


def test_pictures_travel_as_base64() -> None:
    schema = ImageSchema(mode="L", width=8, height=8)
    picture = Image.new("L", (3, 5), 77)
    X = np.empty(2, dtype=object)
    X[:] = [picture, as_png(picture)]
    instances = to_instances(schema, X)
    assert instances == [{"b64": base64.b64encode(as_png(picture)).decode()}] * 2
    assert list(to_rows(schema, instances)) == [as_png(picture)] * 2


@pytest.mark.parametrize("instance", [{"b64": "no base64!"}, {"png": "AAAA"}])
def test_what_is_no_picture_is_refused(instance: dict[str, str]) -> None:
    with pytest.raises(RefusedModel, match="a picture must be"):
        to_rows(ImageSchema(mode="L", width=8, height=8), [instance])
