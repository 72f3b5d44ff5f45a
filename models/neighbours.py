"""Does a row's answer depend on the rows that are asked with it?

The service joins the requests of several clients into one call, so it must not.
"""

from typing import Final

import numpy as np

from models.errors import RefusedModel
from models.estimators import Estimator, answer
from models.rows import Array, Rows, take

PROBED: Final = 16
"""Rows that are asked one by one."""
ROUNDING: Final = 1e-6
"""Numbers differ by the last bits between batch sizes, more in badly conditioned models; a step
that looks at its neighbours changes them by far more. Absolute below 1, relative above."""
TIES: Final = 1
"""Labels that may differ: a row on the border of two classes falls to either side."""


def refuse_if_neighbours_matter(model: Estimator, X: Rows) -> None:
    """Ask some rows together and one by one.

    Args:
        model: a fitted estimator.
        X: rows that it takes.

    Raises:
        RefusedModel: the answers are not the same.
    """
    probe = take(X, np.linspace(0, len(X) - 1, min(PROBED, len(X))).astype(int))
    together = np.asarray(answer(model, probe))
    try:
        alone = np.concatenate(
            [np.asarray(answer(model, take(probe, [i]))) for i in range(len(probe))]
        )
    except Exception as error:
        raise RefusedModel(
            f"the model answers {len(probe)} rows together and fails on one of them alone"
            f" ({type(error).__name__}: {error}); a request may hold a single row"
        ) from error
    if _differ(together, alone):
        raise RefusedModel(
            "the answer to a row depends on the rows that are asked with it, or on chance, and"
            " requests of several clients are asked together; look for a step that computes over"
            " all rows of X (a mean, a rank, a shift) or draws random numbers when it predicts, and"
            " let it learn in fit what it needs"
        )


def _differ(together: Array, alone: Array) -> bool:
    if together.shape != alone.shape:
        return True
    if together.dtype.kind == "f" and alone.dtype.kind == "f":
        margin = ROUNDING * np.maximum(1.0, np.abs(together))
        return bool((np.abs(together - alone) > margin).any())
    different = together != alone
    rows = different.any(axis=1) if different.ndim == 2 else different
    return int(rows.sum()) > TIES
