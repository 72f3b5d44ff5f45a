"""Rows chosen to hurt, and the comparison of every form with scikit-learn itself on them."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.derive import input_schema
from models.forms import Form, Name, candidates
from models.schema import Column, TabularSchema

Array = npt.NDArray[Any]

METHODS = ("predict", "predict_proba", "transform")
SIZES = (1, 2, 7, 64, 513)

EXTREMES = [
    0.0,
    -0.0,
    5e-324,
    -5e-324,
    1e-45,
    1e-310,
    np.finfo(np.float32).tiny,
    np.finfo(np.float32).max,
    -np.finfo(np.float32).max,
    3.4028235677973366e38,  # rounds to float32's infinity
    1e300,
    -1e300,
    np.finfo(np.float64).max,
    np.finfo(np.float64).min,
    np.inf,
    -np.inf,
    np.nan,
    2.0**53 + 2,
    16777217.0,
]


def number_rows(X: Array, thresholds: Sequence[Sequence[float]] = (), seed: int = 0) -> Array:
    """Return float64 rows around those of X and their thresholds, one odd cell a row and many.

    Args:
        X: training rows, float64.
        thresholds: of each column the values that something is compared with.
        seed: of the draw.
    """
    draw = np.random.default_rng(seed)
    base = X[draw.integers(len(X), size=600)].copy()
    mixed = np.column_stack([draw.permutation(column) for column in base.T])
    around = base + draw.normal(scale=np.nanstd(X, axis=0) + 1e-9, size=base.shape)
    next_to = mixed.copy()
    odd = mixed[: len(EXTREMES) * X.shape[1]].copy()
    for at, column in enumerate(X.T):
        known = [value for value in column[:50] if np.isfinite(value)]
        edges = neighbours([*known, *(thresholds[at] if thresholds else ())])
        next_to[:, at] = draw.choice(edges, size=len(next_to))
    cells = [(value, at) for value in EXTREMES for at in range(X.shape[1])]
    for row, (value, at) in zip(odd, cells, strict=False):
        row[at] = value
    return np.ascontiguousarray(np.vstack([base, mixed, around, next_to, odd]))


def neighbours(values: Sequence[float]) -> Array:
    """Return the values and those next to them, in float64 and in float32."""
    exact = np.asarray(values, np.float64)
    with np.errstate(over="ignore"):
        narrow = exact.astype(np.float32)
    lower, upper = (np.nextafter(narrow, np.float32(end)) for end in (-np.inf, np.inf))
    middle = (narrow.astype(np.float64) + upper) / 2  # rounds to even
    near = [np.nextafter(exact, -np.inf), exact, np.nextafter(exact, np.inf), narrow, lower, upper]
    every = np.concatenate([*(one.astype(np.float64) for one in near), middle, -exact])
    found: Array = every[np.isfinite(every)]
    return found


def thresholds_of(model: Any, width: int) -> list[list[float]]:
    """Return of each column what the trees of a fitted model compare it with."""
    found: list[list[float]] = [[] for _ in range(width)]
    for predictors in getattr(model, "_predictors", ()):
        for tree in predictors:
            for node in tree.nodes[tree.nodes["is_leaf"] == 0]:
                found[node["feature_idx"]].append(float(node["num_threshold"]))
    if hasattr(model, "_predictors"):
        return found
    for estimator in np.ravel(np.asarray(getattr(model, "estimators_", model), dtype=object)):
        tree = estimator.tree_
        for feature, threshold in zip(tree.feature, tree.threshold, strict=True):
            if feature >= 0:
                found[feature].append(float(threshold))
    return found


def rows_for_model(schema: TabularSchema, rows: Any) -> Any:
    """Return rows as the service builds them: a DataFrame with the training types, or an array.

    Args:
        schema: whose container and types.
        rows: a DataFrame, or a float64 array of all columns.
    """
    columns = schema.columns
    if isinstance(rows, pd.DataFrame):
        return rows
    plain = all(column.frame_dtype == "float64" for column in columns)
    if schema.container == "array":
        return rows if plain else rows.astype(np.result_type(*[c.frame_dtype for c in columns]))
    if plain:
        return pd.DataFrame(rows, columns=[column.name for column in columns], copy=False)
    return pd.DataFrame({c.name: rows[:, at].astype(c.frame_dtype) for at, c in enumerate(columns)})


def handed(form: Form, schema: TabularSchema, X: Any) -> Any:
    """Return rows as a form takes them."""
    if form.takes == "X":
        return X
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X)
    if form.takes == "matrix":
        matrix = np.ascontiguousarray(frame.to_numpy(np.float64))
        matrix.setflags(write=False)  # as one that came over a socket
        return matrix
    return [_column(column, frame.iloc[:, at]) for at, column in enumerate(schema.columns)]


def _column(column: Column, values: "pd.Series[Any]") -> Array:
    if column.dtype == "string":
        null = None if column.missing == "none" else np.nan
        texts = np.array([null if pd.isna(one) else one for one in values], dtype=object)
        texts.setflags(write=False)
        return texts
    whole = column.dtype not in ("bool", "float32", "float64") and not column.nullable
    numbers = values.to_numpy(np.int64 if whole else np.float64, copy=True)
    numbers.setflags(write=False)
    return numbers


def forms_of(model: Any, X: Any, names: Sequence[Name] | None = None) -> tuple[Any, list[Form]]:
    """Return the schema and the forms of a fitted model, without scikit-learn's own."""
    schema = input_schema(model, X)
    assert isinstance(schema, TabularSchema)
    scikit, *others = candidates(model, schema, names)
    assert scikit.name == "scikit-learn"
    return schema, others


def assert_same(model: Any, X: Any, rows: Any, names: Sequence[Name], within: float = 0.0) -> None:
    """Compare each form with scikit-learn, in calls of many sizes.

    Args:
        model: fitted.
        X: its training rows; the schema comes from them.
        rows: what is asked: a DataFrame, or a float64 array of all columns.
        names: forms that must exist, and are compared.
        within: how far values may be from scikit-learn's; 0: equal to the bit.
    """
    schema, forms = forms_of(model, X, names)
    assert [form.name for form in forms] == list(names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for form in forms:
            for part in _parts(rows):
                question = rows_for_model(schema, part)
                for method in METHODS:
                    assert hasattr(form, method) == hasattr(model, method), method
                    if hasattr(model, method):
                        _compare(model, form, method, question, schema, within)


def _compare(
    model: Any, form: Form, method: str, X: Any, schema: TabularSchema, within: float
) -> None:
    given = handed(form, schema, X)
    expected = _outcome(getattr(model, method), X.copy())  # some steps write into it
    found = _outcome(getattr(form, method), given)
    where = f"{form.name}.{method} of {len(X)} rows: {expected!r}, {found!r}"
    if isinstance(expected, Exception) or isinstance(found, Exception):
        assert isinstance(expected, Exception) is isinstance(found, Exception), where
        return
    if isinstance(expected, list):
        assert len(found) == len(expected), where
    pairs = zip(expected, found, strict=True) if isinstance(expected, list) else [(expected, found)]
    for one, other in pairs:
        assert type(other) is type(one), where
        assert (other.dtype, other.shape) == (one.dtype, one.shape), where
        if within and one.dtype.kind == "f":
            np.testing.assert_allclose(other, one, rtol=within, atol=within, err_msg=where)
        elif one.dtype.kind == "f":
            # As bytes, so that zeros of both signs and NaN count.
            assert np.array_equal(other, one, equal_nan=True), where
            assert (np.signbit(other) == np.signbit(one)).all(), where
        else:
            assert np.array_equal(other, one), where


def _outcome(ask: Callable[[Any], Any], X: Any) -> Any:
    try:
        answer = ask(X)
    except Exception as error:
        return error
    # A sparse answer counts as its dense one.
    return answer.toarray() if hasattr(answer, "toarray") else answer


def _parts(rows: Any) -> Iterator[Any]:
    """Cut rows into calls of different sizes; then some rows each alone."""
    at, turn = 0, 0
    while at < len(rows):
        size = SIZES[turn % len(SIZES)]
        yield rows[at : at + size]
        at, turn = at + size, turn + 1
    for alone in range(0, len(rows), max(1, len(rows) // 16)):
        yield rows[alone : alone + 1]
