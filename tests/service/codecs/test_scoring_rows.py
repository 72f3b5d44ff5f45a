"""What only MLflow's client writes: NaN without quotes."""

import json

import pytest

from service.codecs.scoring_rows import read_scoring_rows
from service.errors import Unreadable

NAN = float("nan")
NAMES = ("a", "b")


def test_nan_is_null() -> None:
    body = json.dumps({"dataframe_split": {"columns": ["b", "a"], "data": [[NAN, 1.5], [2, NAN]]}})
    assert read_scoring_rows(body.encode(), NAMES).rows == [[1.5, None], [None, 2]]


@pytest.mark.parametrize("text", ["NaN", 'a "NaN" b', "\\", '\\"NaN', "NaN\\\\", "größer NaN"])
def test_nan_in_a_text_stays(text: str) -> None:
    body = json.dumps({"instances": [{"a": text, "b": NAN}]}, ensure_ascii=False)
    assert read_scoring_rows(body.encode(), NAMES).rows == [[text, None]]


@pytest.mark.parametrize(
    "body",
    [
        '{"instances": [[NaN, Infinity]]}',
        '{"instances": [[NaNa, 1]]}',
        '{"instances": [[NaN, 1]}',
        '{"instances": [["NaN, 1]]}',
        "",
        '"' + '\\"' * 200_000,
        "NaN" * 200_000,
    ],
)
def test_what_is_no_json_with_null_for_nan_is_refused(body: str) -> None:
    with pytest.raises(Unreadable):
        read_scoring_rows(body.encode(), NAMES)
