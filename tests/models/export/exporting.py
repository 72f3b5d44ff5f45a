"""Real tables, what is exported of a model, and whether it answers as the model does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.pipeline import Pipeline

from models.export import export
from models.release import Candidate, Facts, examine
from models.rows import Rows

TOLERANCE = 1e-12


def table(task: str) -> tuple[pd.DataFrame, Any]:
    """Return shuffled rows of a real table, as a frame, and the targets."""
    load = {"two": load_iris, "three": load_wine, "regression": load_diabetes}[task]
    bunch = load(as_frame=True)
    X, y = bunch.data.sample(frac=1, random_state=0), bunch.target
    y = y.loc[X.index].to_numpy()
    if task == "two":
        y = np.array(["other", "virginica"])[(y == 2).astype(int)]
    return X.reset_index(drop=True), y


def exported(model: Any, kind: str, X: Rows, folder: Path) -> dict[str, Any]:
    """Export a fitted model and return what stands in its JSON file."""
    export(model, [kind], facts(model, X), folder)
    told: dict[str, Any] = json.loads((folder / "export" / f"{kind}.json").read_text())
    return told


def facts(model: Any, X: Rows) -> Facts:
    return examine(Candidate(model, X, X))


def features_of(model: Any, X: Rows) -> list[list[float]]:
    features = model[:-1].transform(X) if isinstance(model, Pipeline) else np.asarray(X)
    return np.asarray(features, dtype=float).tolist()  # type: ignore[no-any-return]


def agree(model: Any, X: Rows, answers: list[tuple[Any, Any]]) -> None:
    """Compare labels exactly, values and probabilities within the tolerance."""
    predicted = model.predict(X)
    if predicted.dtype.kind == "f":
        assert [answer for answer, _ in answers] == pytest.approx(
            predicted.tolist(), rel=TOLERANCE, abs=TOLERANCE
        )
        return
    assert [answer for answer, _ in answers] == predicted.tolist()
    if answers[0][1] is not None:
        said = np.array([probabilities for _, probabilities in answers])
        np.testing.assert_allclose(said, model.predict_proba(X), rtol=0, atol=TOLERANCE)
