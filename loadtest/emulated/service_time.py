"""How long a batch takes: drawn from a law, or from measured times."""

import csv
import math
from bisect import bisect_left
from pathlib import Path
from random import Random

from loadtest.emulated.config import ServiceLaw
from loadtest.errors import ScenarioError


class ServiceTimes:
    """Draws the times of batches.

    Args:
        law: a law, or a table of measured times.
        random: seeded by the caller.
    """

    def __init__(self, law: ServiceLaw, random: Random) -> None:
        self._law = law
        self._random = random
        self._sizes = sorted(law.measured)
        self._sigma = math.sqrt(math.log(1 + law.cv**2))

    def draw_s(self, rows: int) -> float:
        """Return the time of a batch of so many rows."""
        if self._sizes:
            return self._measured_s(rows)
        return (self._law.base_s + self._law.row_s * rows) * self._factor()

    def _factor(self) -> float:
        """Return a random factor of mean 1."""
        match self._law.law:
            case "constant":
                return 1.0
            case "exponential":
                return self._random.expovariate(1.0)
            case "lognormal":
                return self._random.lognormvariate(-(self._sigma**2) / 2, self._sigma)

    def _measured_s(self, rows: int) -> float:
        """Interpolate between the sizes that were measured, at one and the same quantile.

        Beyond the largest size, time grows with the rows in proportion: a batch that was never
        measured is not given for nothing.
        """
        share = self._random.random()
        place = bisect_left(self._sizes, rows)
        if place == len(self._sizes):
            last = self._sizes[-1]
            return self._at(last, share) * rows / last
        above = self._sizes[place]
        if above == rows or place == 0:
            return self._at(above, share)
        below = self._sizes[place - 1]
        weight = (rows - below) / (above - below)
        return (1 - weight) * self._at(below, share) + weight * self._at(above, share)

    def _at(self, rows: int, share: float) -> float:
        times_s = self._law.measured[rows]
        return times_s[int(share * len(times_s))]


def read_table(path: Path) -> dict[int, list[float]]:
    """Read measured batches from a CSV file with the columns rows and seconds, or from a run.

    A run's requests.csv has the columns rows and predict_s; requests that were not answered are
    left out. Let it be a closed load with one connection a worker: then a request is a batch.

    Raises:
        ScenarioError: it cannot be read, or a line is not a number of rows and a time.
    """
    measured: dict[int, list[float]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                if line.get("predict_s") == "":
                    continue
                rows, seconds = _batch(line)
                measured.setdefault(rows, []).append(seconds)
    except OSError as error:
        raise ScenarioError(f"The table {path} cannot be read: {error.strerror}.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ScenarioError(
            f"{path} must be CSV with the columns rows and seconds; found {error}."
        ) from error
    if not measured:
        raise ScenarioError(f"{path} has no measured batch.")
    return {rows: sorted(times_s) for rows, times_s in measured.items()}


def _batch(line: dict[str, str]) -> tuple[int, float]:
    seconds_column = "predict_s" if "predict_s" in line else "seconds"
    rows, seconds = int(line["rows"]), float(line[seconds_column])
    if rows < 1 or not 0 <= seconds < math.inf:
        raise ValueError(f"{rows} rows in {seconds} s")
    return rows, seconds
