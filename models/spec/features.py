"""From columns to features, by declaration."""

from typing import Annotated, Any, Literal

from pydantic import Field

from models.spec.base import Part, Value


class FeatureRule(Part):
    """What every rule has: the columns that it takes."""

    columns: Annotated[tuple[str, ...], Field(min_length=1)]


class Numeric(FeatureRule):
    """Numbers: filled, logarithm, scaled, in this order."""

    kind: Literal["numeric"]
    impute: Literal["median", "mean", "most_frequent", "zero", "none"] = "median"
    """What missing values become; "none" leaves them to the estimator."""
    indicator: bool = False
    """A further feature says whether the value was missing."""
    log: bool = False
    """log(1 + x), for values above -1."""
    scale: Literal["standard", "minmax", "robust", "none"] = "standard"


class OneHot(FeatureRule):
    """A feature a category; a category that training never saw is all zeros."""

    kind: Literal["onehot"]
    min_frequency: int | float | None = None
    """Rarer categories share one feature: a count, or a share of the rows."""


class Response(FeatureRule):
    """Response coding: a category's smoothed mean of the target; unknown ones take the prior."""

    kind: Literal["response"]
    smooth: Literal["auto"] | float = "auto"


class Ordinal(FeatureRule):
    """A category's place in an order; an unknown one is -1."""

    kind: Literal["ordinal"]
    order: tuple[tuple[Value, ...], ...] | None = None
    """The categories of each column, lowest first; sorted if left out."""


class Boolean(FeatureRule):
    """True and false as 1 and 0; missing is filled with the more frequent one."""

    kind: Literal["boolean"]


class DateParts(FeatureRule):
    """Parts of a day or time in ISO 8601."""

    kind: Literal["date"]
    parts: tuple[
        Literal["year", "month", "day", "weekday", "yearday", "hour", "minute", "days"], ...
    ] = ("year", "month", "day", "weekday")
    """"days": whole and broken days since 1970-01-01."""
    scale: Literal["standard", "none"] = "standard"
    """Years are large numbers beside a scaled one; trees do not mind, most others do."""


class Words(FeatureRule):
    """Text as tf-idf weights, each column for itself."""

    kind: Literal["text"]
    max_features: Annotated[int, Field(ge=1)] = 10_000
    ngrams: tuple[int, int] = (1, 1)
    hashed: bool = False
    """Hashed instead of learned words: for data that does not fit into memory."""


class Picture(FeatureRule):
    """A picture as grey values or colours; it must be the only feature."""

    kind: Literal["picture"]
    mode: Literal["L", "RGB"] = "L"
    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]


class Function(FeatureRule):
    """A function of yours: from a DataFrame of the columns to an array of numbers."""

    kind: Literal["function"]
    call: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
    """"package.module:function"; the module must be importable where the model is served."""
    arguments: dict[str, Any] = Field(default_factory=dict)


AnyFeature = Annotated[
    Numeric | OneHot | Response | Ordinal | Boolean | DateParts | Words | Picture | Function,
    Field(discriminator="kind"),
]
