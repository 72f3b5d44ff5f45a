"""As much of JSON Schema as our OpenAPI page uses; a keyword that it does not know is an error."""

import re
from typing import Any

Schema = dict[str, Any]

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
SILENT = {"title", "description", "examples", "example", "default", "format", "$defs"}


def problems(value: Any, schema: Schema, document: Schema, place: str = "$") -> list[str]:
    """Return what is wrong with a value, an empty list if nothing is."""
    found: list[str] = []
    for keyword, wanted in schema.items():
        if keyword in SILENT:
            continue
        check = CHECKS.get(keyword)
        if check is None:
            raise NotImplementedError(f"{keyword} at {place}")
        found += [f"{place}: {text}" for text in check(value, wanted, schema)]
        nested = NESTED.get(keyword)
        if nested is not None:
            found += nested(value, wanted, document, place, schema)
    return found


def resolve(reference: str, document: Schema) -> Schema:
    """Return what a $ref of this document means."""
    found: Any = document
    assert reference.startswith("#/")
    for step in reference[2:].split("/"):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    assert isinstance(found, dict)
    return found


def _is(value: Any, kind: str) -> bool:
    if kind != "boolean" and isinstance(value, bool):
        return False
    return isinstance(value, TYPES[kind])


def _says(wrong: bool, text: str) -> list[str]:
    return [text] if wrong else []


def _additional(value: Any, allowed: Any, schema: Schema) -> list[str]:
    assert allowed is False
    extra = value.keys() - schema["properties"].keys() if isinstance(value, dict) else set()
    return _says(bool(extra), f"unknown keys {sorted(extra)}")


def _required(value: Any, wanted: list[str], _: Schema) -> list[str]:
    missing = [key for key in wanted if key not in value] if isinstance(value, dict) else []
    return _says(bool(missing), f"missing keys {missing}")


def _among(value: Any, wanted: list[Any], _: Schema) -> list[str]:
    fits = any(value == one and type(value) is type(one) for one in wanted)
    return _says(not fits, f"{value!r} is not one of {wanted}")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


CHECKS: dict[str, Any] = {
    "type": lambda value, kind, _: _says(not _is(value, kind), f"no {kind}"),
    "enum": _among,
    "const": lambda value, one, schema: _among(value, [one], schema),
    "required": _required,
    "additionalProperties": _additional,
    "minimum": lambda value, low, _: _says(_number(value) and value < low, f"below {low}"),
    "maximum": lambda value, high, _: _says(_number(value) and value > high, f"above {high}"),
    "minItems": lambda value, least, _: _says(
        isinstance(value, list) and len(value) < least, f"fewer than {least}"
    ),
    "maxItems": lambda value, most, _: _says(
        isinstance(value, list) and len(value) > most, f"more than {most}"
    ),
    "minProperties": lambda value, least, _: _says(
        isinstance(value, dict) and len(value) < least, f"fewer than {least} keys"
    ),
    "maxProperties": lambda value, most, _: _says(
        isinstance(value, dict) and len(value) > most, f"more than {most} keys"
    ),
    "minLength": lambda value, least, _: _says(
        isinstance(value, str) and len(value) < least, f"shorter than {least}"
    ),
    "pattern": lambda value, pattern, _: _says(
        isinstance(value, str) and not re.search(pattern, value), f"does not match {pattern}"
    ),
    "$ref": lambda *_: [],
    "properties": lambda *_: [],
    "items": lambda *_: [],
    "prefixItems": lambda *_: [],
    "anyOf": lambda *_: [],
    "oneOf": lambda *_: [],
}


def _properties(value: Any, wanted: Schema, document: Schema, place: str, _: Schema) -> list[str]:
    if not isinstance(value, dict):
        return []
    return [
        problem
        for key, schema in wanted.items()
        if key in value
        for problem in problems(value[key], schema, document, f"{place}.{key}")
    ]


def _items(value: Any, wanted: Schema, document: Schema, place: str, schema: Schema) -> list[str]:
    first = len(schema.get("prefixItems", ()))
    rest = list(enumerate(value))[first:] if isinstance(value, list) else []
    return [p for i, one in rest for p in problems(one, wanted, document, f"{place}[{i}]")]


def _prefix(value: Any, wanted: list[Schema], document: Schema, place: str, _: Schema) -> list[str]:
    pairs = zip(value, wanted, strict=False) if isinstance(value, list) else ()
    return [
        problem
        for i, (one, schema) in enumerate(pairs)
        for problem in problems(one, schema, document, f"{place}[{i}]")
    ]


def _any_of(value: Any, wanted: list[Schema], document: Schema, place: str, _: Schema) -> list[str]:
    tried = [problems(value, schema, document, place) for schema in wanted]
    return [] if any(not found for found in tried) else [f"{place}: none of {tried}"]


def _one_of(value: Any, wanted: list[Schema], document: Schema, place: str, _: Schema) -> list[str]:
    tried = [problems(value, schema, document, place) for schema in wanted]
    fits = sum(not found for found in tried)
    return [] if fits == 1 else [f"{place}: {fits} of {len(wanted)} forms"]


NESTED: dict[str, Any] = {
    "$ref": lambda value, reference, document, place, _: problems(
        value, resolve(reference, document), document, place
    ),
    "properties": _properties,
    "items": _items,
    "prefixItems": _prefix,
    "anyOf": _any_of,
    "oneOf": _one_of,
}
