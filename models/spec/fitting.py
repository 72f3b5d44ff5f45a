"""How to fit, how often, and which fit to keep."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from models.spec.base import Part, Share, Value


class Split(Part):
    """How rows are divided. No run ever sees the held-out rows: they judge the winner, once."""

    held_out: Share = 0.2
    """Of all rows."""
    validation: Share = 0.25
    """Of the rest: by them runs are compared, and epochs stopped."""
    stratified: bool = False
    """Classes have the same shares everywhere."""
    group: str = ""
    """Rows with the same value of this column stay together."""
    resplit: bool = True
    """Each run divides fitting and validation rows anew, by its own seed."""


class EstimatorChoice(Part):
    """An estimator by name, with its parameters; ensembles have members."""

    name: str
    """A class of scikit-learn, XGBoost or LightGBM ("RandomForestClassifier"), or
    "package.module:Class"."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    members: "tuple[EstimatorChoice, ...]" = ()
    """Of Voting, Stacking, Bagging (one) or AdaBoost (one)."""
    final: "EstimatorChoice | None" = None
    """Of Stacking: what joins the members."""


class Range(Part):
    """Numbers to draw from, ends included."""

    low: float
    high: float
    log: bool = False
    """Draw the logarithm evenly."""
    whole: bool = False

    @model_validator(mode="after")
    def _is_range(self) -> Self:
        if self.low > self.high or (self.log and self.low <= 0):
            raise ValueError("low must be below high, and above 0 if log = true")
        return self


class Epochs(Part):
    """Fitting step by step, by partial_fit or warm_start."""

    most: Annotated[int, Field(ge=1)] = 100
    patience: Annotated[int, Field(ge=1)] = 10
    """Stop after so many epochs without a better validation metric; the best epoch is kept."""
    batch_rows: Annotated[int, Field(ge=1)] = 1024
    """Rows of one call of partial_fit."""


class Curve(Part):
    """The learning curve: metric against training size."""

    sizes: Annotated[int, Field(ge=2)] = 6
    """How many sizes, each about twice the one before, the largest being all rows."""
    repeats: Annotated[int, Field(ge=2)] = 5
    flat: Annotated[float, Field(ge=0)] = 0.002
    """The curve is flat where doubling the rows brings less than this."""


class Fit(Part):
    """What to fit."""

    estimator: EstimatorChoice
    metric: str = ""
    """What decides; accuracy or r2 if left out."""
    runs: Annotated[int, Field(ge=1, le=10_000)] = 1
    stop_at: float | None = None
    """No further run begins once one was as good as this."""
    jobs: Annotated[int, Field(ge=0)] = 0
    """Processes; 0 is one a core."""
    search: dict[str, tuple[Value, ...] | Range] = Field(default_factory=dict)
    """Parameter → values or a range; each run draws from them. Names may reach into steps:
    "features__…"."""
    epochs: Epochs | None = None
    curve: Curve | None = None


class Medium(Part):
    """Data larger than memory, on one machine; for engine = "batches"."""

    memory_bytes: Annotated[int, Field(ge=64 * 2**20)] = 1_500_000_000
    """What the process may take, peak."""
    batch_rows: Annotated[int, Field(ge=1)] = 50_000
    strategy: Literal["partial_fit", "exact", "average", "sample"] = "partial_fit"
    """partial_fit: batch after batch; exact: linear and ridge regression of all rows, by sums of
    products; average: a linear model a part, weights averaged; sample: as many rows as memory
    allows, drawn evenly."""
    parts: Annotated[int, Field(ge=1)] = 8
    """Of "average": how many models."""
    passes: Annotated[int, Field(ge=1)] = 1
    """Of "partial_fit": how often all rows are seen."""
