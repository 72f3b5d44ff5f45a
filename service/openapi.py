"""The OpenAPI page: what FastAPI knows of the routes, and a typed path for every served model."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from models.manifest import Manifest
from models.schema import ImageSchema
from service import __version__
from service.catalogue import Catalogue, ServedVersion
from service.schema import example_request, response_type

REF = "#/components/schemas/{model}"
DESCRIPTION = (
    "Predictions from fitted scikit-learn models. Every model below has its own request and "
    "answer types, derived from the fitted pipeline; the examples work as they stand.\n\n"
    "Every predict request may say by the header `X-Request-Timeout-Ms` after how many "
    "milliseconds nobody waits for its answer, and by `X-Priority` (high, normal, low) which of a "
    "client's own requests go first."
)
ERROR = {
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
    "413": "Too large",
    "415": "A media type that the model does not take",
    "422": "It does not fit the model's schema",
    "429": "Its client has more waiting than its share; try again after Retry-After",
    "500": "The model failed on this input",
    "503": "Too busy, or not ready; try again after Retry-After",
    "504": "The request's time was over",
}
PROBABILITIES = {
    "name": "probabilities",
    "in": "query",
    "description": "Add `classes` and a probability for each of them.",
    "schema": {"type": "boolean", "default": False},
}


def describe_api(app: FastAPI, catalogue: Catalogue) -> dict[str, Any]:
    """Return the OpenAPI document of what is served now."""
    document = get_openapi(
        title="Percore", version=__version__, description=DESCRIPTION, routes=app.routes
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Error"] = ERROR
    tags = []
    for name, model in sorted(catalogue.models.items()):
        production = model.served.get(model.production() or 0)
        if production is None:
            continue
        tags.append({"name": name, "description": production.manifest.description})
        document["paths"][f"/v1/models/{name}:predict"] = {
            "post": _operation(name, "predict", production, schemas)
        }
        for version, served in model.served.items():
            document["paths"][f"/v1/models/{name}/versions/{version}:predict"] = {
                "post": _operation(name, f"predict_version_{version}", served, schemas)
            }
    document["tags"] = tags
    return document


def _operation(
    name: str, action: str, served: ServedVersion, schemas: dict[str, Any]
) -> dict[str, Any]:
    manifest = served.manifest
    parameters = [PROBABILITIES] if served.has_probabilities else []
    answer_name = f"{_prefix(manifest)}Response"
    answer = _place(TypeAdapter(response_type(manifest)), manifest, schemas)
    schemas[answer_name] = answer | {"title": answer_name}
    answer_ref = {"$ref": REF.format(model=answer_name)}
    return {
        "tags": [name],
        "summary": f"Predict with {name} {manifest.version}",
        "operationId": f"{action}_{name}",
        "description": _about(manifest),
        "parameters": parameters,
        "requestBody": {"required": True, "content": _bodies(served, schemas)},
        "responses": {
            "200": {
                "description": "Predictions in the order of the rows",
                "content": {"application/json": {"schema": answer_ref}},
            },
            **{
                status: {
                    "description": text,
                    "content": {
                        "application/json": {"schema": {"$ref": REF.format(model="Error")}}
                    },
                }
                for status, text in REFUSALS.items()
            },
        },
    }


def _bodies(served: ServedVersion, schemas: dict[str, Any]) -> dict[str, Any]:
    manifest = served.manifest
    json_body = {
        "schema": _place(served.requests.adapter, manifest, schemas),
        "example": example_request(manifest),
    }
    bodies: dict[str, Any] = {"application/json": json_body}
    if isinstance(manifest.input, ImageSchema):
        raw = {"schema": {"type": "string", "format": "binary"}}
        bodies |= {"image/png": raw, "image/jpeg": raw}
    return bodies


def _place(
    adapter: TypeAdapter[Any], manifest: Manifest, schemas: dict[str, Any]
) -> dict[str, Any]:
    """Put the types that a type refers to among the document's; return the type itself.

    Every version's types carry its name: those of other versions and models have the same names.
    So do their titles, by which generators name classes.
    """
    prefix = _prefix(manifest)
    schema = adapter.json_schema(ref_template=REF.replace("{model}", prefix + "{model}"))
    types = schema.pop("$defs", {})
    schemas.update({prefix + name: part | {"title": prefix + name} for name, part in types.items()})
    return schema


def _prefix(manifest: Manifest) -> str:
    return f"{manifest.name}.{manifest.version}."


def _about(manifest: Manifest) -> str:
    scores = ", ".join(f"{key} {value:.4g}" for key, value in manifest.metrics.items())
    trained = f" On held-out rows: {scores}." if scores else ""
    return f"{manifest.description}{trained}"
