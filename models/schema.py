"""What a model takes and what it answers, as data: derived elsewhere, stored in the manifest.

This module imports nothing heavy; the API process reads schemas with it.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Label = bool | int | float | str
"""A class label or category, with the JSON type that it has in Python."""

Cell = bool | int | float | str | None
"""One value of a tabular instance as JSON carries it; None is a missing value."""

DType = Literal[
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "string",
]


class Frozen(BaseModel):
    """Base of everything in a manifest: immutable, and a field nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Choice = Literal["reject", "accept", "flag"]
"""Refuse the request; predict as the fitted pipeline does; do that, and say so in the answer."""


class Policy(Frozen):
    """What happens to values that training did not know; None where there can be no such value."""

    unknown: Choice | None = None
    """A category that the encoder did not learn."""
    missing: Choice = "reject"
    out_of_range: Choice | None = None
    """A number below the smallest or above the largest of the training rows."""


class Quantiles(Frozen):
    """How a number is spread over the training rows; p5: 5 % of them are not above it."""

    p1: float
    p5: float
    p25: float
    p50: float
    p75: float
    p95: float
    p99: float


def former_policy(column: dict[str, Any]) -> Policy:
    """Return what versions did to a column that were registered before there were policies."""
    categories = column.get("categories")
    has_range = column.get("min") is not None and not categories
    return Policy(
        unknown="reject" if categories else None,
        missing="accept" if column.get("nullable") else "reject",
        out_of_range="accept" if has_range else None,
    )


class Column(Frozen):
    """One input column, in the words of the fitted pipeline."""

    name: str
    dtype: DType
    """Type of the values that a request carries."""
    frame_dtype: str
    """dtype of the column in the training DataFrame ("float64", "str", "object", "category", …);
    a worker rebuilds the column with it."""
    nullable: bool = False
    """Whether null is taken: the policy does not reject it, and the pipeline can predict it."""
    missing: Literal["nan", "none"] = "nan"
    """What null becomes in the model's input: encoders tell None and NaN apart."""
    categories: tuple[Label, ...] | None = None
    """The values that the encoder learned, in its order; None if nothing knows them. The policy
    says what happens to others."""
    dates: bool = False
    """Its texts are days or times in ISO 8601, and others are refused; the model's own column may
    hold texts or, by `frame_dtype`, moments."""
    ordered: bool = False
    """The categories have an order, and it is theirs here."""
    min: float | None = None
    """Smallest value in the training rows."""
    max: float | None = None
    """Largest value in the training rows."""
    quantiles: Quantiles | None = None
    """None if the column is no number, or the version older than this field."""
    policy: Policy = Field(default_factory=former_policy)
    example: Cell = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.nullable is (self.policy.missing == "reject"):
            raise ValueError("nullable contradicts the policy for missing values")
        return self


class TabularSchema(Frozen):
    """A table of columns in the fitted order."""

    kind: Literal["tabular"] = "tabular"
    container: Literal["frame", "array", "texts"]
    """What the model was fitted on: a DataFrame with these names, a bare array, or a list of texts,
    which is its one column."""
    columns: tuple[Column, ...] = Field(min_length=1)


class ImageSchema(Frozen):
    """A picture; the fitted pipeline itself turns it into `width` by `height` pixels of `mode`."""

    kind: Literal["image"] = "image"
    mode: Literal["L", "RGB"]
    width: int = Field(ge=1)
    height: int = Field(ge=1)


InputSchema = Annotated[TabularSchema | ImageSchema, Field(discriminator="kind")]


class OutputSchema(Frozen):
    """What the model answers for one row."""

    method: Literal["predict", "transform"] = "predict"
    """Whose answer it is: a pipeline that only transforms answers the transformed row."""
    kind: Literal["classes", "values"]
    """"classes": one of `classes`; "values": a number; or `width` of them."""
    dtype: DType
    width: int | None = None
    """Number of outputs a row; None if the answer is a 1-D array."""
    classes: tuple[Label, ...] | None = None
    """Labels in the order of `classes_`, which is the order of the probabilities; of a classifier
    with several outputs the labels of all of them, sorted."""
    classes_by_output: tuple[tuple[Label, ...], ...] | None = None
    """The labels of each output, if a classifier has several; it then has no probabilities: outputs
    may have different numbers of classes."""
    probabilities: bool = False
    """The model has `predict_proba`."""
    labels_from_probabilities: bool = False
    """`predict` was verified to be the argmax of `predict_proba` for this model, up to rounding: a
    worker may take a row's label from its probabilities if the two best of them differ clearly."""
