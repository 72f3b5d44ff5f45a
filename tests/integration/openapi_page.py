"""Reading the API's page: operations, and the types of requests and answers."""

from collections.abc import Iterator

from tests.integration.json_schema import Schema, resolve
from tests.integration.rows import TABLES

ARROW = "application/vnd.apache.arrow.stream"
MODELS = (*TABLES, "digits")
IRIS = ("sepal_length", "sepal_width", "petal_length", "petal_width")
ROW = [5.1, 3.5, 1.4, 0.2]
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def operation(document: Schema, path: str) -> Schema:
    found: Schema = document["paths"][path]["post"]
    return found


def request_schema(document: Schema, path: str) -> Schema:
    body: Schema = operation(document, path)["requestBody"]["content"]["application/json"]
    found: Schema = body["schema"]
    return resolve(found["$ref"], document) if "$ref" in found else found


def answer_schema(document: Schema, path: str, status: int) -> Schema:
    answer = operation(document, path)["responses"][str(status)]
    found: Schema = answer["content"]["application/json"]["schema"]
    return found


def all_operations(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, item in document["paths"].items():
        for method, found in item.items():
            assert method in METHODS
            yield path, method, found


def instance_schemas(schema: Schema, document: Schema) -> tuple[Schema, Schema]:
    """Return the schemas of an instance as an object and as a list."""
    assert schema["properties"]["instances"]["items"] == {
        "anyOf": schema["properties"]["instance"]["anyOf"]
    }
    named, listed = schema["properties"]["instance"]["anyOf"]
    return resolve(named["$ref"], document), listed
