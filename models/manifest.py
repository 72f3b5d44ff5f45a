"""The manifest of a stored version: everything about a model but the model itself."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from models.schema import Frozen, InputSchema, OutputSchema

ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
"""Names are keys: lower case, digits, dot, underscore, hyphen; at most 63 characters."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class FileEntry(Frozen):
    """One file of the version, as it was when it was published."""

    sha256: Sha256
    size_bytes: int = Field(ge=0)


class TrainingData(Frozen):
    """Where the training rows came from, so that two versions can be told apart by their data."""

    source: str
    rows: int = Field(ge=0)
    held_out_rows: int = Field(default=0, ge=0)
    fingerprint: Sha256
    """SHA-256 over the columns' names and values, in order."""
    synthetic: bool = False


class Lineage(Frozen):
    """What made a version, if a specification did; the specification lies beside the model."""

    engine: Literal["memory", "batches", "spark"]
    rows_read: int = Field(ge=0)
    rows_rejected: int = Field(ge=0)
    """Rows that broke the contract of the columns."""
    runs: int = Field(ge=1)
    """How many fits were compared."""
    failed_runs: int = Field(default=0, ge=0)
    best_run: int = Field(ge=0)
    metric: str
    """What decided."""
    validation_score: float
    """The winner's on the rows by which runs were compared: the best of N is an optimistic number.
    """
    held_out_score: float
    """The winner's on rows that no run has seen."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """What the winner drew from the search space."""
    revision: str | None = None
    """The git commit of the specification; + if files differed from it."""


class GoldenRows(Frozen):
    """Requests with the answers that this model gave when it was published."""

    instances: tuple[Any, ...]
    """As in a request: a list of cells in the fitted order, or {"b64": …} for a picture."""
    predictions: tuple[Any, ...]
    probabilities: tuple[tuple[float, ...], ...] | None = None


class Manifest(Frozen):
    """Everything that the service needs to know of a version without loading it."""

    format: Literal[1] = 1
    name: ModelName
    version: int = Field(ge=1)
    task: Literal["classification", "regression", "other"]
    description: str = ""
    created_at: AwareDatetime
    files: dict[str, FileEntry]
    """Relative path → what it must be; the manifest itself is not among them."""
    versions: dict[str, str]
    """"python" and every library that the model needs → its version at training time."""
    input: InputSchema
    output: OutputSchema
    metrics: dict[str, float] = Field(default_factory=dict)
    """On held-out rows."""
    training: TrainingData | None = None
    lineage: Lineage | None = None
    golden: GoldenRows

    def to_json(self) -> str:
        """Return the text that is stored; `from_json` reads it back."""
        return self.model_dump_json(indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "Manifest":
        """Parse a stored manifest.

        Raises:
            pydantic.ValidationError: the text is not a manifest of this format.
        """
        return cls.model_validate_json(text)
