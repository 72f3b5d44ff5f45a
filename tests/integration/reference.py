"""Reference answers: plain scikit-learn in a process that knows nothing of the service.

    python -m tests.integration.reference STORE

One JSON request a line on standard input, one JSON answer a line on standard output:
{"model", "version", "instances"} → {"predictions", "probabilities"}. The instances are all
predicted in one call.
"""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd


def matrix(columns: list[dict[str, Any]], instances: list[list[Any]]) -> pd.DataFrame:
    """Return a DataFrame with the dtypes of training."""
    return pd.DataFrame(
        {
            column["name"]: _series(column, [row[i] for row in instances])
            for i, column in enumerate(columns)
        }
    )


def _series(column: dict[str, Any], cells: list[Any]) -> Any:
    if column["frame_dtype"] == "str":
        return pd.Series(cells, dtype="str")
    return pd.Series([np.nan if cell is None else cell for cell in cells]).astype(
        column["frame_dtype"]
    )


def answer(store: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Return what the model says in this process."""
    folder = store / request["model"] / str(request["version"])
    schema = json.loads((folder / "manifest.json").read_text())["input"]
    model = joblib.load(folder / "model.joblib")
    X: Any
    if schema["kind"] == "image":
        X = [base64.b64decode(one["b64"]) for one in request["instances"]]
    else:
        X = matrix(schema["columns"], request["instances"])
        if schema["container"] == "array":
            X = X.to_numpy()
    chances = model.predict_proba(X).tolist() if hasattr(model, "predict_proba") else None
    return {"predictions": model.predict(X).tolist(), "probabilities": chances}


def main() -> None:
    store = Path(sys.argv[1])
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(store, json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
