"""Builds forms of our own: a fitted pipeline, step after step."""

from typing import Any, Protocol

from models.forms.chain import stages, step_of
from models.forms.entry import ColumnsEntry, Kind, Matrix, MatrixEntry, Step
from models.forms.errors import NoForm
from models.forms.form import Name, Takes
from models.forms.histogram import HISTOGRAMS, HistogramWalker, encoded_first
from models.forms.known import kind_of
from models.forms.linear import LINEAR
from models.forms.loops import Loops
from models.forms.piped import Piped
from models.forms.trees import TREES, Walker
from models.schema import TabularSchema


class AnyWalker(Walker, HistogramWalker, Protocol):
    """Walks trees of every kind."""


def lean(estimator: Any, schema: TabularSchema) -> Piped:
    """Return the lean form.

    Args:
        estimator: fitted.
        schema: what it takes.

    Raises:
        NoForm: there is none, and why.
    """
    return piped("lean", estimator, schema, Loops())


def piped(name: Name, estimator: Any, schema: TabularSchema, walker: AnyWalker) -> Piped:
    """Return a form of lean steps, of which `walker` walks the trees.

    Raises:
        NoForm: there is none, and why.
    """
    takes, entry, kind = _entered(schema)
    steps: list[Step] = [entry]
    *before, last = stages(estimator)
    for stage in before:
        step, kind = step_of(stage, kind)
        steps.append(step)
    known = kind_of(last)
    answers = known in LINEAR or known in TREES or known in HISTOGRAMS
    if not answers:
        step, kind = step_of(last, kind)
        if not isinstance(kind, Matrix) or kind.sparse or not kind.is_float:
            raise NoForm("it gives something else than an array of floats")
        return Piped(name, takes, [*steps, step], None)
    if known in HISTOGRAMS:
        step, kind = encoded_first(last, kind)
        steps.append(step)
    if not isinstance(kind, Matrix):
        raise NoForm("columns of texts reach the estimator")
    if known in LINEAR:
        return Piped(name, takes, steps, LINEAR[known](last, kind))
    made = TREES[known] if known in TREES else HISTOGRAMS[known]
    return Piped(name, takes, steps, made(last, kind, walker))


def _entered(schema: TabularSchema) -> tuple[Takes, Step, Kind]:
    try:
        matrix = MatrixEntry(schema)
    except NoForm:
        columns = ColumnsEntry(schema)
        return "columns", columns, columns.kind
    return "matrix", matrix, matrix.kind
