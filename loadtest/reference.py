"""The right answers, from joblib and scikit-learn alone. Run as a script, by its path, with -P.

It reads a question from standard input and writes its answer to standard output, both JSON:

    {"artefact": PATH, "sha256": HEX, "input": SCHEMA, "method": "predict" | "transform",
     "probabilities": BOOL, "batches": [ROWS, …]}
    {"classes": […] | null, "answers": [{"predictions": […], "probabilities": […] | null}, …],
     "modules": ["joblib", …]}

Nothing of the project may be imported here, or a bug could agree with itself. One exception: the
first step of a picture model is a class of ours, without which its file cannot be read at all.
"""

import base64
import hashlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

_OURS = ("service", "models", "loadtest")


def main() -> None:
    """Answer the one question."""
    # Model code may print; the answer must not be mixed with that.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    question = json.load(sys.stdin)
    pictures = question["input"]["kind"] == "image"
    _shut_out(pictures=pictures)
    model = _load(Path(question["artefact"]), question["sha256"])
    with joblib.parallel_config(backend="sequential"):
        answers = [_answer(model, rows, question) for rows in question["batches"]]
    classes = model.classes_.tolist() if question["probabilities"] else None
    json.dump({"classes": classes, "answers": answers, "modules": _modules()}, out)
    out.close()


def _shut_out(*, pictures: bool) -> None:
    """Make importing our packages an error, whatever is on the path."""
    for name in _OURS:
        if not (pictures and name == "models"):
            sys.modules[name] = None  # type: ignore[assignment]  # documented: import fails
    if pictures:
        sys.path.append(str(Path(__file__).resolve().parent.parent))


def _load(path: Path, sha256: str) -> Any:
    """Load the model from the very bytes whose hash was compared."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise SystemExit(f"{path.name} is not the file that its manifest describes")
    return joblib.load(io.BytesIO(content))


def _answer(model: Any, rows: list[Any], question: dict[str, Any]) -> dict[str, Any]:
    """Predict one request's rows in one call, as a user would in a notebook."""
    schema, probabilities = question["input"], question["probabilities"]
    features = _pictures(rows) if schema["kind"] == "image" else _table(rows, schema)
    return {
        "predictions": np.asarray(getattr(model, question["method"])(features)).tolist(),
        "probabilities": model.predict_proba(features).tolist() if probabilities else None,
    }


def _pictures(rows: list[Any]) -> Any:
    pictures = np.empty(len(rows), dtype=object)
    pictures[:] = [base64.b64decode(row["b64"], validate=True) for row in rows]
    return pictures


def _table(rows: list[Any], schema: dict[str, Any]) -> Any:
    columns = schema["columns"]
    missing = [None if column["missing"] == "none" else np.nan for column in columns]
    cells = [
        [hole if cell is None else cell for cell, hole in zip(row, missing, strict=True)]
        for row in rows
    ]
    if schema["container"] == "frame":
        return _frame(cells, columns)
    if schema["container"] == "texts":
        return [row[0] for row in cells]
    texts = any(column["dtype"] == "string" for column in columns)
    return np.array(cells, dtype=object if texts else np.float64)


def _frame(cells: list[list[Any]], columns: list[dict[str, Any]]) -> Any:
    """Build the DataFrame that training had: names, order and dtypes."""
    values = {}
    for index, column in enumerate(columns):
        series = [row[index] for row in cells]
        if column["frame_dtype"] == "category":
            values[column["name"]] = pd.Series(
                pd.Categorical(series, column.get("categories"), column.get("ordered"))
            )
        else:
            values[column["name"]] = pd.Series(series, dtype=column["frame_dtype"])
    return pd.DataFrame(values)


def _modules() -> list[str]:
    """Return the top-level names of everything that is imported."""
    return sorted({name.split(".")[0] for name, module in sys.modules.items() if module})


if __name__ == "__main__":
    main()
