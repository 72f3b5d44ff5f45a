"""The contract of one column: values of its type, and a reason for each that breaks it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.extract.cells import EXACT, Typed, typed
from models.extract.paths import is_file_below
from models.extract.texts import mask
from models.rows import Array
from models.spec.columns import ColumnContract, ColumnType

_UNFIT: dict[ColumnType, str] = {
    "integer": "is not a whole number",
    "number": "is not a finite number",
    "text": "is not a text",
    "boolean": "is neither true nor false",
    "date": "is not a day or time in ISO 8601",
    "picture": "is not the name of a file",
}


def unfit_words(contract: ColumnContract) -> str:
    """Return what is wrong with a value that is not of the declared type."""
    if contract.format:
        return f"is not a date of the form {contract.format}"
    if contract.decimal == ",":
        return _UNFIT[contract.type] + " with a decimal comma"
    return _UNFIT[contract.type]


class ColumnRule:
    """Checks the values of one column.

    Args:
        name: the column's name in the specification.
        contract: what its values must be.
        missing_words: texts of the source that stand for a missing value; those that the contract
            has among its `values` are values.
        root: the data root, for pictures.
    """

    def __init__(
        self, name: str, contract: ColumnContract, missing_words: tuple[str, ...], root: Path
    ) -> None:
        self.name = name
        self.contract = contract
        self._words = tuple(
            word for word in missing_words if word not in map(str, contract.values or ())
        )
        self._root = root

    def read(self, cells: pa.Array) -> Typed:
        """Return the cells as the declared type."""
        rule = self.contract
        return typed(cells, rule.type, self._words, form=rule.format, decimal=rule.decimal)

    def breaches(self, column: Typed) -> Iterator[tuple[str, Array]]:
        """Yield sentences, each with the rows that it is true of."""
        contract, values = self.contract, column.values
        if not contract.nullable:
            yield f"{self.name} is missing", column.missing
        yield f"{self.name} {unfit_words(contract)}", column.unfit
        if contract.type == "integer" and contract.nullable:
            large = pc.greater(pc.abs(values), pa.scalar(EXACT, pa.int64()))
            yield (
                f"{self.name} is too large to be exact in a column with missing values",
                mask(large),
            )
        if contract.min is not None:
            below = pc.less(pc.cast(values, pa.float64(), safe=False), contract.min)
            yield f"{self.name} is below {contract.min:g}", mask(below)
        if contract.max is not None:
            above = pc.greater(pc.cast(values, pa.float64(), safe=False), contract.max)
            yield f"{self.name} is above {contract.max:g}", mask(above)
        if contract.values is not None:
            listed = pc.is_in(values, pa.array(contract.values).cast(values.type))
            words = ", ".join(map(str, contract.values))
            yield f"{self.name} is none of {words}", mask(pc.invert(listed)) & _there(column)
        if contract.pattern is not None:
            shaped = _each(values, re.compile(contract.pattern).fullmatch)
            yield f"{self.name} does not match {contract.pattern}", ~shaped & _there(column)
        if contract.type == "picture":
            found = _each(values, lambda file: is_file_below(self._root, file))
            yield f"{self.name} names no file under the data root", ~found & _there(column)


def _there(column: Typed) -> Array:
    return ~(column.missing | column.unfit)


def _each(values: pa.Array, holds: Callable[[str], object]) -> Array:
    """Return for which values a test holds; each different one is tested once."""
    coded = values.dictionary_encode()
    tested = [text is not None and bool(holds(text)) for text in coded.dictionary.to_pylist()]
    answers = np.asarray([*tested, False], dtype=bool)
    places = pc.fill_null(coded.indices, len(tested)).to_numpy(zero_copy_only=False)
    return np.asarray(answers[places], dtype=bool)
