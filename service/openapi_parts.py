"""What the OpenAPI page says of every predict path alike: options, media types, refusals."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from models.schema import ImageSchema, TabularSchema

Schema = dict[str, Any]

LIST: Schema = {"type": "array", "items": {}}
REF = "#/components/schemas/{model}"
ERROR: Schema = {
    "type": "object",
    "required": ["error", "code", "details", "request_id"],
    "properties": {
        "error": {"type": "string", "description": "A sentence for a person."},
        "code": {"type": "string", "description": "A stable word for a program."},
        "details": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["loc", "message"],
                "properties": {
                    "loc": {
                        "type": "array",
                        "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                    },
                    "message": {"type": "string"},
                },
            },
        },
        "request_id": {"type": "string"},
    },
}
REFUSALS = {
    "400": "The request cannot be read",
    "404": "No such model or version",
    "408": "The request did not come in time",
    "413": "Too large",
    "415": "A media type or encoding that the model does not take",
    "422": "It does not fit the model's schema",
    "429": "Its client has more waiting than its share; try again after Retry-After",
    "431": "The head of the request is too large",
    "500": "The model failed on this input",
    "503": "Too busy, or not ready; try again after Retry-After",
    "504": "The request's time was over",
}
PROBABILITIES: Schema = {
    "name": "probabilities",
    "in": "query",
    "description": "Add `classes` and a probability for each of them.",
    "schema": {"type": "boolean", "default": False},
}
PARTIAL: Schema = {
    "name": "partial",
    "in": "query",
    "description": "Answer the rows that can be answered: rows that do not fit, and rows on which "
    "the model fails, have null in place of a prediction, and `errors` says why. Without it one "
    "such row fails the request. An answer in CSV has a column `error` then. Arrow streams are not "
    "taken with it.",
    "schema": {"type": "boolean", "default": False},
}
NPY = "application/x-npy"
TABLE_BODIES = {
    "text/csv": "Rows in UTF-8; the first line may name the columns, in any order.",
    "application/vnd.apache.arrow.stream": "An Arrow IPC stream with the model's columns.",
    NPY: "A two-dimensional array as numpy.save writes it, in the fitted order.",
}
PICTURE_BODIES = ("image/png", "image/jpeg")
TABLE_ANSWERS = {
    "text/csv": "With Accept: text/csv. A line a row, below a header.",
    "application/vnd.apache.arrow.stream": "With Accept of this type. An Arrow IPC stream.",
}
SECURITY: Schema = {
    "key": {"type": "http", "scheme": "bearer", "description": "A key of --api-keys-file."},
    "keyHeader": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "adminToken": {"type": "http", "scheme": "bearer", "description": "The admin token."},
}


class Access(NamedTuple):
    """Who may ask for what.

    Attributes:
        is_open: whether a path needs no key; None if there are no keys.
        has_admin: whether there is an admin token, and so the paths that need it.
    """

    is_open: Callable[[str], bool] | None = None
    has_admin: bool = False


def raw(description: str = "") -> Schema:
    """Return a body that is no JSON."""
    schema: Schema = {"type": "string", "format": "binary"}
    return {"schema": schema | ({"description": description} if description else {})}


def raw_bodies(model: TabularSchema | ImageSchema | None) -> Schema:
    """Return the bodies of a model that are no JSON; those of any table if it is not known."""
    if isinstance(model, ImageSchema):
        return {kind: raw() for kind in PICTURE_BODIES}
    bodies = {kind: raw(text) for kind, text in TABLE_BODIES.items()}
    if model and any(column.dtype == "string" for column in model.columns):
        bodies.pop(NPY)  # it has numbers only
    return bodies


def table_answers() -> Schema:
    """Return the answers to tables that are no JSON."""
    return {kind: raw(text) for kind, text in TABLE_ANSWERS.items()}


def refusals(statuses: Iterable[str] = REFUSALS, model: str = "Error") -> Schema:
    """Return the error answers of a path."""
    content = {"application/json": {"schema": {"$ref": REF.format(model=model)}}}
    return {one: {"description": REFUSALS[one], "content": content} for one in statuses}


def tell_of_keys(document: Schema, access: Access) -> None:
    """Say of every path whether it needs a key, or the admin token."""
    schemes: set[str] = set()
    for path, item in document["paths"].items():
        needed = _needed(path, access)
        schemes.update(needed)
        for operation in item.values() if needed else ():
            operation["security"] = [{name: []} for name in needed]
            form = "V2Error" if path.startswith("/v2") else "Error"
            content = {"application/json": {"schema": {"$ref": REF.format(model=form)}}}
            refusal = {"description": "No key, or none that is known", "content": content}
            operation["responses"] = {"401": refusal} | operation["responses"]
    if schemes:
        known = {name: scheme for name, scheme in SECURITY.items() if name in schemes}
        document["components"]["securitySchemes"] = known


def _needed(path: str, access: Access) -> tuple[str, ...]:
    if access.has_admin and is_admin(path):
        return ("adminToken",)
    if access.is_open is not None and not access.is_open(path):
        return ("key", "keyHeader")
    return ()


def is_admin(path: str) -> bool:
    """Return whether a path changes something."""
    return path.startswith("/admin/") or path.endswith(("/load", "/unload"))
