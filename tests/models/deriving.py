"""What tests of derived schemas have in common."""

import json
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from models.derive import input_schema
from models.rows import Rows, to_instances, to_rows
from models.schema import Column, TabularSchema

ROWS = 40


def columns(model: BaseEstimator, X: Rows) -> dict[str, Column]:
    schema = input_schema(model, X)
    assert isinstance(schema, TabularSchema)
    assert_rows_survive(model, X, schema)
    return {column.name: column for column in schema.columns}


def assert_rows_survive(model: Any, X: Rows, schema: TabularSchema) -> None:
    """Rows that went through JSON must be predicted to the bit as before."""
    travelled = to_rows(schema, json.loads(json.dumps(to_instances(schema, X))))
    assert np.array_equal(model.predict(travelled), model.predict(X))
    TabularSchema.model_validate_json(schema.model_dump_json())
