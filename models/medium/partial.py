"""Fitting batch after batch, by `partial_fit`."""

import copy
import time
from dataclasses import dataclass
from typing import Final

from models.errors import BadSpecification
from models.estimators import Estimator
from models.fit.progress import EpochEnd, Progress
from models.fit.run import Epoch
from models.medium.candidates import Candidate, alive
from models.medium.judging import judge
from models.medium.prepared import Prepared
from models.metrics import METRICS, Metric
from models.spec.fitting import Epochs

_ALWAYS: Final = {"classification": "accuracy", "regression": "r2"}


@dataclass
class Best:
    """The best epoch of a candidate so far."""

    number: int = 0
    value: float = float("nan")
    model: Estimator = None


def fit_partially(
    candidates: list[Candidate],
    prepared: Prepared,
    passes: int,
    epochs: Epochs | None,
    metric: Metric,
    tell: Progress,
) -> None:
    """Fit all candidates side by side: rows are read and features made once a pass, for all.

    Args:
        candidates: fitted in place; whichever raises is out.
        prepared: rows, in another random order each pass.
        passes: over the rows.
        epochs: passes until patience is at an end, instead; the best epoch is kept.
        metric: what decides.
        tell: told of epochs.

    Raises:
        BadSpecification: the estimator has no partial_fit.
    """
    refuse_without_partial_fit(candidates[0].model)
    going = list(candidates)
    best = {one.draw.number: Best() for one in candidates}
    for number in range(1, (passes if epochs is None else epochs.most) + 1):
        _one_pass(going, prepared, number)
        going = alive(going)
        if epochs is None:
            continue
        _measure(going, prepared, number, metric)
        for one in going:
            tell(EpochEnd(one.draw.number, one.trace[-1]))
        going = [one for one in going if not _is_over(one, best[one.draw.number], epochs, metric)]
        if not going:
            break
    for one in alive(candidates):
        if epochs is not None:
            one.model = best[one.draw.number].model


def refuse_without_partial_fit(model: Estimator) -> None:
    """Refuse an estimator that learns in one go.

    Raises:
        BadSpecification: it has no partial_fit.
    """
    if not hasattr(model, "partial_fit"):
        raise BadSpecification(
            f"{type(model).__name__} has no partial_fit; take one that has (SGDClassifier,"
            " SGDRegressor, MLPClassifier, MLPRegressor, GaussianNB, …), or under [medium]"
            ' strategy = "average" or "exact" for linear models, and "sample" for all others'
        )


def _one_pass(candidates: list[Candidate], prepared: Prepared, number: int) -> None:
    classes = prepared.cached.classes
    first = number == 1
    for X, y in prepared.shuffled(number):
        for one in alive(candidates):
            begin = time.monotonic()
            try:
                options = {"classes": classes} if first and classes is not None else {}
                one.model.partial_fit(X, y, **options)
            except Exception as error:
                one.error = f"{type(error).__name__}: {error}"
            one.seconds += time.monotonic() - begin
        first = False


def _measure(candidates: list[Candidate], prepared: Prepared, number: int, metric: Metric) -> None:
    """Add an epoch to each trace: all validation rows, and a sample of the fitted ones."""
    models = [one.model for one in candidates]
    names = list(dict.fromkeys([_ALWAYS[metric.task], metric.name]))
    judged = judge(prepared, prepared.cached.validation, models)
    scores = {name: judged.scores(METRICS[name]) for name in names}
    X, y = prepared.known()
    for position, one in enumerate(candidates):
        fitted = {name: METRICS[name].score(one.model, X, y) for name in names}
        validation = {name: scores[name][position] for name in names}
        one.trace.append(Epoch(number, fitted, validation))


def _is_over(one: Candidate, best: Best, epochs: Epochs, metric: Metric) -> bool:
    """Keep the epoch if it is the best so far; say whether patience is at an end."""
    last = one.trace[-1]
    value = last.validation[metric.name]
    if best.number == 0 or metric.is_better(value, best.value):
        best.number, best.value, best.model = last.number, value, copy.deepcopy(one.model)
        return False
    return last.number - best.number >= epochs.patience
