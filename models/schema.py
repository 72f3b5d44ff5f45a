"""What a model takes and what it answers, as data: derived elsewhere, stored in the manifest.

This module imports nothing heavy; the API process reads schemas with it.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

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


class Column(Frozen):
    """One input column, in the words of the fitted pipeline."""

    name: str
    dtype: DType
    """Type of the values that a request carries."""
    frame_dtype: str
    """dtype of the column in the training DataFrame ("float64", "str", "object", "category", …);
    a worker rebuilds the column with it."""
    nullable: bool = False
    """Whether null is taken: the pipeline can predict it and training knew it."""
    missing: Literal["nan", "none"] = "nan"
    """What null becomes in the model's input: encoders tell None and NaN apart."""
    categories: tuple[Label, ...] | None = None
    """Every value the column may have, in the encoder's order; None if it is open."""
    ordered: bool = False
    """The categories have an order, and it is theirs here."""
    min: float | None = None
    """Smallest value in the training rows."""
    max: float | None = None
    """Largest value in the training rows."""
    example: Cell = None


class TabularSchema(Frozen):
    """A table of columns in the fitted order."""

    kind: Literal["tabular"] = "tabular"
    container: Literal["frame", "array"]
    """What the model was fitted on: a DataFrame with these names, or a bare array."""
    columns: tuple[Column, ...] = Field(min_length=1)


class ImageSchema(Frozen):
    """A picture; the fitted pipeline itself turns it into `width` by `height` pixels of `mode`."""

    kind: Literal["image"] = "image"
    mode: Literal["L", "RGB"]
    width: int = Field(ge=1)
    height: int = Field(ge=1)


InputSchema = Annotated[TabularSchema | ImageSchema, Field(discriminator="kind")]


class OutputSchema(Frozen):
    """What `predict` answers for one row."""

    kind: Literal["classes", "values"]
    """"classes": one of `classes`; "values": a number or a string, or `width` of them."""
    dtype: DType
    width: int | None = None
    """Number of outputs a row; None if `predict` answers a 1-D array."""
    classes: tuple[Label, ...] | None = None
    """Labels in the order of `classes_`, which is the order of the probabilities."""
    probabilities: bool = False
    """The model has `predict_proba`."""
    labels_from_probabilities: bool = False
    """`predict` was verified to be the argmax of `predict_proba` for this model, up to rounding: a
    worker may take a row's label from its probabilities if the two best of them differ clearly."""
