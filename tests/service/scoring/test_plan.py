"""Which columns go where."""

import pytest

from service.scoring.plan import Plan
from service.scoring.refusal import ScoringError
from tests.service.conftest import FLOATS, MIXED

NAMES = [column.name for column in MIXED.columns]


def test_all_are_kept_and_the_models_are_sent_in_its_order() -> None:
    given = ["id", *reversed(NAMES), "more"]
    split = Plan(MIXED, None, ["prediction"]).split(given, "f")
    assert split.kept == given
    assert split.sent == split.called == NAMES


def test_only_some_are_kept() -> None:
    split = Plan(MIXED, ["id"], ["prediction"]).split([*NAMES, "id", "prediction"], "f")
    assert split.kept == ["id"]
    assert set(split.read()) == {"id", *NAMES}


def test_an_array_model_takes_columns_by_their_places() -> None:
    split = Plan(FLOATS, (), []).split(["a", "b", "c"], "f")
    assert (split.sent, split.called) == (["a", "b", "c"], ["x0", "x1", "x2"])
    assert Plan(FLOATS, (), []).split(["x2", "x1", "x0"], "f").sent == ["x0", "x1", "x2"]


@pytest.mark.parametrize(
    ("keep", "given", "words"),
    [
        (None, NAMES[1:], "f: the model's columns are missing: 'age'"),
        (["id"], NAMES, "--keep names columns that are not there: 'id'"),
        (None, [*NAMES, "age"], "'age' stands twice"),
        (None, [*NAMES, "prediction"], "the answers have a column 'prediction', too"),
    ],
)
def test_what_cannot_be_split(keep: list[str] | None, given: list[str], words: str) -> None:
    with pytest.raises(ScoringError, match=words):
        Plan(MIXED, keep, ["prediction"]).split(given, "f")


def test_an_array_model_needs_as_many_columns() -> None:
    with pytest.raises(ScoringError, match="missing: 'x0', 'x1', 'x2'"):
        Plan(FLOATS, None, []).split(["a", "b", "c", "d"], "f")
