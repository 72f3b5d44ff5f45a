"""Golden rows: requests kept in the manifest together with the answers of the day."""

from typing import Final, cast

import numpy as np

from models.errors import RefusedModel
from models.estimators import Estimator
from models.manifest import GoldenRows
from models.outputs import ask
from models.policies import keeps_to
from models.rows import Rows, take, to_instances, to_rows
from models.schema import Cell, ImageSchema, InputSchema, OutputSchema, TabularSchema

GOLDEN_ROWS: Final = 16


def golden_rows(model: Estimator, X: Rows, schema: InputSchema, output: OutputSchema) -> GoldenRows:
    """Pick rows spread over X and record what the model answers.

    For each column that may be missing, the last rows include one in which it is.

    Args:
        model: a fitted estimator.
        X: held-out rows, in the fitted order.
        schema: what the model takes.
        output: what it answers.

    Raises:
        RefusedModel: a request may carry none of the rows.
    """
    taken = _taken(schema, X)
    spread = take(taken, np.linspace(0, len(taken) - 1, min(GOLDEN_ROWS, len(taken))).astype(int))
    instances = to_instances(schema, spread)
    if isinstance(schema, TabularSchema):
        instances += _with_each_missing(schema, cast("list[list[Cell]]", instances))
    answers = ask(model, to_rows(schema, instances), probabilities=output.probabilities)
    predictions, probabilities = answers.as_json()
    return GoldenRows(
        instances=tuple(instances),
        predictions=tuple(predictions),
        probabilities=None if probabilities is None else tuple(map(tuple, probabilities)),
    )


def _taken(schema: InputSchema, X: Rows) -> Rows:
    """Return the rows that a request may carry: a policy may reject what rows have."""
    if isinstance(schema, ImageSchema):
        return X
    rows = cast("list[list[Cell]]", to_instances(schema, X))
    kept = [number for number, row in enumerate(rows) if keeps_to(schema, row)]
    if not kept:
        raise RefusedModel("the policies reject every row of the sample; give it some that fit")
    return X if len(kept) == len(rows) else take(X, kept)


def _with_each_missing(schema: TabularSchema, rows: list[list[Cell]]) -> list[list[Cell]]:
    """Return the first row once for each column that may be missing and in no row is."""
    return [
        [*rows[0][:position], None, *rows[0][position + 1 :]]
        for position, column in enumerate(schema.columns)
        if column.nullable and all(row[position] is not None for row in rows)
    ]
