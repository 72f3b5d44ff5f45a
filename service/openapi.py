"""The OpenAPI page: what FastAPI knows of the routes, and a typed path for every served model."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from models.manifest import Manifest
from service import __version__
from service.catalogue import Catalogue, ServedVersion
from service.openapi_parts import (
    ERROR,
    PARTIAL,
    PROBABILITIES,
    REF,
    Access,
    raw_bodies,
    refusals,
    table_answers,
    tell_of_keys,
)
from service.openapi_platforms import scoring_operation
from service.openapi_v2 import tell_of_v2
from service.protocols.invocations import DefaultModel
from service.schema import example_request, response_type

DESCRIPTION = (
    "Predictions from fitted scikit-learn models. Every model below has its own request and "
    "answer types, derived from the fitted pipeline; the examples work as they stand.\n\n"
    "Every predict request may say by the header `X-Request-Timeout-Ms` after how many "
    "milliseconds nobody waits for its answer, and by `X-Priority` (high, normal, low) which of a "
    "client's own requests go first."
)
EVERYBODY = Access()


def describe_api(
    app: FastAPI, catalogue: Catalogue, default: DefaultModel, access: Access = EVERYBODY
) -> dict[str, Any]:
    """Return the OpenAPI document of what is served now.

    Args:
        app: the application; what FastAPI knows of its routes is completed.
        catalogue: what is served.
        default: which model answers where the path names none, and where that is.
        access: who may ask.
    """
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
        for alias, version in model.effective.items():
            document["paths"][f"/v1/models/{name}/labels/{alias}:predict"] = {
                "post": _operation(name, f"predict_{alias}", model.served[version], schemas)
            }
    document["tags"] = tags
    answering = default.served_paths(catalogue)
    for path in default.paths:
        document["paths"][path] = {"post": scoring_operation(path, answering.get(path))}
    _name_models(document, sorted(catalogue.models))
    tell_of_v2(document)
    tell_of_keys(document, access)
    return document


def _name_models(document: dict[str, Any], names: list[str]) -> None:
    """Say which names a path takes."""
    for item in document["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", ()) if names else ():
                if parameter["in"] == "path" and parameter["name"] == "name":
                    parameter["schema"] = {"type": "string", "enum": names}


def _operation(
    name: str, action: str, served: ServedVersion, schemas: dict[str, Any]
) -> dict[str, Any]:
    manifest = served.manifest
    parameters = [PROBABILITIES, PARTIAL] if served.has_probabilities else [PARTIAL]
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
                "content": {"application/json": {"schema": answer_ref}, **_other_answers(served)},
            },
            **refusals(),
        },
    }


def _bodies(served: ServedVersion, schemas: dict[str, Any]) -> dict[str, Any]:
    manifest = served.manifest
    json_body = {
        "schema": _place(served.requests.adapter, manifest, schemas),
        "example": example_request(manifest),
    }
    bodies: dict[str, Any] = {"application/json": json_body}
    return bodies | raw_bodies(manifest.input)


def _other_answers(served: ServedVersion) -> dict[str, Any]:
    """Return the answers that are no JSON, which any model gives as CSV."""
    answers = table_answers()
    if served.tabular:
        return answers
    return {"text/csv": answers["text/csv"]}


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
