"""What was measured of growth, and the slope: cost goes with size to the power of the slope."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loadtest.errors import ScenarioError

VERSION: Final = 1


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Point(_Kept):
    """One size."""

    size: int
    value: float
    """The median, where it was measured several times."""
    low: float
    high: float


class Curve(_Kept):
    """A cost over a size."""

    grows: str
    """What the size is, such as "rows, as Arrow"."""
    measured: str
    """What the value is, such as "time of a request"."""
    unit: str
    points: list[Point]
    fitted_from: int = 1
    """The slope is of the points from this size on: below it, what does not grow covers it."""
    slope: float
    note: str = ""


class GrowthResults(_Kept):
    """The whole file."""

    schema_version: int = VERSION
    machine: dict[str, Any] = Field(default_factory=dict)
    command: str = ""
    date: str = ""
    curves: dict[str, Curve] = Field(default_factory=dict)


def slope(points: Sequence[Point], fitted_from: int = 1) -> float:
    """Return the slope of a line through the logarithms, by least squares.

    1: twice the size costs twice as much; 0: it costs no more.

    Raises:
        ValueError: fewer than two points are fitted, or one is not positive.
    """
    fitted = [each for each in points if each.size >= fitted_from]
    if len(fitted) < 2 or any(each.value <= 0 or each.size <= 0 for each in fitted):
        raise ValueError("a slope takes two points or more, all of them positive")
    sizes = np.log([each.size for each in fitted])
    values = np.log([each.value for each in fitted])
    return float(np.polyfit(sizes, values, 1)[0])


def read_growth(path: Path) -> GrowthResults:
    """Return what a file holds; an empty result if there is none.

    Raises:
        ScenarioError: it is no such file.
    """
    try:
        return GrowthResults.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return GrowthResults()
    except ValidationError as error:
        raise ScenarioError(f"{path} is no result of this benchmark; name another file.") from error
