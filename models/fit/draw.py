"""What each run draws: its seed, and parameters from the search space."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from models.errors import BadSpecification
from models.spec import Specification
from models.spec.fitting import Range

FEATURES: Final = "features__"
"""Parameters of this prefix are the preparation's; all others the estimator's."""


@dataclass(frozen=True)
class Draw:
    """What is particular to a run.

    Args:
        number: from 0.
        seed: of its estimator, of its features, and of its division if rows are divided anew.
        parameters: drawn ones; names as in [fit.search].
    """

    number: int
    seed: int
    parameters: Mapping[str, Any] = field(default_factory=dict)


def drawn(spec: Specification, number: int) -> Draw:
    """Return what a run draws; it depends on the specification's seed and the number alone.

    Raises:
        BadSpecification: there is nothing to draw from.
    """
    rng = np.random.default_rng([spec.model.seed, number])
    seed = int(rng.integers(2**31))
    parameters = {
        name: _one_of(name, values, rng) for name, values in sorted(spec.fit.search.items())
    }
    return Draw(number, seed, parameters)


def _one_of(name: str, values: Any, rng: np.random.Generator) -> Any:
    if not isinstance(values, Range):
        if not values:
            raise BadSpecification(f"fit.search.{name} is an empty list; give values or leave it")
        return values[int(rng.integers(len(values)))]
    if values.log:
        found = math.exp(rng.uniform(math.log(values.low), math.log(values.high)))
        # The exponential of a logarithm may miss the ends by a rounding.
        found = min(max(found, values.low), values.high)
        return round(found) if values.whole else found
    if values.whole:
        least, most = math.ceil(values.low), math.floor(values.high)
        if least > most:
            raise BadSpecification(f"fit.search.{name}: no whole number lies between low and high")
        return int(rng.integers(least, most + 1))
    return float(rng.uniform(values.low, values.high))
