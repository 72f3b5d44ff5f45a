import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.schema import OutputSchema
from service.codecs.csv_answers import encode_csv

VALUES = OutputSchema(kind="values", dtype="float64")


def classes(*labels: Any, dtype: Any = "string") -> OutputSchema:
    return OutputSchema(kind="classes", dtype=dtype, classes=labels, probabilities=True)


def test_a_line_a_row() -> None:
    assert encode_csv(VALUES, [1.5, -0.1], None) == b"prediction\n1.5\n-0.1\n"


def test_without_a_header() -> None:
    assert encode_csv(VALUES, [1.5], None, header=False) == b"1.5\n"


def test_probabilities_are_columns() -> None:
    got = encode_csv(classes("a", "b c"), ["b c"], [[0.25, 0.75]])
    assert got == b"prediction,probability_a,probability_b c\nb c,0.25,0.75\n"


@pytest.mark.parametrize(
    ("labels", "dtype", "names"),
    [
        ((0, 1), "int64", "probability_0,probability_1"),
        ((False, True), "bool", "probability_false,probability_true"),
        ((0.5, 1.0), "float64", "probability_0.5,probability_1.0"),
    ],
)
def test_labels_that_are_no_text(labels: tuple[Any, ...], dtype: str, names: str) -> None:
    head, line = encode_csv(classes(*labels, dtype=dtype), [labels[1]], [[0, 1]]).splitlines()
    assert head.decode() == f"prediction,{names}"
    assert line.decode().startswith(names.rpartition("_")[2] + ",")


def test_several_outputs() -> None:
    output = OutputSchema(kind="values", dtype="float64", width=2)
    got = encode_csv(output, [[1.0, 2.0], [3.0, 4.0]], None)
    assert got == b"prediction_0,prediction_1\n1.0,2.0\n3.0,4.0\n"


def test_texts_that_need_quotes_are_quoted() -> None:
    labels = ['a,"b"', "c\nd"]
    got = encode_csv(classes(*labels), labels, None).decode()
    assert list(csv.reader(io.StringIO(got, newline=""))) == [
        ["prediction"],
        *([x] for x in labels),
    ]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_floats_read_back_as_the_same(values: list[float]) -> None:
    lines = encode_csv(VALUES, values, None).decode().splitlines()[1:]
    assert [float(line).hex() for line in lines] == [value.hex() for value in values]
