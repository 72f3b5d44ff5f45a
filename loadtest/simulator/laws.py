"""Laws of service times, as factors of mean 1."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from loadtest.scenario.base import Frozen

LawName = Literal[
    "deterministic", "exponential", "erlang", "lognormal", "hyperexponential", "empirical"
]


class Law(Frozen):
    """How much service times scatter around their mean."""

    kind: LawName = "deterministic"
    scv: float = Field(default=1.0, gt=0)
    """Squared coefficient of variation; of erlang 1/scv is its number of stages, rounded."""
    values: tuple[float, ...] = ()
    """Of the empirical law: measured factors, drawn with replacement and brought to mean 1."""


def draw(law: Law, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw factors of mean 1.

    Raises:
        ValueError: an empirical law without values, or a hyperexponential with scv < 1.
    """
    match law.kind:
        case "deterministic":
            return np.ones(count)
        case "exponential":
            return rng.exponential(1.0, count)
        case "erlang":
            stages = max(round(1 / law.scv), 1)
            return rng.gamma(stages, 1 / stages, count)
        case "lognormal":
            spread = np.log1p(law.scv)
            return rng.lognormal(-spread / 2, np.sqrt(spread), count)
        case "hyperexponential":
            return _hyperexponential(law.scv, count, rng)
        case "empirical":
            values = np.asarray(law.values, dtype=np.float64)
            if len(values) == 0 or values.mean() <= 0:
                raise ValueError("an empirical law needs values, and a mean above zero")
            return rng.choice(values / values.mean(), count)


def _hyperexponential(scv: float, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Mix two exponentials with balanced means: each brings half of the load."""
    if scv < 1:
        raise ValueError(f"no hyperexponential law has scv {scv}; it is at least 1")
    short = (1 + np.sqrt((scv - 1) / (scv + 1))) / 2
    is_short = rng.random(count) < short
    means = np.where(is_short, 1 / (2 * short), 1 / (2 * (1 - short)))
    return np.asarray(rng.exponential(1.0, count) * means, dtype=np.float64)
