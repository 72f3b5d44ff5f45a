"""All that is known of a candidate: what the gate judges, and a report draws."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from models.estimators import Estimator
from models.extract.extracted import RowCounts
from models.fit.run import Chosen
from models.rows import Array
from models.schema import Cell
from models.spec import Specification
from models.stages import Stage


@dataclass(frozen=True)
class Fitted:
    """What an engine hands over: the winner, and the rows that no run has seen.

    Args:
        chosen: the winner and all runs.
        counts: rows read, taken, rejected.
        source: where the rows came from, for a person.
        X: held-out rows as the model takes them; of very many, some drawn evenly.
        y: their targets.
        known: fitted rows as the model takes them, some of them if they are very many.
        known_y: their targets.
        held_out: the same rows as X, with all columns of the specification.
        metrics: on all held-out rows.
        fitted_rows: how many the winner was fitted on.
        held_out_rows: how many judged it.
        fingerprint: SHA-256 of the rows that were taken.
        mark: the highest value of the marked column.
        unmarked_rows: rejected rows so far that have no readable value there.
    """

    chosen: Chosen
    counts: RowCounts
    source: str
    X: pd.DataFrame | Array
    y: Array
    known: pd.DataFrame | Array
    known_y: Array
    held_out: pd.DataFrame
    metrics: Mapping[str, float]
    fitted_rows: int
    held_out_rows: int
    fingerprint: str
    mark: Cell = None
    unmarked_rows: int = 0

    def known_rows(self, target: str) -> pd.DataFrame:
        """Return the fitted rows with their target, for plots of the data."""
        if isinstance(self.known, pd.DataFrame):
            return self.known.assign(**{target: self.known_y})
        return pd.DataFrame({"picture": self.known, target: self.known_y})


@dataclass(frozen=True)
class Comparison:
    """Candidate and production version on the same held-out rows.

    Args:
        version: the production version.
        metrics: name → (candidate's, production's).
        slices: "column = value" → (rows, candidate's, production's) of the deciding metric.
        refusals: why the candidate is not promoted; empty if it is.
    """

    version: int
    metrics: Mapping[str, tuple[float, float]]
    slices: Mapping[str, tuple[int, float, float]]
    refusals: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """A fitted model with the rows that judge it.

    Args:
        specification: what was asked for.
        version: the number that it probably gets; None if it is not known yet.
        stages: what each stage of the run made.
        counts: rows read, taken, rejected.
        chosen: the winner and all runs.
        X: held-out rows (at most some thousands), as the model takes them.
        y: their targets.
        known: fitted rows with their target, at most some thousands, for plots of the data.
        metrics: of the winner on all held-out rows.
        comparison: with the production version, if there is one.
    """

    specification: Specification
    version: int | None
    stages: tuple[Stage, ...]
    counts: RowCounts
    chosen: Chosen
    X: pd.DataFrame | Array
    y: Array
    known: pd.DataFrame
    metrics: Mapping[str, float]
    comparison: Comparison | None = None

    @property
    def model(self) -> Estimator:
        """The fitted pipeline."""
        return self.chosen.model
