"""All runs side by side, compared on the validation rows; and the best of them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sklearn.pipeline import Pipeline

from models.errors import FitFailed
from models.estimators import Estimator
from models.fit.progress import Progress, RunEnd, RunsBegin, silent
from models.fit.run import Chosen, Run
from models.medium.average import fit_averaged, refuse_curved
from models.medium.candidates import Candidate, alive
from models.medium.exact import fit_exactly, refuse_others
from models.medium.judging import judge
from models.medium.partial import fit_partially, refuse_without_partial_fit
from models.medium.prepared import Prepared
from models.metrics import Metric, metric_named
from models.spec import Specification
from models.stages import plain


@dataclass(frozen=True)
class Outcome:
    """What came of all runs.

    Args:
        chosen: the winner, a pipeline, and the others.
        prepared: makes features of the held-out rows.
        words: how the rows were fitted.
        fitted_rows: that the winner was fitted on.
    """

    chosen: Chosen
    prepared: Prepared
    words: str
    fitted_rows: int


_REFUSALS: Final[dict[str, Callable[[Estimator], None]]] = {
    "partial_fit": refuse_without_partial_fit,
    "average": refuse_curved,
    "exact": refuse_others,
}
"""Strategy of this module → what refuses the estimators that it cannot fit."""


def refuse_unfit(strategy: str, model: Estimator) -> None:
    """Refuse, before anything is read, an estimator that a strategy cannot fit.

    Args:
        strategy: of [medium], "sample" excepted.
        model: unfitted.

    Raises:
        BadSpecification: it cannot, and which one can.
    """
    _REFUSALS[strategy](model)


def fit_all(
    spec: Specification,
    candidates: list[Candidate],
    prepared: Prepared,
    tell: Progress = silent,
) -> Outcome:
    """Fit all candidates, and keep the best.

    Args:
        spec: says how.
        candidates: unfitted.
        prepared: the rows.
        tell: told of epochs and runs.

    Raises:
        FitFailed: every run failed, and why.
        BadSpecification: the estimator cannot be fitted so.
        BadData: the rows do not do for it.
    """
    metric = metric_named(spec.metric, spec.model.task)
    begin = RunsBegin(len(candidates), (), metric.name, metric.greater_is_better)
    loud = prepared
    if spec.fit.epochs is not None:
        # One picture at a time: the trace of the epochs, not how far each pass is.
        prepared = prepared.silenced()
        tell(begin)
    words = _fit(spec, candidates, prepared, metric, tell)
    going = alive(candidates)
    if not going:
        reason, _ = Counter(one.error for one in candidates).most_common(1)[0]
        raise FitFailed(f"all {len(candidates)} runs failed: {reason}")
    judged = judge(prepared, prepared.cached.validation, [one.model for one in going])
    scores = dict(zip((one.draw.number for one in going), judged.scores(metric), strict=True))
    runs = tuple(_run(one, scores, prepared, metric) for one in candidates)
    if spec.fit.epochs is None:
        tell(begin)
    for run in runs:
        tell(RunEnd(run))
    best = _best(runs, metric)
    winner = candidates[best.number]
    features = prepared.features.transformer
    notes = [words, *_part_notes(winner, best, prepared, metric), *_failures(runs)]
    if spec.fit.stop_at is not None:
        notes.append("runs are fitted side by side: fit.stop_at stopped none of them")
    model = Pipeline([("features", features), ("model", winner.model)])
    chosen = Chosen(model, best, runs, notes=tuple(notes))
    return Outcome(chosen, loud, words, len(prepared.cached.fitted))


def _fit(
    spec: Specification,
    candidates: list[Candidate],
    prepared: Prepared,
    metric: Metric,
    tell: Progress,
) -> str:
    rows = f"{len(prepared.cached.fitted):,} rows"
    match spec.medium.strategy:
        case "average":
            parts = fit_averaged(candidates, prepared, spec.medium.parts)
            return f"a model for each of {parts} parts of {rows}, weights averaged"
        case "exact":
            fit_exactly(candidates, prepared)
            return f"{rows} at once, by sums of products"
        case _:
            epochs = spec.fit.epochs
            fit_partially(candidates, prepared, spec.medium.passes, epochs, metric, tell)
            passes = max(len(one.trace) for one in candidates) if epochs else spec.medium.passes
            return f"{passes} passes over {rows}, batch after batch"


def _run(one: Candidate, scores: dict[int, float], prepared: Prepared, metric: Metric) -> Run:
    draw = one.draw
    nan = float("nan")
    if one.error:
        return Run(draw.number, draw.seed, draw.parameters, nan, nan, one.seconds, error=one.error)
    return Run(
        number=draw.number,
        seed=draw.seed,
        parameters=draw.parameters,
        score=scores[draw.number],
        fitted_score=float(metric.score(one.model, *prepared.known())),
        seconds=one.seconds,
        epochs=tuple(one.trace),
    )


def _best(runs: tuple[Run, ...], metric: Metric) -> Run:
    fitted = [run for run in runs if not run.error]
    best = fitted[0]
    for run in fitted[1:]:
        if metric.is_better(run.score, best.score):
            best = run
    return best


def _part_notes(winner: Candidate, best: Run, prepared: Prepared, metric: Metric) -> list[str]:
    """Compare the average with its parts: each of them is a fit in memory of a part of the rows."""
    if not winner.parts:
        return []
    judged = judge(prepared, prepared.cached.validation, winner.parts)
    scores = sorted(judged.scores(metric))
    return [
        f"averaged, {metric.name} is {plain(best.score)} on the validation rows; the models of"
        f" single parts reach {plain(scores[0])} to {plain(scores[-1])}"
    ]


def _failures(runs: tuple[Run, ...]) -> list[str]:
    failures = Counter(run.error for run in runs if run.error)
    return [f"{count} of {len(runs)} runs failed: {why}" for why, count in failures.most_common()]
