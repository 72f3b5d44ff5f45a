"""Stored versions written by hand, in the documented format, without the models package."""

import hashlib
import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression

from loadtest.artefact import Artefact, read_artefact


def column(name: str, dtype: str = "float64", **more: Any) -> dict[str, Any]:
    return {"name": name, "dtype": dtype, "frame_dtype": dtype, "missing": "nan", **more}


def put(
    store: Path,
    model: Any,
    container: str,
    columns: list[dict[str, Any]],
    golden: dict[str, Any] | None = None,
) -> Artefact:
    """Write version 1 of model "m" and read it back."""
    folder = store / "m" / "1"
    folder.mkdir(parents=True)
    joblib.dump(model, folder / "model.joblib")
    digest = hashlib.sha256((folder / "model.joblib").read_bytes()).hexdigest()
    manifest = {
        "files": {"model.joblib": {"sha256": digest}},
        "input": {"kind": "tabular", "container": container, "columns": columns},
        "output": {
            "kind": "classes" if hasattr(model, "classes_") else "values",
            "method": "predict" if hasattr(model, "predict") else "transform",
            "probabilities": hasattr(model, "predict_proba"),
        },
        "golden": golden or {"instances": [[0.0, 0.0]]},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (store / "m" / "aliases.json").write_text('{"production": 1}', encoding="utf-8")
    return read_artefact(store, "m")


def put_regression(store: Path) -> Artefact:
    """Write a small regression of two columns."""
    model = LinearRegression().fit(np.eye(2), [0, 1])
    return put(store, model, "array", [column("a"), column("b")])


def put_classifier(store: Path) -> Artefact:
    """Write a small classifier of two columns, with golden rows and their answers."""
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = LogisticRegression().fit(X, np.where(X.sum(axis=1) > 0, "up", "down"))
    golden = {
        "instances": X[:8].tolist(),
        "predictions": model.predict(X[:8]).tolist(),
        "probabilities": model.predict_proba(X[:8]).tolist(),
    }
    return put(store, model, "array", [column("a"), column("b")], golden)
