"""Sample rows for registering a model: a table whose columns are read as the model knows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from models.encoders import ColumnKnowledge, column_knowledge
from models.errors import RefusedModel
from models.estimators import Estimator, first_step, fitted_names, fitted_width, takes_texts
from models.narrow import fitted_on_float32
from models.pictures import PicturePixels
from models.rows import Rows, as_container

MAX_PICTURE_BYTES: Final = 256 * 1024
"""Sample pictures are kept in the manifest, so they have to be small."""

_MISSING_WORDS: Final = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>")


@dataclass(frozen=True)
class Sample:
    """Rows that the model takes, in its order.

    Args:
        X: a DataFrame, a 2-D array, or a 1-D object array of texts or of encoded pictures.
        names: the columns of X, if it is an array.
    """

    X: Rows
    names: tuple[str, ...] | None = None


def read_sample(path: Path, model: Estimator) -> Sample:
    """Read rows like those that the model was fitted on.

    Args:
        path: a CSV file with a line of column names, a Parquet file, or, for a model of pictures,
            a picture or a folder of them.
        model: the fitted estimator; it says which columns, in which order, and which are text.

    Raises:
        RefusedModel: the sample does not fit the model, and how.
    """
    try:
        if isinstance(first_step(model), PicturePixels):
            return Sample(_pictures(path))
        table = _table(path, model)
    except OSError as error:
        raise RefusedModel(f"the sample {path} cannot be read: {error.strerror}") from error
    if table.empty:
        raise RefusedModel(f"{path.name} has no rows; give at least one, better some dozens")
    names = tuple(map(str, table.columns))
    if takes_texts(model):
        return Sample(as_container("texts", table), names)
    if fitted_names(model) is not None or fitted_width(model) is None:
        return Sample(table)
    return Sample(as_container("array", table), names)


def chosen_columns(model: Estimator, present: Sequence[str], where: str) -> list[str]:
    """Return the sample's columns that the model takes, in the model's order.

    Raises:
        RefusedModel: columns are missing, or an array model's sample has another number of them.
    """
    names, width = fitted_names(model), fitted_width(model)
    if takes_texts(model) and len(present) != 1:
        raise RefusedModel(
            f"{where} has {len(present)} columns and the model was fitted on a list of texts;"
            " give one column, of texts like them"
        )
    if names is not None:
        absent = [name for name in names if name not in present]
        if absent:
            raise RefusedModel(
                f"{where} has no column {', '.join(map(repr, absent))};"
                f" the model was fitted on {', '.join(names)}"
            )
        return names
    if width is not None and len(present) != width:
        raise RefusedModel(
            f"{where} has {len(present)} columns and the model was fitted on an array of {width};"
            " it has no names, so give exactly its columns, in its order, without the target"
        )
    return list(present)


def _table(path: Path, model: Estimator) -> pd.DataFrame:
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        columns = chosen_columns(model, list(table.columns), path.name)
        known = column_knowledge(model, columns)
        return pd.DataFrame({name: _as_known(table[name], known[name]) for name in columns})
    try:
        header = pd.read_csv(path, nrows=0)
        present = [str(name) for name in header.columns]
        _refuse_bare_rows(present, path.name)
        columns = chosen_columns(model, present, path.name)
        _refuse_twins(path, columns)
        known = column_knowledge(model, columns)
        if takes_texts(model):
            known = {name: ColumnKnowledge(text=True) for name in columns}
        table = pd.read_csv(
            path,
            usecols=columns,
            dtype={name: "str" for name in columns if _is_text(known[name])},
            keep_default_na=False,
            low_memory=False,
            na_values={name: _missing_words(known[name]) for name in columns},
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise RefusedModel(f"{path.name} cannot be read as CSV: {error}") from error
    table = pd.DataFrame({name: _as_known(table[name], known[name]) for name in columns})
    numbers = all(isinstance(one, np.dtype) and one.kind in "iuf" for one in table.dtypes)
    return table.astype(np.float32) if numbers and fitted_on_float32(model) else table


def _refuse_bare_rows(header: Sequence[str], where: str) -> None:
    if len(header) > 1 and list(header) == list(map(str, range(len(header)))):
        return  # what pandas writes for the columns of an array
    # Repeated values of a first row come as "5.1.1".
    if all(name.replace(".", "").lstrip("-").isdigit() for name in header):
        raise RefusedModel(f"{where} begins with numbers; its first line must name the columns")


def _refuse_twins(path: Path, columns: Sequence[str]) -> None:
    # pandas calls the second of two columns "a" by the name "a.1", and says nothing.
    first_line = pd.read_csv(path, nrows=1, header=None, dtype="str", keep_default_na=False)
    written = first_line.iloc[0].tolist()
    twins = [name for name in columns if name and written.count(name) > 1]
    if twins:
        raise RefusedModel(f"{path.name} has two columns {twins[0]!r}; give each a name of its own")


def _is_text(known: ColumnKnowledge) -> bool:
    categories = known.categories or ()
    words = bool(categories) and all(isinstance(item, str) for item in categories)
    return known.text or words


def _missing_words(known: ColumnKnowledge) -> list[str]:
    """Return the words for a missing value, without those that the column has as its own."""
    if known.text:
        return []
    return [word for word in _MISSING_WORDS if word not in (known.categories or ())]


def _as_known(values: "pd.Series[Any]", known: ColumnKnowledge) -> "pd.Series[Any]":
    if known.pandas_category and not isinstance(values.dtype, pd.CategoricalDtype):
        return values.astype(pd.CategoricalDtype(list(known.categories or ())))
    if known.missing == "none":
        return values.astype(object).where(values.notna(), None)
    if known.numpy_type is not None and isinstance(values.dtype, np.dtype):
        return values.astype(known.numpy_type)
    return values


def _pictures(path: Path) -> Rows:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    chosen = [file for file in files if file.suffix.lower() in {".png", ".jpg", ".jpeg"}]
    if not chosen:
        raise RefusedModel(f"{path} holds no PNG or JPEG, and the model takes pictures")
    for file in chosen:
        if file.stat().st_size > MAX_PICTURE_BYTES:
            raise RefusedModel(
                f"{file.name} is above {MAX_PICTURE_BYTES // 1024} KiB; scale it down"
            )
    X = np.empty(len(chosen), dtype=object)
    X[:] = [file.read_bytes() for file in chosen]
    return X
