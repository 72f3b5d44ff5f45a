"""The types of a model's requests and answers, made from its manifest.

One type drives validation and documentation: `TypeAdapter(type)` checks the bytes of a request,
and the same adapter's JSON schema stands in /openapi.json.
"""

import math
from typing import Annotated, Any, Literal, NotRequired, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    with_config,
)
from typing_extensions import TypedDict

from models.manifest import Manifest
from models.schema import Column, ImageSchema, Label, OutputSchema, TabularSchema

FLOAT32_MAX = 3.4028234663852886e38
"""Forests compute in float32; beyond it they fail. Nothing that a client can send may be a 500."""

_INTEGER_BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
_UNSIGNED_BITS = {"uint8": 8, "uint16": 16, "uint32": 32, "uint64": 63}
_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def request_type(manifest: Manifest, max_rows: int) -> Any:
    """Return the type of a JSON predict request of this model.

    Args:
        manifest: the model's manifest.
        max_rows: the most instances in one request.
    """
    name = manifest.name
    if isinstance(manifest.input, ImageSchema):
        instance = _image_type(name)
        keys: dict[str, Any] = {}
    else:
        either = object_type(name, manifest.input) | row_type(manifest.input)
        instance = Annotated[either, Field(union_mode="left_to_right")]
        keys = {"inputs": columns_type(name, manifest.input, max_rows)}
    rows = Annotated[list[instance], Field(min_length=1, max_length=max_rows), FailFast()]  # type: ignore[valid-type]
    keys = {"instance": instance, "instances": rows, **keys}
    examples = Field(examples=[example_request(manifest)])
    request = _typed_dict(
        f"{name}.Request", {key: NotRequired[value] for key, value in keys.items()}
    )
    return Annotated[request, examples]


def object_type(name: str, schema: TabularSchema) -> Any:
    """Return the type of an instance that names its columns."""
    return _typed_dict(
        f"{name}.Instance", {column.name: cell_type(column) for column in schema.columns}
    )


def row_type(schema: TabularSchema) -> Any:
    """Return the type of an instance that is a list in the fitted order."""
    return tuple[tuple(cell_type(column) for column in schema.columns)]  # type: ignore[misc]


def columns_type(name: str, schema: TabularSchema, max_rows: int) -> Any:
    """Return the type of a request in columns: each column's values in a list."""
    return _typed_dict(
        f"{name}.Columns",
        {
            column.name: Annotated[
                list[cell_type(column)],  # type: ignore[misc]
                Field(min_length=1, max_length=max_rows),
                FailFast(),
            ]
            for column in schema.columns
        },
    )


def response_type(manifest: Manifest) -> Any:
    """Return the type of an answer; which of the three prediction keys depends on the request."""
    name, output = manifest.name, manifest.output
    label = _label_type(output)
    answer = label if output.width is None else list[label]  # type: ignore[valid-type]
    keys: dict[str, Any] = {
        "model": Literal[manifest.name],
        "version": int,
        "prediction": NotRequired[answer],
        "predictions": NotRequired[list[answer]],  # type: ignore[valid-type]
        "outputs": NotRequired[list[answer]],  # type: ignore[valid-type]
    }
    if output.probabilities:
        keys["classes"] = NotRequired[list[label]]  # type: ignore[valid-type]
        keys["probabilities"] = NotRequired[list[list[float]] | list[float]]
    return _typed_dict(f"{name}.Response", keys)


def cell_type(column: Column) -> Any:
    """Return the type of one cell: strict, finite, within what the column can hold."""
    kind = _bare_type(column)
    if column.nullable:
        kind = kind | None
    about = f"Training rows: {column.min:g} to {column.max:g}." if _has_range(column) else None
    return Annotated[kind, Field(description=about, examples=[column.example])]


def _bare_type(column: Column) -> Any:
    if column.dtype == "bool":
        return bool
    if column.dtype.startswith("float"):
        widest = max(abs(column.min or 0.0), abs(column.max or 0.0))
        limit = FLOAT32_MAX if widest <= FLOAT32_MAX else math.inf
        number = Annotated[float, Field(ge=-limit, le=limit)] if limit < math.inf else float
        return Annotated[number, _one_of(column.categories)] if column.categories else number
    if column.dtype == "string":
        return Literal[column.categories] if column.categories else str
    if column.categories:
        return Annotated[Literal[column.categories], BeforeValidator(_whole_number)]
    low, high = integer_range(column.dtype)
    return Annotated[int, Field(ge=low, le=high), BeforeValidator(_integral)]


def integer_range(dtype: str) -> tuple[int, int]:
    """Return the smallest and the largest value that a cell of an integer dtype takes."""
    if dtype in _UNSIGNED_BITS:
        return 0, 2 ** _UNSIGNED_BITS[dtype] - 1
    bits = _INTEGER_BITS[dtype]
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def example_request(manifest: Manifest) -> dict[str, Any]:
    """Return a request that works when pasted: golden rows, with column names where there are."""
    instances = [*manifest.golden.instances[:2]]
    if isinstance(manifest.input, TabularSchema):
        names = [column.name for column in manifest.input.columns]
        return {"instances": [dict(zip(names, row, strict=True)) for row in instances]}
    return {"instances": instances}


def _image_type(name: str) -> Any:
    encoded = Annotated[str, Field(min_length=1, description="PNG or JPEG, base64")]
    return _typed_dict(f"{name}.Image", {"b64": encoded})


def _label_type(output: OutputSchema) -> Any:
    if output.classes:
        if any(isinstance(label, float) for label in output.classes):
            return float
        return Literal[output.classes]
    if output.dtype.startswith("float"):
        return float
    return {"bool": bool, "string": str}.get(output.dtype, int)


def _typed_dict(name: str, keys: dict[str, Any]) -> Any:
    return with_config(_STRICT)(cast("type", TypedDict(name, keys)))  # type: ignore[operator]


def _integral(value: object) -> object:
    """Take 3.0 for 3: many clients have only one type of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _whole_number(value: object) -> object:
    """Refuse true, which is 1 to a Literal; take 3.0 for 3."""
    if isinstance(value, bool):
        raise ValueError("should be a number")  # noqa: TRY004  # pydantic lets a TypeError through
    return _integral(value)


def _one_of(categories: tuple[Label, ...]) -> AfterValidator:
    allowed = frozenset(categories)

    def check(value: float) -> float:
        if value not in allowed:
            raise ValueError(f"should be one of {', '.join(map(str, categories))}")
        return value

    return AfterValidator(check)


def _has_range(column: Column) -> bool:
    return column.min is not None and column.max is not None
