"""One form beside scikit-learn: the same calls, and every difference of their answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from models.schema import OutputSchema
from models.tables import Rows, Takes, as_taken, take_rows

Array: TypeAlias = npt.NDArray[Any]

ODD: Final = 37
CALLS: Final = {1: 200, 2: 100, 3: 100, 8: 150, ODD: 60, 64: 100, 512: 1000, 4096: 1000}
"""Rows in a call → the most such calls; those of 512 and more cover all rows.

BLAS has ways of its own for very few rows, and they depend on the memory order."""
MOST_SEARCHED: Final = 600
"""Calls that look for rows on which scikit-learn raises."""
MOST_FAILING: Final = 64
"""Rows on which scikit-learn raises that each form is asked for alone."""


class Call(NamedTuple):
    """Rows that are asked for together, and what scikit-learn says to each method.

    Args:
        rows: the rows.
        answers: method → the answer; an exception stands for one.
    """

    rows: Rows
    answers: dict[str, Array | Exception]


@dataclass
class Difference:
    """How far a form's answers are from scikit-learn's.

    Args:
        rows: compared, in all calls together.
        labels_differ: how many labels are others.
        largest: difference of any number; absolute below 1, relative above.
        objection: the first thing that is otherwise and no number; empty if there is none.
    """

    rows: int = 0
    labels_differ: int = 0
    largest: float = 0.0
    objection: str = ""


def methods_of(estimator: Any, output: OutputSchema) -> tuple[str, ...]:
    """Return what the service asks a model for."""
    if output.probabilities and hasattr(estimator, "predict_proba"):
        return (output.method, "predict_proba")
    return (output.method,)


def calls_of(rows: Rows) -> list[Rows]:
    """Cut rows into calls of all sizes."""
    cut: list[Rows] = []
    for size, most in CALLS.items():
        starts = range(0, len(rows), size)
        if len(starts) > most:
            # Evenly spread, and of each size other ones.
            starts = range(size % 7, len(rows) - size, max(1, (len(rows) - size) // most))
        cut += [take_rows(rows, slice(start, start + size)) for start in starts[:most]]
    return cut


def ask(form: Any, method: str, rows: Rows, takes: Takes) -> Array | Exception:
    """Return what a form says, or what it raises."""
    try:
        return np.asarray(getattr(form, method)(as_taken(rows, takes)))
    except Exception as error:
        return error


def compare(form: Any, call: Call, output: OutputSchema, so_far: Difference) -> None:
    """Ask a form for the rows of a call, and note the differences."""
    so_far.rows += len(call.rows)
    for method, expected in call.answers.items():
        if so_far.objection:
            return
        got = ask(form, method, call.rows, form.takes)
        so_far.objection = _objection(method, expected, got)
        if so_far.objection or isinstance(expected, Exception) or isinstance(got, Exception):
            continue
        if output.kind == "classes" and method == output.method:
            so_far.labels_differ += int((expected != got).sum())
        else:
            so_far.objection = _note(method, expected, got, so_far)


def without_failing(estimator: Any, methods: Sequence[str], rows: Rows) -> tuple[Rows, list[int]]:
    """Return the rows on which scikit-learn answers, and the numbers of those that were left out.

    What fails is halved, down to single rows; where too much fails, whole ranges are left out.
    """
    failing: list[int] = []
    left, calls = [(0, len(rows))], 0
    while left:
        start, stop = left.pop()
        calls += 1
        some = take_rows(rows, slice(start, stop))
        if not any(isinstance(ask(estimator, one, some, "X"), Exception) for one in methods):
            continue
        if stop - start == 1 or calls > MOST_SEARCHED:
            failing += range(start, stop)
        else:
            middle = (start + stop) // 2
            left += [(start, middle), (middle, stop)]
    if not failing:
        return rows, []
    failing.sort()
    return take_rows(rows, np.setdiff1d(np.arange(len(rows)), failing)), failing


def _objection(method: str, expected: Array | Exception, got: Array | Exception) -> str:
    if isinstance(expected, Exception) or isinstance(got, Exception):
        if isinstance(expected, Exception) and isinstance(got, Exception):
            return ""
        words = [
            f"raises {type(one).__name__}" if isinstance(one, Exception) else "answers"
            for one in (expected, got)
        ]
        return f"{method}: scikit-learn {words[0]}, and it {words[1]}"
    if (expected.shape, expected.dtype) != (got.shape, got.dtype):
        return (
            f"{method}: {got.dtype} of shape {got.shape}, and scikit-learn's is {expected.dtype}"
            f" of shape {expected.shape}"
        )
    return ""


def _note(method: str, expected: Array, got: Array, so_far: Difference) -> str:
    """Note the largest difference; return what is no number and differs."""
    if expected.dtype.kind not in "fiub":
        return "" if (expected == got).all() else f"{method}: other values"
    expected, got = expected.astype(np.float64), got.astype(np.float64)
    finite = np.isfinite(expected)
    if not np.array_equal(expected[~finite], got[~finite], equal_nan=True):
        return f"{method}: NaN or infinity in other places"
    if not np.isfinite(got[finite]).all():
        return f"{method}: NaN or infinity in other places"
    with np.errstate(over="ignore"):
        apart = np.abs(expected[finite] / 2 - got[finite] / 2) * 2
        apart /= np.maximum(1.0, np.abs(expected[finite]))
    if apart.size:
        so_far.largest = max(so_far.largest, float(min(apart.max(), 1e308)))
    return ""
