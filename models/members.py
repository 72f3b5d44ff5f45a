"""Estimators that others are made of, and that see the same columns as these do."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.model_selection._search import BaseSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.semi_supervised import SelfTrainingClassifier

Member: TypeAlias = tuple[Any, list[str | None]]
"""A fitted estimator and the input column behind each of its inputs."""

_OF_SEVERAL: Final = (
    VotingClassifier,
    VotingRegressor,
    StackingClassifier,
    StackingRegressor,
    MultiOutputClassifier,
    MultiOutputRegressor,
    OneVsRestClassifier,
)
_AROUND_ONE: Final[dict[type, str]] = {
    BaseSearchCV: "best_estimator_",
    FixedThresholdClassifier: "estimator_",
    TunedThresholdClassifierCV: "estimator_",
    SelfTrainingClassifier: "estimator_",
    TransformedTargetRegressor: "regressor_",
    FrozenEstimator: "estimator",
}


def members(model: Any, columns: Sequence[str | None]) -> Iterator[Member]:
    """Yield the fitted estimators that a model gives its rows to as they came.

    Those that see what others made of the rows (a stack's last one, a chain's) are left out.

    Args:
        model: a fitted estimator.
        columns: the input column behind each of its inputs.
    """
    names = list(columns)
    if isinstance(model, _OF_SEVERAL):
        for one in model.estimators_:
            yield one, names
    elif isinstance(model, CalibratedClassifierCV):
        for calibrated in model.calibrated_classifiers_:
            yield calibrated.estimator, names
    elif isinstance(model, BaggingClassifier | BaggingRegressor):
        for one, chosen in zip(model.estimators_, model.estimators_features_, strict=True):
            yield one, [names[position] for position in chosen]
    for kind, attribute in _AROUND_ONE.items():
        if isinstance(model, kind) and hasattr(model, attribute):
            yield getattr(model, attribute), names
