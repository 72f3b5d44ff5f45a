"""Answers collected batch by batch are those of one call; of too many rows, some are asked."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, SGDClassifier

from models.extract.batches import Batches
from models.fit.draw import drawn
from models.fit.one import unfitted
from models.medium.average import averaged
from models.medium.caching import cache_rows
from models.medium.judging import judge
from models.medium.memory import Budget
from models.medium.prepared import Prepared, prepare
from models.metrics import METRICS
from models.places import Places

from .tables import specification, write_table

TOLERANCE = 1e-12


class Narrow(Budget):
    """Has room for few answers."""

    def rows(self, row_bytes: float, copies: float, most: int) -> int:
        return min(most, 300)


def prepared_rows(folder: Path, budget: Budget) -> Prepared:
    write_table(folder / "table.csv", 6000)
    spec = specification("SGDClassifier", "label")
    reader = Batches(spec, Places(folder, folder), 900)
    cached = cache_rows(spec, reader, "table.csv", folder, 800)
    features = unfitted(spec, drawn(spec, 0))["features"]
    return prepare(cached, features, spec.feature_columns(), budget, 700, 1)


@pytest.mark.parametrize("model", [LogisticRegression(), SGDClassifier(random_state=0)])
def test_scores_are_those_of_all_rows_in_one_call(tmp_path: Path, model: object) -> None:
    prepared = prepared_rows(tmp_path, Budget(8 * 10**9))
    fitted = clone(model).fit(*prepared.known())
    rows = prepared.cached.held_out
    whole = next(rows.batches(prepared.columns, 10**6))
    X = prepared.features.of_new(whole.X)
    judged = judge(prepared, rows, [fitted])
    assert judged.rows == len(rows) == len(whole.y)
    assert (judged.y == whole.y).all()
    for name in ("accuracy", "f1_macro", "roc_auc"):
        expected = METRICS[name].score(fitted, X, whole.y)
        assert judged.scores(METRICS[name]) == [pytest.approx(expected, abs=TOLERANCE)]


def test_of_too_many_rows_some_are_drawn(tmp_path: Path) -> None:
    prepared = prepared_rows(tmp_path, Narrow(8 * 10**9))
    fitted = LogisticRegression().fit(*prepared.known())
    rows = prepared.cached.held_out
    judged = judge(prepared, rows, [fitted])
    assert len(rows) > 900
    assert 200 < judged.rows < 400
    assert len(judged.answers[0].predict(None)) == len(judged.y) == judged.rows


def test_averaged_weights_count_rows() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    y = np.array(["a", "b", "c"])[np.argmax(X + rng.normal(size=(400, 3)), axis=1)]
    parts = [LogisticRegression().fit(X[:100], y[:100]), LogisticRegression().fit(X[100:], y[100:])]
    mean = averaged(parts, [100, 300])
    expected = 0.25 * parts[0].coef_ + 0.75 * parts[1].coef_
    np.testing.assert_allclose(mean.coef_, expected, rtol=TOLERANCE)
    assert (mean.classes_ == ["a", "b", "c"]).all()
    scores = 0.25 * parts[0].decision_function(X) + 0.75 * parts[1].decision_function(X)
    np.testing.assert_allclose(mean.decision_function(X), scores, rtol=1e-12, atol=TOLERANCE)
