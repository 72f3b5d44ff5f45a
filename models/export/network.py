"""ONNX, by skl2onnx, tried with onnxruntime on golden rows before it counts."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from models.errors import RefusedModel, StoreError
from models.estimators import Estimator
from models.export.exported import Exported, Known
from models.rows import Array, columns_of, to_rows
from models.schema import Column, TabularSchema

FILE: Final = "model.onnx"
FACTS: Final = "onnx.json"
MOST_DIFFERENCE: Final = 0.25
"""More, of numbers about 1, is another model. Less is told: a forest may lose a tree's vote where
ONNX does not round a feature as scikit-learn does."""
EXACT: Final = 1e-12


@dataclass(frozen=True)
class Form:
    """How rows go into the network.

    Args:
        precision: double or float: of numbers that are no whole ones.
        table: one input of all columns, instead of one a column.
    """

    precision: str
    table: bool

    @property
    def dtype(self) -> type[np.floating[Any]]:
        """The type of its numbers in numpy."""
        return np.float64 if self.precision == "double" else np.float32


@dataclass(frozen=True)
class Network:
    """A converted model that was tried.

    Args:
        content: the file's bytes.
        inputs: name → its columns and ONNX's type; converters change names that have blanks.
        form: how rows go in.
        difference: the largest of a number on golden rows: absolute below 1, else relative.
    """

    content: bytes
    inputs: Mapping[str, Mapping[str, Any]]
    form: Form
    difference: float


def export_onnx(model: Estimator, known: Known, out: Path) -> Exported:
    """Write model.onnx, and onnx.json with its inputs and how far its answers are.

    Raises:
        RefusedModel: a step has no converter, or the result says other labels or numbers.
        StoreError: the extra `onnx` is not installed.
    """
    _check_libraries()
    schema = known.input
    if not isinstance(schema, TabularSchema):
        raise RefusedModel("it takes encoded pictures, which ONNX does not decode")
    if known.output.method != "predict" or known.output.width is not None:
        raise RefusedModel("only a model that predicts one value a row is exported")
    network = _best(model, known, schema)
    (out / FILE).write_bytes(network.content)
    facts = {
        "inputs": network.inputs,
        "precision": network.form.precision,
        "golden_rows": _usable(known, schema)[1],
        "largest_difference": network.difference,
        "labels": "equal" if known.output.kind == "classes" else None,
    }
    (out / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    words = f"{network.form.precision} numbers; largest difference {network.difference:.1e}"
    return Exported("onnx", (FILE, FACTS), words)


def _best(model: Estimator, known: Known, schema: TabularSchema) -> Network:
    """Return the network whose answers are nearest, of those that can be made."""
    found: list[Network] = []
    failures = []
    # Doubles answer as scikit-learn does; few converters know them in every place.
    forms = [Form("double", table=True), Form("double", table=False), Form("float", table=False)]
    numeric = all(column.dtype not in {"string", "bool"} for column in schema.columns)
    for form in forms if numeric else forms[1:]:
        try:
            found.append(_converted(model, known, schema, form))
        except RefusedModel as error:
            failures.append(str(error))
        if found and found[-1].difference <= EXACT:
            break
    if not found:
        raise RefusedModel("; ".join(dict.fromkeys(failures)))
    return min(found, key=lambda one: one.difference)


def _converted(model: Estimator, known: Known, schema: TabularSchema, form: Form) -> Network:
    from skl2onnx import convert_sklearn  # noqa: PLC0415  # an optional extra

    options = {id(model): {"zipmap": False}} if known.output.kind == "classes" else None
    inputs = _inputs(schema, form)
    try:
        made = convert_sklearn(model, initial_types=inputs, options=options)
    except Exception as error:
        raise RefusedModel(f"a step has no converter: {_first_line(error)}") from error
    names = _renamed([name for name, _ in inputs], [one.name for one in made.graph.input])
    columns = [column.name for column in schema.columns]
    told = {
        names[name]: {
            "columns": columns if len(inputs) == 1 else [name],
            "type": type(kind).__name__,
        }
        for name, kind in inputs
        if name in names
    }
    difference = _tried(made, model, known, names, form)
    for key, value in (("precision", form.precision), ("largest_difference", str(difference))):
        entry = made.metadata_props.add()
        entry.key, entry.value = f"percore.{key}", value
    return Network(made.SerializeToString(deterministic=True), told, form, difference)


def _inputs(schema: TabularSchema, form: Form) -> list[tuple[str, Any]]:
    """Return an input a column, or one of all of them if the model was fitted on an array."""
    from skl2onnx.common import data_types as types  # noqa: PLC0415  # an optional extra

    number = types.DoubleTensorType if form.precision == "double" else types.FloatTensorType
    if schema.container == "texts":
        return [("X", types.StringTensorType([None, 1]))]
    if form.table or schema.container == "array":
        return [("X", number([None, len(schema.columns)]))]

    def kind(column: Column) -> Any:
        if column.dtype == "string":
            return types.StringTensorType([None, 1])
        if column.dtype == "bool":
            return types.BooleanTensorType([None, 1])
        if column.dtype.startswith(("int", "uint")) and column.frame_dtype.startswith(
            ("int", "uint")
        ):
            return types.Int64TensorType([None, 1])
        return number([None, 1])

    return [(column.name, kind(column)) for column in schema.columns]


def _tried(
    made: Any, model: Estimator, known: Known, names: Mapping[str, str], form: Form
) -> float:
    """Return the largest difference of a number; other labels or numbers are refused."""
    from onnxruntime import InferenceSession  # noqa: PLC0415  # an optional extra

    schema = cast("TabularSchema", known.input)
    rows = to_rows(schema, _usable(known, schema)[0])
    try:
        session = InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
        feed = _feed(rows, schema, form)
        said = session.run(None, {names[one]: feed[one] for one in names})
    except Exception as error:
        raise RefusedModel(f"onnxruntime does not run it: {_first_line(error)}") from error
    if known.output.kind == "classes":
        wrong = int((np.ravel(said[0]).astype(str) != model.predict(rows).astype(str)).sum())
        if wrong:
            raise RefusedModel(f"it says another label of {wrong} golden rows")
        if not known.output.probabilities:
            return 0.0
        ours, theirs = np.asarray(said[1]), model.predict_proba(rows)
    else:
        ours, theirs = np.ravel(said[0]), np.ravel(model.predict(rows))
    distance = np.abs(ours.astype(np.float64) - theirs) / np.maximum(1, np.abs(theirs))
    if not distance.max() <= MOST_DIFFERENCE:
        raise RefusedModel(f"its numbers differ by {distance.max():.1e} from the model's")
    return float(distance.max())


def _renamed(columns: list[str], inputs: list[str]) -> dict[str, str]:
    """Return column → input of the graph, without columns that it does not use."""
    if len(columns) == len(inputs):
        return dict(zip(columns, inputs, strict=True))
    allowed = {column: re.sub(r"\W", "_", column) for column in columns}
    return {column: name for column, name in allowed.items() if name in inputs}


def _feed(rows: Any, schema: TabularSchema, form: Form) -> dict[str, Array]:
    number = form.dtype
    if form.table or schema.container == "array":
        return {"X": np.asarray(rows, dtype=number)}
    if schema.container == "texts":
        return {"X": np.asarray(rows, dtype=object).reshape(-1, 1)}
    feed = {}
    for (name, values), column in zip(
        columns_of(rows, [one.name for one in schema.columns]).items(), schema.columns, strict=True
    ):
        whole = column.dtype.startswith(("int", "uint")) and values.dtype.kind in "iu"
        dtype = {"string": object, "bool": bool}.get(column.dtype, np.int64 if whole else number)
        feed[name] = values.to_numpy(dtype=cast("Any", dtype)).reshape(-1, 1)
    return feed


def _usable(known: Known, schema: TabularSchema) -> tuple[list[Any], int]:
    """Return golden rows without missing texts, for which ONNX has no value, and how many."""
    texts = [at for at, column in enumerate(schema.columns) if column.dtype in {"string", "bool"}]
    kept = [row for row in known.golden.instances if all(row[at] is not None for at in texts)]
    if not kept:
        raise RefusedModel("every golden row misses a text, for which ONNX has no value")
    return kept, len(kept)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _check_libraries() -> None:
    try:
        import onnxruntime  # noqa: F401, PLC0415  # an optional extra
        import skl2onnx  # noqa: F401, PLC0415  # an optional extra
    except ModuleNotFoundError as error:
        raise StoreError(
            f"export onnx needs {error.name}, which is not installed here:"
            " pip install 'percore[onnx]'"
        ) from error
