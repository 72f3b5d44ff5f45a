"""Fitting [[features]] in Spark SQL, as the scikit-learn transformer that will serve."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyspark.sql.functions as F
from pyspark.ml.functions import array_to_vector
from pyspark.sql import Column, DataFrame
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from models.errors import BadData, BadSpecification
from models.estimators import Estimator
from models.rows import Array
from models.spark.chains import Chain, learn
from models.spark.frames import ORDER, Batches, as_frame, in_executors, quoted
from models.spark.responses import Moments, moments, teach
from models.spark.witnesses import witnesses
from models.spec import Specification
from models.spec.columns import ColumnContract
from models.spec.features import AnyFeature, Numeric, OneHot
from models.transform.dates import DateFeatures
from models.transform.pipeline import features as unfitted_features
from models.transform.rules import FOLDS

LABEL: Final = "label"
FEATURES: Final = "features"
FOLD: Final = "_fold"
PARTS: Final = "_parts"
"""Parts of dates: a column of arrays for each pipeline of dates."""

MOST_FEATURES: Final = 4096
"""Rows travel to MLlib as dense arrays, and its normal equations end there."""


@dataclass(frozen=True)
class Preparation:
    """Fitted features.

    Args:
        features: the transformer that serves.
        folds: for fitting, one for each fold, each with response codes from the other folds; none
            if there is no response coding.
    """

    features: Estimator
    folds: tuple[Estimator, ...] = ()


def refuse_unsupported(spec: Specification) -> None:
    """Refuse rules that this engine has no way for.

    Raises:
        BadSpecification: such a rule, by its kind, and why.
    """
    for rule in spec.features:
        reason = _unsupported(rule, spec)
        if reason:
            raise BadSpecification(
                f'features: kind = "{rule.kind}" ({", ".join(rule.columns)}) with engine = "spark":'
                f" {reason}"
            )


def fit_features(rows: DataFrame, spec: Specification, classes: Array | None) -> Preparation:
    """Fit all rules on all rows.

    Args:
        rows: the rows to fit on, with `label`; read several times, so they should be cached.
        spec: the specification.
        classes: the labels, sorted; None for numbers.

    Raises:
        BadData: the rows do not allow a rule: no value at all, too many categories or features.
    """
    made = unfitted_features(spec)
    made.set_params(sparse_threshold=0.0)
    encoders = [step for _, step, _ in made.transformers if isinstance(step, TargetEncoder)]
    folding = [encoder.cv for encoder in encoders]
    for encoder in encoders:
        # Of the few rows that stand for all; its own folds would need many of each class.
        encoder.set_params(cv=KFold(2))
    coded = [
        name
        for _, step, names in made.transformers
        if isinstance(step, OneHotEncoder | OrdinalEncoder | TargetEncoder)
        for name in names
    ]
    few = witnesses(rows, spec, coded, classes)
    try:
        made.fit(few.X, few.y)
    except ValueError as error:
        raise BadData(f"the features cannot be fitted: {error}") from error
    fitted = [step for _, step, _ in made.transformers_ if isinstance(step, TargetEncoder)]
    for encoder, cv in zip(fitted, folding, strict=True):
        encoder.set_params(cv=cv)
    _refuse_width(made.transform(few.X[:1]).shape[1])
    _learn_numbers(rows, made, spec)
    return _with_responses(rows, made, classes)


def featured(
    rows: DataFrame, spec: Specification, prepared: Preparation, *, fitting: bool
) -> DataFrame:
    """Return `label`, the features as MLlib's vector, and the row's other marks.

    The features are computed by the fitted transformer itself, in the executors, so they are those
    of serving, bit for bit.

    Args:
        rows: typed rows with `label`.
        spec: the specification.
        prepared: fitted features.
        fitting: the rows will be fitted: each takes the response codes of the other folds.
    """
    columns = {name: spec.columns[name] for name in spec.feature_columns()}
    marks = [name for name in rows.columns if name not in spec.columns]
    fold = _fold(rows) if fitting and prepared.folds else F.lit(-1)
    wanted = rows.select(*map(quoted, [*columns, *marks]), fold.alias(FOLD))
    kept = [field for field in wanted.schema.fields if field.name in marks]
    fields = ", ".join(f"`{field.name}` {field.dataType.simpleString()}" for field in kept)
    worker = _transformer(prepared, columns, marks)
    computed = in_executors(wanted, worker, f"{fields}, {FEATURES} array<double>")
    return computed.withColumn(FEATURES, array_to_vector(F.col(FEATURES)))


def _transformer(
    prepared: Preparation, columns: Mapping[str, ColumnContract], marks: Sequence[str]
) -> Callable[[Batches], Batches]:
    def transform(batches: Batches) -> Batches:
        for batch in batches:
            frame = as_frame(batch.to_pandas(), columns)
            folds = np.asarray(batch.column(FOLD))
            X = _by_fold(prepared, frame, folds)
            offsets = np.arange(0, X.size + 1, X.shape[1], dtype=np.int32)
            lists = pa.ListArray.from_arrays(offsets, X.ravel())
            others = [batch.column(name) for name in marks]
            yield pa.RecordBatch.from_arrays([*others, lists], names=[*marks, FEATURES])

    return transform


def _by_fold(prepared: Preparation, frame: Any, folds: Array) -> Array:
    parts = [
        (np.flatnonzero(folds == fold), prepared.folds[fold] if fold >= 0 else prepared.features)
        for fold in np.unique(folds)
    ]
    found = [(at, np.asarray(step.transform(frame.iloc[at]), np.float64)) for at, step in parts]
    width = found[0][1].shape[1] if found else 1
    X = np.empty((len(frame), width), dtype=np.float64)
    for at, values in found:
        X[at] = values
    return X


def _unsupported(rule: AnyFeature, spec: Specification) -> str:
    if rule.kind == "text":
        return 'words are thousands of features a row, and travel densely here; use "batches"'
    if rule.kind == "picture":
        return 'pictures are not read by Spark; use "batches"'
    if isinstance(rule, OneHot) and rule.min_frequency is not None:
        return "min_frequency is not counted; name the categories that are wanted in [columns]"
    if isinstance(rule, Numeric) and rule.impute == "none":
        holes = [name for name in rule.columns if spec.columns[name].nullable]
        if holes:
            return f"MLlib takes no missing values, and {holes[0]!r} is nullable; let impute be set"
    return ""


def _refuse_width(features: int) -> None:
    if features > MOST_FEATURES:
        raise BadData(
            f"the rules make {features:,} features of a row, and this engine carries"
            f" {MOST_FEATURES:,}; use response instead of onehot where there are many categories"
        )


def _learn_numbers(rows: DataFrame, made: ColumnTransformer, spec: Specification) -> None:
    pipelines = [
        (step, names) for _, step, names in made.transformers_ if isinstance(step, Pipeline)
    ]
    dated = [(step, names) for step, names in pipelines if _dates_of(step)]
    if dated:
        rows = _with_parts(rows, dated, spec)
    chains = []
    for step, names in pipelines:
        if _dates_of(step):
            at = next(at for at, (other, _) in enumerate(dated) if other is step)
            width = len(names) * len(_dates_of(step).parts)
            inputs = [F.get(F.col(f"{PARTS}{at}"), number) for number in range(width)]
        else:
            inputs = [quoted(name).cast("double") for name in names]
        chains.append(Chain(step, tuple(inputs)))
    learn(rows, chains)


def _dates_of(step: Pipeline) -> Any:
    first = step.steps[0][1]
    return first if isinstance(first, DateFeatures) else None


def _with_parts(
    rows: DataFrame, dated: Sequence[tuple[Pipeline, list[str]]], spec: Specification
) -> DataFrame:
    """Add the parts of dates, by the step that will serve."""
    contracts = [{name: spec.columns[name] for name in names} for _, names in dated]
    steps = [_dates_of(step) for step, _ in dated]

    def work(batches: Batches) -> Batches:
        for batch in batches:
            frame = batch.to_pandas()
            added = []
            for step, columns in zip(steps, contracts, strict=True):
                parts = step.transform(as_frame(frame, columns))
                offsets = np.arange(0, parts.size + 1, parts.shape[1], dtype=np.int32)
                # NaN is a hole here, and a number to SQL.
                flat = pa.array(parts.ravel(), from_pandas=True)
                added.append(pa.ListArray.from_arrays(offsets, flat))
            names = [*batch.schema.names, *(f"{PARTS}{at}" for at in range(len(steps)))]
            yield pa.RecordBatch.from_arrays([*batch.columns, *added], names=names)

    fields = [f"`{field.name}` {field.dataType.simpleString()}" for field in rows.schema.fields]
    fields += [f"{PARTS}{at} array<double>" for at in range(len(steps))]
    return in_executors(rows, work, ", ".join(fields))


def _with_responses(rows: DataFrame, made: ColumnTransformer, classes: Array | None) -> Preparation:
    counted: list[list[Moments]] = []
    kinds = None if classes is None else len(classes)
    for encoder, names in _responses(made):
        counted.append(
            [
                moments(rows, quoted(name), known, _fold(rows), kinds)
                for name, known in zip(names, encoder.categories_, strict=True)
            ]
        )
    if not counted:
        return Preparation(made)
    folds = []
    for fold in (None, *range(FOLDS)):
        other = copy.deepcopy(made)
        for (encoder, _), columns in zip(_responses(other), counted, strict=True):
            teach(encoder, columns, fold)
        folds.append(other)
    return Preparation(folds[0], tuple(folds[1:]))


def _responses(made: ColumnTransformer) -> list[tuple[TargetEncoder, list[str]]]:
    return [
        (step, names) for _, step, names in made.transformers_ if isinstance(step, TargetEncoder)
    ]


def _fold(rows: DataFrame) -> Column:
    """Return a row's fold, by its place in the order."""
    return F.pmod(F.xxhash64(F.lit("fold"), F.col(ORDER)), F.lit(FOLDS)).cast("int")
