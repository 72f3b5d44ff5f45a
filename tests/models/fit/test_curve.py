"""The learning curve."""

import numpy as np
import pandas as pd
import pytest

from models.errors import BadData
from models.fit.choose import choose
from models.fit.curve import doubling_sizes, draw_rows
from models.fit.progress import CurveStep, Event
from models.fit.split import divide
from models.fit.table import Table
from models.places import Places
from models.spec.fitting import Curve
from tests.models.fit.conftest import spec_of, students, table_of, with_fit


@pytest.mark.parametrize(
    ("rows", "count", "sizes"),
    [
        (1600, 3, [400, 800, 1600]),
        (1001, 3, [250, 500, 1001]),
        (100, 6, [12, 25, 50, 100]),
        (20, 6, [10, 20]),
    ],
)
def test_sizes_double_up_to_all_rows(rows: int, count: int, sizes: list[int]) -> None:
    assert doubling_sizes(rows, count) == sizes


def test_too_few_rows_for_a_curve() -> None:
    with pytest.raises(BadData, match="19 rows to fit on are too few"):
        doubling_sizes(19, 6)


def test_smaller_draws_are_part_of_larger_ones_and_have_all_classes() -> None:
    spec = spec_of(table_of("iris"), "classification", {"estimator": {"name": "GaussianNB"}})
    y = np.repeat(["a", "b", "c"], [180, 15, 5])
    small, large = draw_rows(spec, y, 40, 3), draw_rows(spec, y, 80, 3)
    assert set(small) < set(large)
    assert set(y[small]) == {"a", "b", "c"}
    assert np.unique(y[large], return_counts=True)[1].tolist() == [72, 6, 2]
    assert not np.array_equal(small, draw_rows(spec, y, 40, 4))


def test_the_curve_of_the_students_rises_and_its_end_is_all_rows(places: Places) -> None:
    spec, known = students(800)
    told: list[Event] = []
    asked = with_fit(spec, curve=Curve(sizes=5, repeats=3), runs=2)
    chosen = choose(asked, known, places, told.append)
    assert chosen.curve is not None
    fitted, _ = divide(spec, known, chosen.best.seed)
    assert [point.rows for point in chosen.curve.points] == [37, 75, 150, 300, 600]
    assert len(fitted) == 600
    means = [float(np.mean(point.validation)) for point in chosen.curve.points]
    assert means[0] < means[-1]
    assert all(len(point.validation) == len(point.fitted) == 3 for point in chosen.curve.points)
    # Of a ridge regression on all rows only the folds of response coding depend on the seed.
    assert chosen.curve.points[-1].validation == pytest.approx([chosen.best.score] * 3, abs=0.01)
    assert chosen.curve.recommended_rows in {point.rows for point in chosen.curve.points}
    steps = [event for event in told if isinstance(event, CurveStep)]
    assert [step.done for step in steps] == list(range(1, 16))


def test_a_curve_is_equal_whatever_the_processes(places: Places) -> None:
    spec, known = students(400)
    asked = with_fit(spec, curve=Curve(sizes=2, repeats=2), runs=1)
    alone = choose(asked, known, places)
    together = choose(with_fit(asked, jobs=2), known, places)
    assert alone.curve == together.curve


def test_a_curve_that_cannot_be_had_does_not_lose_the_winner(places: Places) -> None:
    table = table_of("iris", 22)
    fit = {"estimator": {"name": "GaussianNB"}, "jobs": 1, "curve": {}}
    chosen = choose(spec_of(table, "classification", fit), table, places)
    assert chosen.curve is None
    assert any(note.startswith("no learning curve: 16 rows") for note in chosen.notes)


def test_digits_show_that_more_rows_help(places: Places) -> None:
    table = table_of("digits")
    frame = pd.DataFrame(table.X)
    table = Table(frame.loc[:, frame.nunique() > 1], table.y)
    fit = {
        "estimator": {"name": "GaussianNB", "parameters": {"var_smoothing": 0.01}},
        "jobs": 1,
        "curve": {"sizes": 4, "repeats": 4, "flat": 0.001},
    }
    curve = choose(spec_of(table, "classification", fit), table, places).curve
    assert curve is not None
    assert curve.metric == "accuracy"
    means = [np.mean(point.validation) for point in curve.points]
    assert means[0] < means[1] < means[2]
    assert curve.points[-1].rows == 1347
    assert "rows" in curve.words
