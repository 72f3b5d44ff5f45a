"""What a preset is: data, an estimator, and words about both."""

from collections.abc import Callable
from dataclasses import dataclass

from models.estimators import Estimator
from models.rows import Array, Rows


@dataclass(frozen=True)
class Data:
    """Rows with their targets.

    Args:
        X: a DataFrame with named columns, or a 1-D object array of pictures.
        y: targets, shape (n,).
        source: where the rows come from.
        synthetic: they were generated and describe nothing real.
    """

    X: Rows
    y: Array
    source: str
    synthetic: bool = False


@dataclass(frozen=True)
class Preset:
    """A model that anybody can train without data of their own.

    Args:
        name: its name in the store.
        description: one or two sentences for a person.
        load: makes the data; the seed matters to generated data only.
        build: makes the unfitted estimator, from the seed for its `random_state`.
        stratified: the held-out rows keep the classes' shares.
    """

    name: str
    description: str
    load: Callable[[int], Data]
    build: Callable[[int], Estimator]
    stratified: bool
