"""What the OpenAPI page says of the paths that SageMaker, MLflow and Vertex AI ask."""

import re

from service.catalogue import ServedVersion
from service.openapi_parts import (
    LIST,
    PROBABILITIES,
    Schema,
    raw_bodies,
    refusals,
    table_answers,
)
from service.schema import example_request

NAMED_ROW: Schema = {"type": "object", "description": "A value a column, by the columns' names."}
CELL: Schema = {"anyOf": [{"type": one} for one in ("number", "string", "boolean", "null")]}
ROW: Schema = {"anyOf": [NAMED_ROW, LIST, CELL], "description": "One cell, if there is but one."}
ROWS: Schema = {"type": "array", "minItems": 1, "items": ROW}
COLUMNS: Schema = {"type": "object", "description": "A list of values a column, or one row."}
SPLIT: Schema = {
    "type": "object",
    "description": "A table as pandas writes it.",
    "required": ["data"],
    "additionalProperties": False,
    "properties": {
        "columns": {"type": "array", "items": {"type": "string"}},
        "index": LIST,
        "data": {"type": "array", "minItems": 1, "items": LIST},
    },
}
PARAMETERS: Schema = {
    "anyOf": [
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {"probabilities": {"type": "boolean"}},
        },
        {"type": "null"},
    ]
}
FORMS: Schema = {
    "instances": ROWS,
    "inputs": {"anyOf": [ROWS, COLUMNS]},
    "dataframe_split": SPLIT,
    "dataframe_records": {"type": "array", "minItems": 1, "items": NAMED_ROW},
}
SETTINGS: Schema = {
    "parameters": PARAMETERS,
    "params": PARAMETERS | {"description": "What MLflow calls parameters."},
}
ANSWER: Schema = {
    "type": "object",
    "required": ["predictions"],
    "properties": {
        "predictions": LIST,
        "classes": LIST,
        "probabilities": LIST,
        "warnings": LIST,
        "warnings_left_out": {"type": "integer"},
    },
}
NOBODY = "Several models are served and none of them is the default: every request is refused."


def scoring_operation(path: str, served: ServedVersion | None) -> Schema:
    """Return what a path is that names no model.

    Args:
        path: the path.
        served: the model that answers there; None if none does.
    """
    name = "_".join(re.findall(r"\w+", path))
    return {
        "tags": ["platforms"],
        "summary": "Predict with the one model served, or the default one",
        "description": f"{served.manifest.name} answers." if served else NOBODY,
        "operationId": f"score_{name}",
        "parameters": [PROBABILITIES],
        "requestBody": {"required": True, "content": _bodies(served)},
        "responses": {
            "200": {
                "description": "Predictions in the order of the rows; CSV without a header",
                "content": {"application/json": {"schema": ANSWER}, **table_answers()},
            },
            **refusals(),
        },
    }


def _bodies(served: ServedVersion | None) -> Schema:
    if served is None:
        return {"application/json": {"schema": _json(FORMS)}} | raw_bodies(None)
    # Of pictures it takes what the model's own path does.
    pictures = {"instance": NAMED_ROW, "instances": {**ROWS, "items": NAMED_ROW}}
    schema = _json(FORMS if served.tabular else pictures)
    json_body = {"schema": schema, "example": example_request(served.manifest)}
    return {"application/json": json_body} | raw_bodies(served.manifest.input)


def _json(forms: Schema) -> Schema:
    """Return the type of an object with one of the forms, and perhaps settings."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": forms | SETTINGS,
        "oneOf": [{"required": [form]} for form in forms],
    }
