"""Any stored model over a Spark DataFrame: the artefact travels once to each executor."""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyspark.sql.functions as F
from pyspark import Broadcast
from pyspark.sql import Column, DataFrame

from models.errors import ArtefactError, BadData, RefusedModel
from models.estimators import Estimator, answer
from models.manifest import Manifest
from models.rows import Array, as_container, series
from models.schema import Column as InputColumn
from models.schema import OutputSchema, TabularSchema
from models.spark.cells import typed
from models.spark.frames import Batches, in_executors, quoted
from models.spec.columns import ColumnType
from models.store import ARTEFACT, PRODUCTION, Store
from models.verify import check_libraries

PREDICTION: Final = "prediction"
PROBABILITIES: Final = "probabilities"
ERROR: Final = "prediction_error"
INPUTS: Final = "_inputs"


@dataclass(frozen=True)
class Shipped:
    """A model on its way; equal by its hash, so that an executor's process loads it once.

    Args:
        sha256: of the artefact, from the manifest.
        content: the artefact's bytes, broadcast.
        manifest: what the model takes and answers.
    """

    sha256: str
    content: Broadcast[bytes] = field(compare=False)
    manifest: Manifest = field(compare=False)


def score(rows: DataFrame, store: Store, name: str, version: int | str = PRODUCTION) -> DataFrame:
    """Add a stored model's predictions to rows.

    Executors need Python with Percore's `models`, scikit-learn and pyarrow, and no store.

    Args:
        rows: with the columns that the model takes, of types that can be read as theirs (texts of
            a CSV file, too); others are passed on untouched.
        store: where the model is; read by the driver only.
        name: the model's name.
        version: a version or an alias.

    Returns:
        The rows with `prediction`; `probabilities`, an array in the order of the manifest's
        classes, if the model has them; and `prediction_error`, why a row has no prediction: null
        for those that have one. A row that breaks the model's schema harms no other.

    Raises:
        UnknownModel: there is no such version.
        ArtefactError: its files are not those that were published.
        BadData: a column is missing, or has the name of one that is added.
        RefusedModel: the model takes pictures.
    """
    number = store.resolve(name, version)
    manifest = store.check_files(name, number)
    schema = manifest.input
    if not isinstance(schema, TabularSchema):
        raise RefusedModel(f"{name} takes pictures; score them with python -m service score")
    _refuse_columns(rows, schema, manifest.output)
    content = (store.folder(name, number) / ARTEFACT).read_bytes()
    shipped = Shipped(
        manifest.files[ARTEFACT].sha256,
        rows.sparkSession.sparkContext.broadcast(content),
        manifest,
    )
    ready = _with_inputs(rows, schema)
    fields = [f"{_tick(one.name)} {one.dataType.simpleString()}" for one in rows.schema.fields]
    fields += [f"`{name}` {kind}" for name, kind in _added(manifest.output)]
    return in_executors(ready, _scorer(shipped), ", ".join(fields))


def _with_inputs(rows: DataFrame, schema: TabularSchema) -> DataFrame:
    """Add the model's inputs by their types, and why a row cannot be asked for."""
    kinds = {one.name: one.dataType for one in rows.schema.fields}
    inputs: list[Column] = []
    reasons: list[Column] = []
    for at, column in enumerate(schema.columns):
        read = typed(quoted(column.name), kinds[column.name], _wanted(column), ())
        inputs.append(read.value.alias(f"i{at}"))
        reasons.append(
            F.when(
                read.unfit, F.lit(f"{column.name} is no {'date' if column.dates else column.dtype}")
            )
        )
        reasons += [F.when(holds, F.lit(why)) for why, holds in _breaches(column, read.value)]
    return rows.withColumns({INPUTS: F.struct(*inputs), ERROR: F.coalesce(*reasons)})


def _breaches(column: InputColumn, value: Column) -> Iterator[tuple[str, Column]]:
    """Yield what the column's policy rejects."""
    policy = column.policy
    if policy.missing == "reject":
        yield f"{column.name} is missing", value.isNull()
    if policy.unknown == "reject":
        known = [one for one in column.categories or () if one is not None]
        yield f"{column.name} is no category that the model knows", ~value.isin(known)
    if policy.out_of_range == "reject" and column.min is not None and column.max is not None:
        outside = ~value.between(column.min, column.max)
        yield f"{column.name} is not between {column.min:g} and {column.max:g}", outside


def _scorer(shipped: Shipped) -> Callable[[Batches], Batches]:
    def work(batches: Batches) -> Batches:
        model = loaded(shipped)
        for batch in batches:
            answers = _answers(model, shipped.manifest, batch)
            kept = [name for name in batch.schema.names if name not in (INPUTS, ERROR)]
            arrays = [batch.column(name) for name in kept]
            yield pa.RecordBatch.from_arrays(
                [*arrays, *answers.values(), batch.column(ERROR)], names=[*kept, *answers, ERROR]
            )

    return work


@lru_cache(maxsize=1)
def loaded(shipped: Shipped) -> Estimator:
    """Load the model in an executor's process, once, if its bytes are those of the manifest.

    Raises:
        ArtefactError: they are not, or the executor has another scikit-learn.
    """
    content, manifest = shipped.content.value, shipped.manifest
    if hashlib.sha256(content).hexdigest() != shipped.sha256:
        raise ArtefactError(f"{manifest.name} {manifest.version} was changed on its way here")
    libraries = check_libraries(manifest)
    if not libraries.ok:
        raise ArtefactError(f"an executor cannot load {manifest.name}: {libraries.text}")
    return joblib.load(io.BytesIO(content))


def _answers(model: Estimator, manifest: Manifest, batch: pa.RecordBatch) -> dict[str, pa.Array]:
    """Return the added columns; null for rows that cannot be asked for."""
    kinds = {name: _ARROW[kind] for name, kind in _added(manifest.output)}
    asked = np.asarray(batch.column(ERROR).is_null())
    frame = _inputs(manifest, batch.column(INPUTS).filter(pa.array(asked)))
    found: dict[str, Any] = {PREDICTION: [], PROBABILITIES: []}
    if len(frame):
        X = as_container(_container(manifest), frame)
        with joblib.parallel_config(backend="sequential"):
            found[PREDICTION] = np.asarray(answer(model, X)).tolist()
            if PROBABILITIES in kinds:
                found[PROBABILITIES] = np.asarray(model.predict_proba(X)).tolist()
    return {
        name: pa.array(_spread(found[name], asked), kind)
        for name, kind in kinds.items()
        if name != ERROR
    }


def _spread(found: Sequence[Any], asked: Array) -> list[Any]:
    values = iter(found)
    return [next(values) if one else None for one in asked]


def _inputs(manifest: Manifest, table: pa.StructArray) -> pd.DataFrame:
    """Return the model's columns with the training dtypes."""
    columns = manifest.input.columns  # type: ignore[union-attr]
    return pd.DataFrame({one.name: _column(one, table.field(at)) for at, one in enumerate(columns)})


def _column(column: InputColumn, values: pa.Array) -> "pd.Series[Any]":
    if not values.null_count and column.frame_dtype.startswith(("float", "int", "uint")):
        numbers = values.to_numpy(zero_copy_only=False).astype(column.frame_dtype)
        return pd.Series(numbers)
    return series(column, values.to_pylist())


def _container(manifest: Manifest) -> Any:
    return manifest.input.container  # type: ignore[union-attr]


def _added(output: OutputSchema) -> list[tuple[str, str]]:
    kind = _SQL[output.dtype]
    added = [(PREDICTION, kind if output.width is None else f"array<{kind}>")]
    if output.probabilities:
        added.append((PROBABILITIES, "array<double>"))
    return [*added, (ERROR, "string")]


def _refuse_columns(rows: DataFrame, schema: TabularSchema, output: OutputSchema) -> None:
    absent = [one.name for one in schema.columns if one.name not in rows.columns]
    if absent:
        raise BadData(
            f"the rows have no column {absent[0]!r}, which the model takes; they have:"
            f" {', '.join(rows.columns)}"
        )
    taken = [name for name, _ in _added(output) if name in rows.columns]
    if taken:
        raise BadData(f"the rows have a column {taken[0]!r} already; rename it")


def _wanted(column: InputColumn) -> ColumnType:
    if column.dates:
        return "date"
    if column.dtype == "string":
        return "text"
    if column.dtype == "bool":
        return "boolean"
    return "number" if column.dtype.startswith("float") else "integer"


def _tick(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


_SQL: Final[dict[str, str]] = {
    "string": "string",
    "bool": "boolean",
    **dict.fromkeys(("float32", "float64"), "double"),
    **dict.fromkeys(("int8", "int16", "int32", "int64"), "bigint"),
    **dict.fromkeys(("uint8", "uint16", "uint32", "uint64"), "bigint"),
}
_PLAIN: Final = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "double": pa.float64(),
    "bigint": pa.int64(),
}
_ARROW: Final = _PLAIN | {f"array<{name}>": pa.list_(kind) for name, kind in _PLAIN.items()}
