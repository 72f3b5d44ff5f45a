"""Steps one after the other, and beside each other: Pipeline and ColumnTransformer."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from models.forms.checks import Array
from models.forms.encoders import ENCODERS
from models.forms.entry import Columns, Kind, Matrix, Step
from models.forms.errors import NoForm
from models.forms.imputers import IMPUTERS, impute_texts
from models.forms.known import class_name, kind_of
from models.forms.scalers import SCALERS

_SEARCHES: Final = frozenset({"model_selection.GridSearchCV", "model_selection.RandomizedSearchCV"})


def stages(estimator: Any) -> list[Any]:
    """Return a pipeline's steps, those of pipelines inside it too; or the estimator alone.

    Raises:
        NoForm: something about a pipeline is not known.
    """
    while class_name(estimator) in _SEARCHES and hasattr(estimator, "best_estimator_"):
        estimator = estimator.best_estimator_
    if class_name(estimator) != "pipeline.Pipeline":
        return [estimator]
    kind_of(estimator)
    found: list[Any] = []
    for _, step in estimator.steps:
        if step is not None and not isinstance(step, str):
            found += stages(step)
    if not found:
        raise NoForm("a pipeline has no step")
    return found


def step_of(stage: Any, kind: Kind) -> tuple[Step, Kind]:
    """Return what a fitted transformer does, and what it gives.

    Args:
        stage: no pipeline.
        kind: what it will be handed.

    Raises:
        NoForm: it, or something in it, is not known.
    """
    known = kind_of(stage)
    if known == "compose.ColumnTransformer":
        return _beside(stage, kind)
    if known == "preprocessing.FunctionTransformer":
        return _unchanged(stage), kind
    if known in ENCODERS:
        return _encoded(stage, known, kind)
    if known == "impute.SimpleImputer" and isinstance(kind, Columns) and any(kind.texts):
        return impute_texts(stage, kind)
    if isinstance(kind, Columns):
        stack, whole = _stacked(kind)
        step, given = step_of(stage, whole)
        return _then(stack, step), given
    if kind.sparse:
        raise NoForm("a sparse matrix is scaled in another way")
    made = SCALERS.get(known) or IMPUTERS.get(known)
    if made is None:
        raise NoForm(f"{type(stage).__name__} is no step that is known")
    return made(stage, kind)


def _unchanged(transformer: Any) -> Step:
    """Return a FunctionTransformer's step that has no function, as for columns passed through."""
    if transformer.func is not None or transformer.validate:
        raise NoForm("it calls a function")
    return _same


def _same(table: Any) -> Any:
    return table


def _encoded(stage: Any, known: str, kind: Kind) -> tuple[Step, Kind]:
    if isinstance(kind, Columns):
        return ENCODERS[known](stage, kind)
    if kind.sparse:
        raise NoForm("encoders take no sparse matrix")
    step, given = ENCODERS[known](stage, Columns((kind.seen,) * kind.width))
    return _then(np.transpose, step), given


def _beside(transformer: Any, kind: Kind) -> tuple[Step, Kind]:
    """Return ColumnTransformer's step: each part's columns, all answers beside each other."""
    if transformer.transformer_weights:
        raise NoForm("its parts have weights")
    width = kind.width if isinstance(kind, Matrix) else len(kind.seen)
    if transformer.n_features_in_ != width:
        raise NoForm("it was fitted on another number of columns")
    parts: list[Step] = []
    kinds: list[Matrix] = []
    for name, stage, chosen in transformer.transformers_:
        places = list(transformer._transformer_to_input_indices[name])
        if isinstance(stage, str) and stage == "drop":
            continue
        if isinstance(chosen, str | int) and not isinstance(chosen, bool):
            raise NoForm("a part takes one column as a list")
        if not places:
            continue
        step, given = part_of(stage, places, kind)
        parts.append(step)
        kinds.append(given)
    if not parts:
        raise NoForm("it has no part")
    seen = np.result_type(*[part.seen for part in kinds])
    if seen.kind != "f":
        raise NoForm(f"it gives {seen}")
    gives = sum(part.width for part in kinds)

    def beside(table: Any) -> Array:
        return np.concatenate([part(table) for part in parts], axis=1, dtype=seen)

    # Whole numbers passed through become the floats that stand beside them.
    return beside, Matrix(gives, seen, seen, bool(transformer.sparse_output_))


def part_of(stage: Any, places: Sequence[int], kind: Kind) -> tuple[Step, Matrix]:
    """Return what a transformer makes of some columns.

    Args:
        stage: fitted; "passthrough" leaves them as they are.
        places: which columns.
        kind: of the table that they are of.

    Raises:
        NoForm: something is not known.
    """
    step, part = _picked(places, kind)
    for each in [] if isinstance(stage, str) else stages(stage):
        following, part = step_of(each, part)
        step = _then(step, following)
    if isinstance(part, Columns):
        stack, part = _stacked(part)
        step = _then(step, stack)
    return step, part


def _picked(places: Sequence[int], kind: Kind) -> tuple[Step, Kind]:
    if isinstance(kind, Columns):
        return lambda columns: [columns[at] for at in places], Columns(
            tuple(kind.seen[at] for at in places)
        )
    if kind.sparse:
        raise NoForm("parts of a sparse matrix are taken in another way")
    return lambda X: X[:, places], Matrix(len(places), kind.dtype, kind.seen)


def _stacked(kind: Columns) -> tuple[Step, Matrix]:
    """Return the step that makes a matrix of columns of numbers."""
    if any(kind.texts):
        raise NoForm("texts are no numbers")
    seen = np.result_type(*kind.seen)
    narrow = np.dtype(np.float32)
    dtype = narrow if seen == narrow else np.dtype(np.float64)
    width = len(kind.seen)

    def step(columns: Sequence[Array]) -> Array:
        X = np.empty((len(columns[0]), width), dtype, order="F")
        for at, column in enumerate(columns):
            X[:, at] = column
        return X

    return step, Matrix(width, dtype, seen)


def _then(first: Step, second: Step) -> Step:
    return lambda table: second(first(table))
