"""V2's infer on the OpenAPI page, and its errors."""

from typing import Any

from pydantic import TypeAdapter

from service.openapi_parts import LIST, REF, REFUSALS
from service.protocols.v2.requests import InferRequest

V2_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "A sentence for a person."}},
}
V2_REQUEST = "V2InferRequest"
V2_ANSWER = {
    "type": "object",
    "required": ["model_name", "model_version", "outputs"],
    "properties": {
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "id": {"type": "string"},
        "parameters": {"type": "object"},
        "outputs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "shape", "datatype"],
                "properties": {
                    "name": {"type": "string"},
                    "shape": {"type": "array", "items": {"type": "integer"}},
                    "datatype": {"type": "string"},
                    "parameters": {"type": "object"},
                    "data": LIST,
                },
            },
        },
    },
}
INFER = ("/v2/models/{name}/infer", "/v2/models/{name}/versions/{version}/infer")
LOADING = ("/v2/repository/models/{name}/load", "/v2/repository/models/{name}/unload")
STATUSES = {
    # V2 has one status for what is wrong with a request: no 415, no 422.
    **dict.fromkeys(INFER, ("400", "404", "408", "413", "429", "431", "500", "503", "504")),
    **dict.fromkeys(LOADING, ("400", "404", "503")),
    "/v2/repository/index": ("400",),
    "/v2/health/ready": (),
}
NOT_READY = {"description": "Not ready", "content": {"application/json": {"schema": {}}}}


def tell_of_v2(document: dict[str, Any]) -> None:
    """Complete what FastAPI knows of V2's routes: bodies, answers, errors in V2's form."""
    schemas = document["components"]["schemas"]
    request = TypeAdapter(InferRequest).json_schema(ref_template=REF)
    schemas.update(request.pop("$defs", {}))
    schemas |= {"V2Error": V2_ERROR, V2_REQUEST: request, "V2InferResponse": V2_ANSWER}
    error = {"application/json": {"schema": {"$ref": REF.format(model="V2Error")}}}
    for path, item in document["paths"].items():
        if not path.startswith("/v2"):
            continue
        for operation in item.values():
            operation["responses"].pop("422", None)  # FastAPI's own, which never comes
            for status in STATUSES.get(path, ("404", "503") if "{name}" in path else ()):
                operation["responses"][status] = {
                    "description": REFUSALS[status],
                    "content": error,
                }
            if path.endswith("/ready"):
                operation["responses"]["503"] = NOT_READY
        if path in INFER:
            _tell_of_infer(item["post"])
        elif path == "/v2/repository/index":
            item["post"]["requestBody"] = {
                "content": {"application/json": {"schema": {
                    "type": "object", "properties": {"ready": {"type": "boolean"}}
                }}},
            }  # fmt: skip


def _tell_of_infer(operation: dict[str, Any]) -> None:
    octets = {"schema": {"type": "string", "format": "binary"}}
    request = {"schema": {"$ref": REF.format(model=V2_REQUEST)}}
    answer = {"schema": {"$ref": REF.format(model="V2InferResponse")}}
    operation["requestBody"] = {
        "required": True,
        "content": {"application/json": request, "application/octet-stream": octets},
        "description": "JSON, or JSON with binary data behind it: see the protocol's extension.",
    }
    operation["responses"]["200"] = {
        "description": "The outputs; with binary data if some was asked for",
        "content": {"application/json": answer, "application/octet-stream": octets},
    }
