"""Predictions are shown as the labels that the manifest has, and written as lists of them are."""

from typing import Any

import numpy as np
import orjson
import pytest

from models.schema import DType, Label, OutputSchema
from service.inference.predictor import Prediction
from service.inference.shown import Shown


def classes(*labels: Label) -> OutputSchema:
    return OutputSchema(kind="classes", dtype="string", classes=labels)


def written(shown: Any) -> bytes:
    return orjson.dumps(shown, option=orjson.OPT_SERIALIZE_NUMPY)


@pytest.mark.parametrize(
    "labels",
    [
        (7, -3, 0),
        (False, True),
        (0.1, 1e22, -0.0, 5e-324),
        ("setosa", 'a "quoted" one', "é"),
        (1, True, 1.5),
        (2**63, 1),
        ("only",),
    ],
)
@pytest.mark.parametrize("shape", [(6,), (3, 2)])
def test_labels(labels: tuple[Label, ...], shape: tuple[int, ...]) -> None:
    places = (np.arange(6, dtype=np.int32) % len(labels)).reshape(shape)
    expected = [labels[place] for place in places.ravel()]
    outcome = Prediction(places, None, None)
    listed = Shown(classes(*labels)).listed(outcome)
    flat = listed if len(shape) == 1 else [one for row in listed for one in row]
    assert list(map(repr, flat)) == list(map(repr, expected))
    assert written(Shown(classes(*labels)).for_json(outcome)) == written(listed)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (np.array([0.1 + 0.2, -0.0, 1e300]), "float64"),
        (np.array([3, -4, 2**62]), "int64"),
        (np.array([1, 0, 1]), "bool"),
        (np.asfortranarray([[0.5, 1.5], [2.5, 3.5]]), "float64"),
        (np.arange(12.0).reshape(3, 4)[:, ::2], "float64"),
    ],
)
def test_values(values: np.ndarray[Any, Any], dtype: DType) -> None:
    shown = Shown(OutputSchema(kind="values", dtype=dtype))
    outcome = Prediction(None, values, None)
    expected = (values.astype(bool) if dtype == "bool" else values).tolist()
    assert shown.listed(outcome) == expected
    assert written(shown.for_json(outcome)) == written(expected)
