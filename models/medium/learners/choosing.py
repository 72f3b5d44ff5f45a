"""Which learner a step needs."""

from collections.abc import Callable
from typing import Final

from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from models.errors import BadSpecification
from models.estimators import Estimator
from models.medium.learners.categories import EncoderLearner
from models.medium.learners.learner import (
    ByPartialFit,
    FromFirstBatch,
    FromLowest,
    Learner,
    WhereMissing,
)
from models.medium.learners.numbers import Means, MostFrequent, Quantiles
from models.medium.learners.response import ResponseLearner
from models.medium.learners.words import WordLearner
from models.rows import Array
from models.transform.dates import DateFeatures
from models.transform.logarithm import LogOnePlus
from models.transform.rules import FOLDS
from models.transform.truth import TruthValues

_IMPUTERS: Final[dict[str, Callable[[Estimator], Learner]]] = {
    "mean": Means,
    "median": Quantiles,
    "most_frequent": MostFrequent,
    "constant": FromFirstBatch,
}
_LEARNERS: Final[dict[type, Callable[[Estimator], Learner]]] = {
    OneHotEncoder: EncoderLearner,
    OrdinalEncoder: EncoderLearner,
    TfidfVectorizer: WordLearner,
    MissingIndicator: WhereMissing,
    LogOnePlus: FromLowest,
    StandardScaler: ByPartialFit,
    MinMaxScaler: ByPartialFit,
    MaxAbsScaler: ByPartialFit,
    HashingVectorizer: FromFirstBatch,
    FunctionTransformer: FromFirstBatch,
    DateFeatures: FromFirstBatch,
    TruthValues: FromFirstBatch,
}


def learner_for(step: Estimator, classes: Array | None) -> Learner:
    """Return what learns a step.

    Args:
        step: unfitted.
        classes: of the target, ascending; None for regression.

    Raises:
        BadSpecification: nobody knows how to learn it batch by batch.
    """
    if isinstance(step, TargetEncoder):
        return ResponseLearner(step, classes, FOLDS)
    if isinstance(step, RobustScaler):
        return Quantiles(step, (25.0, 50.0, 75.0))
    kinds = [_IMPUTERS[step.strategy]] if isinstance(step, SimpleImputer) else []
    kinds += [learner for known, learner in _LEARNERS.items() if isinstance(step, known)]
    if kinds:
        return kinds[0](step)
    raise BadSpecification(
        f"features: {type(step).__name__} cannot be learned batch by batch; take"
        ' strategy = "sample" under [medium]'
    )
