"""What is sent and what must come back: requests as bytes, drawn from a model's golden rows."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from loadtest.dialects import Dialect
from loadtest.http1 import Address, head
from loadtest.scenario import Size


class _Wire(BaseModel):
    """Crosses from the runner to the generator as JSON."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64"
    )


class Answer(_Wire):
    """The reference's answer to one request."""

    predictions: list[Any]
    classes: list[Any] | None = None
    probabilities: list[list[float]] | None = None
    """None if they were not asked for."""


class Expected(_Wire):
    """What makes an answer right."""

    model: str
    labels: bool
    """Predictions are labels and must be equal; otherwise they are values and must be close."""
    answers: dict[int, Answer]
    """Version → its answer. During a swap two versions are right, each with its own answer."""
    dialect: Dialect = "percore"
    """How the server words its answers; all but Percore have one version."""

    def granted(self) -> dict[str, Any]:
        """Return the answer of the only version, in Percore's words."""
        ((version, answer),) = self.answers.items()
        fields = answer.model_dump(exclude_none=True)
        return {"model": self.model, "version": version, **fields}


class Request(_Wire):
    """One request, ready to be written."""

    wire: bytes
    expected: Expected
    rows: int = 1
    weight: float = 1.0
    """How often it is drawn, against the others' weights."""


@dataclass(frozen=True)
class Batch:
    """The rows of one request, and how often it is drawn against the others."""

    instances: list[Any]
    weight: float


def draw_batches(
    instances: Sequence[Any], sizes: Sequence[Size], distinct: int, seed: int
) -> list[Batch]:
    """Draw `distinct` requests of each size, uniformly and with replacement."""
    draw = random.Random(seed)  # noqa: S311 - reproducible, not secret
    return [
        Batch(draw.choices(instances, k=size.rows), size.weight / distinct)
        for size in sizes
        for _ in range(distinct)
    ]


def predict_wire(
    target: Address,
    model: str,
    instances: Sequence[Any],
    *,
    probabilities: bool,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Return the bytes of a prediction request.

    Raises:
        ValueError: an instance holds a number that JSON cannot carry.
    """
    body = json.dumps({"instances": list(instances)}, allow_nan=False).encode()
    query = "?probabilities=true" if probabilities else ""
    fields = {
        "Host": str(target),
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **(headers or {}),
    }
    start_line = f"POST /v1/models/{model}:predict{query} HTTP/1.1".encode()
    return head(start_line, [(k.encode(), v.encode()) for k, v in fields.items()]) + body
