"""One fit: drawn, fitted on some rows, and judged on others."""

import difflib
import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.errors import BadSpecification
from models.estimators import Estimator
from models.fit.boosters import more_parameters
from models.fit.build import build_estimator
from models.fit.draw import FEATURES, Draw
from models.fit.encoded import EncodedLabels
from models.fit.epochs import fit_by_epochs
from models.fit.run import Epoch
from models.fit.table import Table
from models.metrics import metric_named
from models.spec import Specification
from models.transform import pipeline

SHOWN_WARNING_CHARS = 200


@dataclass(frozen=True)
class Fitted:
    """A fitted pipeline and how good it is.

    Args:
        model: the pipeline.
        score: the deciding metric on the validation rows.
        fitted_score: the same on the fitted rows.
        epochs: its trace, if it was fitted epoch by epoch.
        warnings: what the libraries warned of, each once.
    """

    model: Estimator
    score: float
    fitted_score: float
    epochs: tuple[Epoch, ...]
    warnings: tuple[str, ...]


def unfitted(spec: Specification, draw: Draw) -> Pipeline:
    """Return the pipeline of one run.

    Raises:
        BadSpecification: the specification names what there is not.
    """
    estimator = build_estimator(spec.fit.estimator, spec.model.task, draw.seed)
    made = pipeline(spec, estimator, draw.seed)
    inner = "model__estimator__" if isinstance(estimator, EncodedLabels) else "model__"
    known = set(made.get_params(deep=True))
    known |= {inner + name for name in more_parameters(spec.fit.estimator.name)}
    for name, value in draw.parameters.items():
        full = name if name.startswith(FEATURES) else inner + name
        if full not in known:
            raise BadSpecification(_no_parameter(name, known, inner))
        made.set_params(**{full: value})
    return made


def fit_one(
    spec: Specification,
    draw: Draw,
    fitted: Table,
    validation: Table,
    tell: Callable[[Epoch], None],
) -> Fitted:
    """Fit and judge, on one core.

    Args:
        spec: what to fit.
        draw: what is particular to this fit.
        fitted: rows to fit on.
        validation: rows to judge by, and to stop epochs by.
        tell: told of each epoch.

    Raises:
        BadSpecification: as `unfitted`.
        ValueError: the metric is not finite; or whatever the estimator raises.
    """
    metric = metric_named(spec.metric, spec.model.task)
    epochs: tuple[Epoch, ...] = ()
    # Fits run side by side, one a core: threads of their own would only wait for each other. And
    # sums of threads differ in their last bits.
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(1):
        warnings.simplefilter("always")
        model = unfitted(spec, draw)
        if spec.fit.epochs is None:
            model.fit(fitted.X, fitted.y)
        else:
            epochs = fit_by_epochs(model, spec.fit.epochs, fitted, validation, metric, tell)
        score = metric.score(model, validation.X, validation.y)
        fitted_score = metric.score(model, fitted.X, fitted.y)
    if not math.isfinite(score):
        raise ValueError(f"{metric.name} on the {len(validation)} validation rows is {score}")
    return Fitted(model, score, fitted_score, epochs, _words(caught))


def _no_parameter(name: str, known: Iterable[str], inner: str) -> str:
    plain = [one.removeprefix(inner) for one in known if one.startswith((inner, FEATURES))]
    close = difflib.get_close_matches(name, plain, 1)
    hint = f"did you mean {close[0]!r}?" if close else "there is no such parameter."
    short = sorted(one for one in plain if "__" not in one)
    return f"fit.search.{name}: {hint} The estimator has: {', '.join(short)}"


def _words(caught: Iterable[warnings.WarningMessage]) -> tuple[str, ...]:
    texts = (f"{one.category.__name__}: {one.message}".splitlines()[0] for one in caught)
    return tuple(dict.fromkeys(text[:SHOWN_WARNING_CHARS] for text in texts))
