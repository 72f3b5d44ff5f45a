"""A kind of fitted model: how it is made, what it is asked, and how it is asked in process."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[Any]
RNG_SEED = 7
FITTED_ROWS = 120


class Fitted(NamedTuple):
    """A fitted model and rows like those that it was fitted on."""

    model: Any
    rows: pd.DataFrame
    """What a client sends, a column a name. A sample file is made from it."""


@dataclass(frozen=True)
class Kind:
    """One kind of model that a stranger may bring.

    Args:
        name: its name in the store.
        fit: makes it.
        form: what the model takes in process.
        sample: the file format of its sample.
        probabilities: whether the service gives its probabilities.
    """

    name: str
    fit: Callable[[], Fitted]
    form: Literal["frame", "array", "texts"] = "frame"
    sample: Literal["csv", "parquet"] = "csv"
    probabilities: bool = False


def in_process(form: str, rows: pd.DataFrame) -> Any:
    """Return the rows as the model was fitted on them."""
    if form == "texts":
        return rows.iloc[:, 0].tolist()
    return rows if form == "frame" else rows.to_numpy()


def as_json(rows: pd.DataFrame) -> list[list[Any]]:
    """Return the rows as a client writes them."""
    columns = [[_cell(value) for value in rows[name]] for name in rows.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def _cell(value: Any) -> Any:
    plain: Any = value.item() if isinstance(value, np.generic) else value
    if pd.isna(plain):
        return None
    return plain.isoformat() if isinstance(plain, pd.Timestamp) else plain


def numbers(width: int = 4) -> pd.DataFrame:
    """Return columns of plain numbers."""
    values = np.random.default_rng(RNG_SEED).normal(size=(FITTED_ROWS, width))
    return pd.DataFrame(values, columns=[f"x{i}" for i in range(width)])


def two(rows: pd.DataFrame) -> Array:
    """Return a target of two values that the first columns tell, mostly."""
    noise = np.random.default_rng(RNG_SEED + 1).normal(scale=0.3, size=len(rows))
    return np.asarray(rows["x0"] + rows["x1"] + noise > 0)


def three(rows: pd.DataFrame) -> Array:
    """Return a target of three values: 0, 1, 2."""
    return np.digitize(rows["x0"] - rows["x2"], [-0.6, 0.6])


def value(rows: pd.DataFrame) -> Array:
    """Return a number a row."""
    return np.asarray(rows["x0"] * 3.0 - rows["x1"] ** 2 + 0.5)


def mixed() -> pd.DataFrame:
    """Return columns of every type that a request carries."""
    rng = np.random.default_rng(RNG_SEED)
    n = FITTED_ROWS
    rows = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "income": rng.normal(3e4, 1e4, n).round(2),
            "city": rng.choice(["Oslo", "Köln", "København", "NA"], n),
            "plan": rng.choice(["basic", "plus", "pro"], n, p=[0.6, 0.3, 0.1]),
            "member": rng.random(n) < 0.5,
            "visits": rng.integers(0, 9, n).astype(float),
        }
    )
    rows.loc[rng.random(n) < 0.1, "income"] = np.nan
    return rows


def churn(rows: pd.DataFrame) -> Array:
    """Return a target of two words for `mixed`."""
    leaves = (rows["plan"] == "basic") ^ (rows["age"] > 45)
    return np.where(leaves, "leaves", "stays")


def spending(rows: pd.DataFrame) -> Array:
    """Return a number a row for `mixed`."""
    return np.asarray(rows["age"] * 2.0 + rows["member"] * 30.0 + rows["visits"])
