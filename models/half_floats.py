"""Whether a model was fitted on floats of 16 bits, which no request carries."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from models.errors import RefusedModel
from models.estimators import Estimator

REMEDY: Final = "convert the training rows with astype('float64') or 'float32' and fit again"


def refuse_half_floats(model: Estimator) -> None:
    """Let pass what was fitted on wider numbers, as far as a fitted model tells.

    Steps compute in the width of the rows that they are given: with the same numbers in 64 bits
    such a model answers something else, and a sample in CSV cannot say which width it had.

    Raises:
        RefusedModel: what it learned has 16 bits; the attribute is named.
    """
    for owner, name in _halves(model):
        raise RefusedModel(
            f"{owner}.{name} is float16: the model was fitted on floats of 16 bits, and answers"
            f" rows of 32 or 64 bits, which requests carry, differently; {REMEDY}"
        )


def _halves(model: Estimator) -> Iterator[tuple[str, str]]:
    """Find arrays of 16-bit floats in an estimator and in what it consists of."""
    waiting: list[Any] = [model]
    seen: set[int] = set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, list | tuple):
            waiting.extend(part)
        elif isinstance(part, dict):
            waiting.extend(part.values())
        elif hasattr(part, "get_params") and hasattr(part, "__dict__"):
            for name, value in vars(part).items():
                if getattr(value, "dtype", None) == np.float16:
                    yield type(part).__name__, name
                elif isinstance(value, list | tuple | dict) or hasattr(value, "get_params"):
                    waiting.append(value)
