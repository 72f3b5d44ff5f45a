"""Make a plan: find the forms of a model, compare each with scikit-learn, time them, and choose."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from joblib import parallel_config

from models.estimators import Estimator
from models.forms import candidates
from models.manifest import Manifest
from models.plans.choose import choose
from models.plans.compare import (
    MOST_FAILING,
    Call,
    Difference,
    ask,
    calls_of,
    compare,
    methods_of,
    without_failing,
)
from models.plans.plan import SCIKIT, Key, Plan, Range, Tried, Trust
from models.plans.rows import MOST, Hard, hard_rows
from models.plans.timing import timings
from models.schema import TabularSchema
from models.tables import Rows, take_rows

ALIKE: Final = Trust(policy="close", tolerance=1e-3)
"""A form that is further from scikit-learn than this is not worth its time."""

Tell = Callable[[str, float], None]
"""Hears what is being done, and which part of the whole is."""


@dataclass(frozen=True)
class Wish:
    """What plan is asked for.

    Args:
        trust: what differences are taken.
        former: an earlier plan for the same key; noise does not change its choice.
        most_rows: the most rows that are compared.
    """

    trust: Trust
    former: Plan | None = None
    most_rows: int = MOST


def make_plan(
    model: Estimator, manifest: Manifest, key: Key, wish: Wish, tell: Tell = lambda *_: None
) -> Plan:
    """Compare and time every form of a model, quietly: the rows overflow on purpose.

    Args:
        model: as loaded from its artefact.
        manifest: the version's.
        key: where the plan will hold.
        wish: what is asked for.
        tell: hears how far it is.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"), parallel_config("sequential"):
        warnings.simplefilter("ignore")
        return _made(model, manifest, key, wish, tell)


def _made(model: Estimator, manifest: Manifest, key: Key, wish: Wish, tell: Tell) -> Plan:
    begin = time.monotonic()
    tell("forms", 0.0)
    schema = manifest.input
    tabular = isinstance(schema, TabularSchema)
    forms = candidates(model, schema) if isinstance(schema, TabularSchema) else []
    if isinstance(schema, TabularSchema) and len(forms) > 1:
        tell("rows", 0.02)
        golden = tuple(row for row in manifest.golden.instances if isinstance(row, list))
        hard = hard_rows(model, schema, golden, wish.most_rows)
        tried, failing = _tried(forms, manifest, hard, tell)
    else:
        hard, failing = None, 0
        tried = (Tried(form=SCIKIT, compared_rows=0),)
    return Plan(
        name=manifest.name,
        version=manifest.version,
        created_at=datetime.now(UTC),
        key=key,
        trust=wish.trust,
        rows=0 if hard is None else len(hard.rows),
        thresholds=0 if hard is None else hard.thresholds,
        thresholds_met=0 if hard is None else hard.met,
        failing_rows=failing,
        tried=tried,
        ranges=choose(tried, wish.trust, wish.former)
        if tabular
        else (Range(up_to_rows=None, form=SCIKIT),),
        seconds=time.monotonic() - begin,
    )


def _tried(
    forms: list[Any], manifest: Manifest, hard: Hard, tell: Tell
) -> tuple[tuple[Tried, ...], int]:
    scikit, *others = forms
    output = manifest.output
    methods = methods_of(scikit, output)
    good, failing = without_failing(scikit, methods, hard.rows)
    differences = [Difference() for _ in others]
    calls = calls_of(good) if len(good) else []
    calls += [_alone(hard.rows, number) for number in failing[:MOST_FAILING]]
    for done, rows in enumerate(calls):
        if done % 32 == 0:
            tell("compare", 0.05 + 0.65 * done / len(calls))
        call = Call(rows, {one: ask(scikit, one, rows, "X") for one in methods})
        for form, difference in zip(others, differences, strict=True):
            if not difference.objection:
                compare(form, call, output, difference)
    results = [_as_tried(form, one) for form, one in zip(others, differences, strict=True)]
    alike = [place for place, one in enumerate(results) if one.is_verified(ALIKE)]
    tell("time", 0.7)
    asked = "predict_proba" if output.labels_from_probabilities else output.method
    times = timings([scikit, *(others[place] for place in alike)], asked, good) if len(good) else []
    timed = dict(zip([-1, *alike], times, strict=False))
    first = Tried(form=SCIKIT, compared_rows=0, timings=timed.get(-1, ()))
    rest = [
        one.model_copy(update={"timings": timed.get(place, ())})
        for place, one in enumerate(results)
    ]
    return (first, *rest), len(failing)


def _as_tried(form: Any, found: Difference) -> Tried:
    return Tried(
        form=form.name,
        compared_rows=found.rows,
        labels_differ=found.labels_differ,
        largest_difference=found.largest,
        objection=found.objection,
    )


def _alone(rows: Rows, number: int) -> Rows:
    return take_rows(rows, np.array([number]))
