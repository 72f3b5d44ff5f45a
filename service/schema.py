"""The types of a model's requests and answers, made from its manifest.

One type drives validation and documentation: `TypeAdapter(type)` checks the bytes of a request,
and the same adapter's JSON schema stands in /openapi.json.
"""

import math
from typing import Annotated, Any, Literal, LiteralString, NotRequired, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    with_config,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from models.manifest import Manifest
from models.moments import ISO_8601, is_moment, years_of
from models.schema import Column, ImageSchema, Label, OutputSchema, TabularSchema

FLOAT32_MAX = 3.4028234663852886e38
"""Forests compute in float32; beyond it they fail. Nothing that a client can send may be a 500."""

PASSING = {
    "accept": "predicted as the fitted pipeline does",
    "flag": "predicted as the fitted pipeline does, and a warning says so",
}
"""What a policy that does not reject means, in words."""
SHOWN_CATEGORIES = 50
DATES = (
    "A day or time in ISO 8601; with an offset it is counted in UTC, without one it is taken as it"
    " stands."
)
NAMED_PICTURE = "image_bytes"
"""As TF Serving and Vertex AI name a model's input: {"image_bytes": {"b64": …}}."""

NO_DATE: LiteralString = (
    "Input should be a day or time in ISO 8601, such as 2026-11-29 or 2026-11-29T12:30:00Z"
)
"""What is said of other texts in a column of dates."""

_INTEGER_BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
_UNSIGNED_BITS = {"uint8": 8, "uint16": 16, "uint32": 32, "uint64": 63}
WarningKind = Literal["unknown_category", "missing_value", "out_of_range"]
"""What a row's warning is about."""
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
    one_key: dict[str, Any] = {"minProperties": 1, "maxProperties": 1}
    examples = Field(examples=[example_request(manifest)], json_schema_extra=one_key)
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
    # Null stands where a row failed of a request that has the option `partial`.
    answer = (label if output.width is None else _row_of_answers(output)) | None
    keys: dict[str, Any] = {
        "model": Literal[manifest.name],
        "version": int,
        "prediction": NotRequired[answer],
        "predictions": NotRequired[list[answer]],  # type: ignore[valid-type]
        "outputs": NotRequired[list[answer]],  # type: ignore[valid-type]
    }
    if output.probabilities:
        keys["classes"] = NotRequired[list[label]]  # type: ignore[valid-type]
        keys["probabilities"] = NotRequired[list[list[float] | None] | list[float] | None]
    error = {"row": int, "code": str, "message": str, "loc": list[str | int]}
    keys["errors"] = NotRequired[list[_typed_dict(f"{name}.RowError", error)]]  # type: ignore[misc]
    flagged = _flagged(manifest)
    if flagged:
        warning = {"row": int, "column": Literal[flagged], "kind": WarningKind, "message": str}
        row_warning = _typed_dict(f"{name}.Warning", warning)
        keys["warnings"] = NotRequired[list[row_warning]]  # type: ignore[valid-type]
        keys["warnings_left_out"] = NotRequired[int]
    return _typed_dict(f"{name}.Response", keys)


def _flagged(manifest: Manifest) -> tuple[str, ...]:
    """Return the columns of which an answer may warn."""
    if isinstance(manifest.input, ImageSchema):
        return ()
    return tuple(
        column.name
        for column in manifest.input.columns
        if "flag" in (column.policy.unknown, column.policy.missing, column.policy.out_of_range)
    )


def cell_type(column: Column) -> Any:
    """Return the type of one cell: strict, finite, within what the column can hold."""
    kind = _bare_type(column)
    if column.nullable:
        kind = kind | None
    return Annotated[kind, Field(description=describe(column), examples=[column.example])]


def describe(column: Column) -> str | None:
    """Return what a person should know of a column's values, beyond their type."""
    policy, words = column.policy, []
    if column.categories and policy.unknown in PASSING:
        known = ", ".join(map(str, column.categories[:SHOWN_CATEGORIES]))
        more = len(column.categories) - SHOWN_CATEGORIES
        words.append(f"Known categories: {known}{f' and {more} more' if more > 0 else ''};")
        words.append(f"others are {PASSING[policy.unknown]}.")
    if column.dates:
        words.append(DATES)
    if column.min is not None and column.max is not None:
        words.append(f"Training rows: {column.min:g} to {column.max:g}.")
        if policy.out_of_range == "flag":
            words.append(f"Values outside are {PASSING['flag']}.")
    if column.quantiles is not None:
        spread = column.quantiles.model_dump().items()
        words.append(f"Quantiles: {', '.join(f'{at[1:]} % {value:g}' for at, value in spread)}.")
    if policy.missing == "flag":
        words.append(f"Missing values are {PASSING['flag']}.")
    return " ".join(words) or None


def _bare_type(column: Column) -> Any:
    categories = column.categories if column.policy.unknown == "reject" else None
    if column.dtype == "bool":
        # An encoder that has seen one of the two only.
        return Literal[categories] if categories and len(categories) == 1 else bool
    if column.dtype.startswith("float"):
        low, high = number_range(column)
        number = Annotated[float, Field(ge=low, le=high)] if high < math.inf else float
        return Annotated[number, _one_of(categories), _enum(categories)] if categories else number
    if column.dtype == "string":
        if column.dates:
            return Annotated[str, _date_of(column), Field(json_schema_extra={"pattern": ISO_8601})]
        return Literal[categories] if categories else str
    if categories:
        return Annotated[Literal[categories], BeforeValidator(_whole_number)]
    least, most = number_range(column)
    return Annotated[int, Field(ge=int(least), le=int(most)), BeforeValidator(_integral)]


def number_range(column: Column) -> tuple[float, float]:
    """Return the smallest and the largest number that a cell of the column takes."""
    low: float
    high: float
    if column.dtype.startswith("float"):
        widest = max(abs(column.min or 0.0), abs(column.max or 0.0))
        high = FLOAT32_MAX if widest <= FLOAT32_MAX else math.inf
        low = -high
    else:
        low, high = integer_range(column.dtype)
    if column.policy.out_of_range == "reject":
        least, most = training_range(column)
        low, high = max(low, least), min(high, most)
    return low, high


def training_range(column: Column) -> tuple[float, float]:
    """Return the ends of the training rows' range, in it.

    A cell of float32 is rounded on its way to the model, so numbers count that become an end.
    """
    low, high = column.min, column.max
    if low is None or high is None:
        return -math.inf, math.inf
    if column.dtype != "float32":
        return low, high
    return low - _half_step(low), high + _half_step(high)


def takes_any_float(column: Column) -> bool:
    """Return whether any number that float32 can hold fits, and there is nothing to tell of it."""
    return (
        column.dtype.startswith("float")
        and not column.nullable
        and not column.categories
        and column.policy.out_of_range in {None, "accept"}
    )


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
    picture = _typed_dict(f"{name}.Encoded", {"b64": encoded})
    keys = {"b64": NotRequired[encoded], NAMED_PICTURE: NotRequired[picture]}
    one_key = Field(json_schema_extra={"minProperties": 1, "maxProperties": 1})
    return Annotated[_typed_dict(f"{name}.Image", keys), one_key]


def _row_of_answers(output: OutputSchema) -> Any:
    """Return the type of an answer of several outputs: a list of exactly as many."""
    if output.classes_by_output:
        each = tuple(_one_label(output.classes_by_output[i]) for i in range(output.width or 0))
        return tuple[each]  # type: ignore[valid-type]
    width = output.width
    return Annotated[list[_label_type(output)], Field(min_length=width, max_length=width)]  # type: ignore[misc]


def _one_label(classes: tuple[Label, ...]) -> Any:
    return float if any(isinstance(one, float) for one in classes) else Literal[classes]


def _label_type(output: OutputSchema) -> Any:
    if output.classes:
        return _one_label(output.classes)
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


def _enum(categories: tuple[Label, ...]) -> Any:
    """Say in the JSON schema what `_one_of` checks: pydantic has no Literal of floats."""
    return Field(json_schema_extra={"enum": list(categories)})


def _date_of(column: Column) -> AfterValidator:
    years = years_of(column.frame_dtype)

    def check(text: str) -> str:
        if not is_moment(text, years):
            raise PydanticCustomError("no_date", NO_DATE)
        return text

    return AfterValidator(check)


def _half_step(value: float) -> float:
    """Return half the distance of a float32 to its neighbour."""
    return math.ldexp(1.0, max(math.frexp(value)[1], -125) - 25)
