"""What requests ask."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from loadtest.scenario.base import Frozen


class Size(Frozen):
    """One kind of request in a mix."""

    rows: int = Field(ge=1, le=100_000)
    weight: float = Field(default=1.0, gt=0)
    """How often it comes, against the other kinds' weights."""


class Payload(Frozen):
    """What each request asks: rows or images, drawn from the golden rows, a file or a folder."""

    model: str = Field(min_length=1)
    rows: int = Field(default=1, ge=1, le=100_000)
    """Rows a request."""
    mix: tuple[Size, ...] = ()
    """Single rows and batches together; instead of `rows`."""
    file: Path | None = None
    """Rows from a CSV, JSON, JSON Lines or Parquet file instead of the golden rows."""
    images: Path | None = None
    """Images from a folder (PNG and JPEG) instead of the golden ones."""
    probabilities: bool = False
    distinct_requests: int = Field(default=32, ge=1, le=10_000)
    """How many different bodies of each size there are; each request draws one of them, with
    replacement."""

    @model_validator(mode="after")
    def _says_each_thing_once(self) -> Self:
        if self.mix and "rows" in self.model_fields_set:
            raise ValueError("rows and mix exclude each other")
        if self.file is not None and self.images is not None:
            raise ValueError("file and images exclude each other")
        return self

    @property
    def sizes(self) -> tuple[Size, ...]:
        """Return the mix; of one kind if there is none."""
        return self.mix or (Size(rows=self.rows),)

    @property
    def words(self) -> str:
        """Say how many rows a request has."""
        if not self.mix:
            return f"{_rows(self.rows)} a request"
        total = sum(size.weight for size in self.mix)
        parts = [f"{_rows(size.rows)} ({size.weight / total:.0%})" for size in self.mix]
        return f"{', '.join(parts)} a request"


def _rows(rows: int) -> str:
    return f"{rows} row{'' if rows == 1 else 's'}"
