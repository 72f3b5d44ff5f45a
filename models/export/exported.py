"""What every export shares: golden rows to prove it by, names of features, writing."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from models.errors import RefusedModel
from models.estimators import Estimator, unwrap
from models.manifest import GoldenRows
from models.rows import Rows, cell, to_rows
from models.schema import ImageSchema, InputSchema, OutputSchema

Floats = npt.NDArray[np.float64]


class Known(Protocol):
    """What `models.release.Facts` and a manifest both have."""

    @property
    def input(self) -> InputSchema:
        """What the model takes."""

    @property
    def output(self) -> OutputSchema:
        """What it answers."""

    @property
    def golden(self) -> GoldenRows:
        """Rows with its answers."""


@dataclass(frozen=True)
class Exported:
    """One export.

    Args:
        kind: weights, trees, support_vectors, onnx or skops.
        files: names of the files in the export's folder.
        words: a sentence for a person: what it holds, and how far its answers are from the model's.
    """

    kind: str
    files: tuple[str, ...]
    words: str


@dataclass(frozen=True)
class Parts:
    """A model cut before the step that predicts.

    Args:
        prepare: the steps before it, fitted; None if there are none.
        predictor: the step that predicts.
        features: names of what the predictor takes.
        golden: golden rows as the model takes them.
        taken: the same as the predictor takes them: a frame, an array or a sparse matrix.
        prepared: the same as numbers: float64, shape (rows, features).
    """

    prepare: Pipeline | None
    predictor: Estimator
    features: list[str]
    golden: Rows
    taken: Any
    prepared: Floats


def cut(model: Estimator, known: Known) -> Parts:
    """Cut a model before the step that predicts, and prepare the golden rows.

    Raises:
        RefusedModel: what the predictor takes is no table of numbers.
    """
    golden = to_rows(known.input, known.golden.instances)
    steps: list[tuple[str, Any]] = []
    predictor = unwrap(model)
    while type(predictor) is Pipeline:
        steps += predictor.steps[:-1]
        predictor = unwrap(predictor.steps[-1][1])
    prepare = Pipeline(steps) if steps else None
    prepared: Any = golden if prepare is None else prepare.transform(golden)
    dense: Any = prepared.toarray() if hasattr(prepared, "toarray") else np.asarray(prepared)
    try:
        numbers = np.asarray(dense, dtype=np.float64)
    except ValueError as error:
        raise RefusedModel(
            f"{type(predictor).__name__} takes values that are no numbers; encode them in a step"
            " before it"
        ) from error
    features = _features(prepare, known, numbers.shape[1])
    return Parts(prepare, predictor, features, golden, prepared, numbers)


def class_labels(predictor: Estimator) -> list[Any] | None:
    """Return the labels as JSON carries them; None if it is no classifier."""
    classes = getattr(predictor, "classes_", None)
    return None if classes is None else [cell(one, "classes_") for one in classes]


def largest_difference(ours: Any, theirs: Any) -> float:
    """Return the largest difference of two arrays of numbers: absolute below 1, else relative."""
    ours, theirs = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if ours.shape != theirs.shape:
        raise RefusedModel(f"the export answers shape {ours.shape}, the model {theirs.shape}")
    distance = np.abs(ours - theirs) / np.maximum(1.0, np.abs(theirs))
    return float(distance.max(initial=0.0))


def write_json(out: Path, name: str, content: dict[str, Any]) -> None:
    """Write strict JSON; floats in as many digits as tell them from every other one."""
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    (out / name).write_text(text + "\n", encoding="utf-8")


def _features(prepare: Pipeline | None, known: Known, width: int) -> list[str]:
    if prepare is not None:
        try:
            return [str(name) for name in prepare.get_feature_names_out()]
        except (AttributeError, ValueError):
            return [f"feature_{number}" for number in range(width)]
    if isinstance(known.input, ImageSchema):
        return [f"pixel_{number}" for number in range(width)]
    return [column.name for column in cast("Any", known.input).columns]
