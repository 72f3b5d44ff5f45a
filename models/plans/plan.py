"""The record of a plan: what was tried, how it compared, and what was chosen.

This module imports nothing heavy.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from models.manifest import ModelName, Sha256
from models.schema import Frozen

SCIKIT: Final = "scikit-learn"
EXACT: Final = 1e-12
"""Largest difference of a number under the policy `exact`; absolute below 1, relative above."""
SIZES: Final = (1, 8, 64, 512, 4096)
"""Rows in the calls that are timed."""

Policy = Literal["exact", "close", "off"]


class Trust(Frozen):
    """What differences from scikit-learn are taken; labels must be equal in any case."""

    policy: Policy = "exact"
    tolerance: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Of the policy `close`; absolute below 1, relative above."""

    def limit(self) -> float:
        """Return the largest difference that is taken."""
        return max(self.tolerance, EXACT) if self.policy == "close" else EXACT


class Key(Frozen):
    """Where a plan holds: anything else than this may compute otherwise."""

    libraries: dict[str, str]
    """Distribution → version, Python among them."""
    processor: str
    """Its model's name."""
    flags: Sha256
    """Of what the processor can do, as the kernel lists it."""
    forms: Sha256
    """Of the source code of `models.forms`."""
    artefact: Sha256


class Timing(Frozen):
    """What a call takes, its input made from numbers and texts included."""

    rows: Annotated[int, Field(ge=1)]
    median_us: Annotated[float, Field(ge=0.0)]


class Tried(Frozen):
    """One form, compared with scikit-learn and timed."""

    form: str
    compared_rows: Annotated[int, Field(ge=0)]
    """In all calls together; a row is in several of them."""
    labels_differ: Annotated[int, Field(ge=0)] = 0
    largest_difference: Annotated[float, Field(ge=0.0)] = 0.0
    """Of any number; absolute below 1, relative above."""
    objection: str = ""
    """What else is not as scikit-learn has it: a shape, a NaN, an exception. Empty: nothing."""
    timings: tuple[Timing, ...] = ()

    def is_verified(self, trust: Trust) -> bool:
        """Return whether its answers may stand for scikit-learn's."""
        return (
            not self.objection
            and self.labels_differ == 0
            and self.largest_difference <= trust.limit()
        )

    def median_us(self, rows: int) -> float:
        """Return what a call of so many rows took; infinity if that was not timed."""
        return next((one.median_us for one in self.timings if one.rows == rows), float("inf"))


class Range(Frozen):
    """Batches of certain sizes, and the form that computes them."""

    up_to_rows: int | None
    """The largest of these batches; None for the last range."""
    form: str


class Plan(Frozen):
    """What was found out about one version on one machine."""

    format: Literal[1] = 1
    name: ModelName
    version: Annotated[int, Field(ge=1)]
    created_at: AwareDatetime
    key: Key
    trust: Trust
    """Under what the ranges were chosen."""
    rows: Annotated[int, Field(ge=0)]
    """Different rows that were compared."""
    thresholds: Annotated[int, Field(ge=0)]
    """Different numbers at which the fitted model splits, as far as it was looked into."""
    thresholds_met: Annotated[int, Field(ge=0)]
    """Of these, how many the rows stand on and beside."""
    failing_rows: Annotated[int, Field(ge=0)] = 0
    """Rows on which scikit-learn raises; the forms must, too."""
    tried: tuple[Tried, ...]
    ranges: tuple[Range, ...]
    seconds: Annotated[float, Field(ge=0.0)] = 0.0

    @model_validator(mode="after")
    def _covers_all_sizes(self) -> Self:
        """Refuse what no planner writes: whoever chooses by a plan relies on it."""
        if not self.tried or self.tried[0].form != SCIKIT:
            raise ValueError("scikit-learn is not what was tried first")
        *ends, last = [one.up_to_rows for one in self.ranges] or [0]
        known = [end for end in ends if end is not None]
        rising = all(one < other for one, other in pairwise([0, *known]))
        if last is not None or len(known) != len(ends) or not rising:
            raise ValueError("the ranges do not cover all sizes of batches")
        return self

    def verified(self, trust: Trust) -> tuple[Tried, ...]:
        """Return the forms that may be used."""
        return tuple(one for one in self.tried if one.is_verified(trust))


def words_of(ranges: Sequence[Range]) -> str:
    """Return ranges as a person reads them."""
    parts, begin = [], 1
    for one in ranges:
        if one.up_to_rows is None:
            rows = f"{begin} rows and more" if begin > 1 else "any number of rows"
        else:
            rows = f"{begin} to {one.up_to_rows} rows" if one.up_to_rows > begin else f"{begin} row"
            begin = one.up_to_rows + 1
        parts.append(f"{one.form}: {rows}")
    return "; ".join(parts)
