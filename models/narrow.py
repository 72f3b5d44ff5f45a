"""Was a model fitted on float32? No CSV file can tell, but often what the model learned can."""

from collections.abc import Iterator

import numpy as np

from models.estimators import Estimator, steps_of

_ASKED_FOR = (np.float32, "float32", np.dtype(np.float32))


def fitted_on_float32(model: Estimator) -> bool:
    """Return whether a step learned float32 and no step was asked to make it.

    scikit-learn learns float32 from rows of float32 only: float64 rows give float64, however
    narrow the target is. A model of which this is not seen, trees among them, may have had either.

    Args:
        model: a fitted estimator.
    """
    parameters = model.get_params(deep=True).values() if hasattr(model, "get_params") else ()
    if any(isinstance(one, type | str | np.dtype) and one in _ASKED_FOR for one in parameters):
        return False
    return any(_learned(model))


def _learned(model: Estimator) -> Iterator[bool]:
    for step in steps_of(model):
        for value in getattr(step, "__dict__", {}).values():
            yield isinstance(value, np.ndarray) and value.dtype == np.float32
