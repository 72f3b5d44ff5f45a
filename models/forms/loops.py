"""scikit-learn's own compiled trees, one after the other in a plain loop; or levels of all."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from models.forms.checks import Array, all_finite
from models.forms.levels import MOST_NODES, Levels
from models.forms.walk.flat import flat, grown


class Loops:
    """Walks trees in scikit-learn's order; see `Walker` and `HistogramWalker`."""

    def sums(self, trees: Sequence[Any]) -> Callable[[Array], Array]:
        """Return the function that adds up what `tree_.predict` says, or would say."""
        asks = [tree.predict for tree in trees]
        outputs, values = trees[0].value.shape[1:]
        shape = (values,) if outputs == 1 else (outputs, values)
        levels = _levels(trees)

        def total(X: Array) -> Array:
            if levels is not None and len(X) <= levels.rows and all_finite(X):
                return levels(X).reshape(len(X), outputs, values)
            sums = np.zeros((len(X), *shape))
            for ask in asks:
                sums += ask(X)
            return sums.reshape(len(X), outputs, values)

        def alone(X: Array) -> Array:
            leaves: Array = asks[0](X).reshape(len(X), outputs, values)
            return leaves

        return alone if len(asks) == 1 else total

    def boosted(self, trees: Array, rate: float) -> Callable[[Array, Array], None]:
        """Return the function that adds what scikit-learn's compiled loop adds."""
        # Only a model that brought it needs it; all ensembles would cost others their memory.
        from sklearn.ensemble._gradient_boosting import predict_stages  # noqa: PLC0415

        def add(X: Array, scores: Array) -> None:
            predict_stages(trees, X, rate, scores)

        return add

    def histogram(self, estimator: Any) -> Callable[[Array, Array], None]:
        """Return the function that adds what scikit-learn's compiled predictors say."""
        from sklearn.ensemble._hist_gradient_boosting._predictor import (  # noqa: PLC0415
            _predict_from_raw_data,
        )

        mapper = estimator._bin_mapper
        known, positions = mapper.make_known_categories_bitsets()
        trees = [
            (of, tree.nodes, tree.raw_left_cat_bitsets)
            for iteration in estimator._predictors
            for of, tree in enumerate(iteration)
        ]

        def add(X: Array, scores: Array) -> None:
            leaves = np.empty(len(X))
            for of, nodes, bits in trees:
                # One thread: the worker has one core.
                _predict_from_raw_data(nodes, X, bits, known, positions, 1, leaves)
                scores[of] += leaves

        return add


def _levels(trees: Sequence[Any]) -> Levels | None:
    """Return the levels of a forest, if they are worth it for some number of rows."""
    if sum(tree.node_count for tree in trees) > MOST_NODES:
        return None
    levels = Levels(flat([grown(tree) for tree in trees]))
    return levels if levels.rows else None
