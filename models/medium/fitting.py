"""A ColumnTransformer fitted out of core: what `fit` of all rows at once would have made."""

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from models.estimators import Estimator
from models.medium.batch import Batch
from models.medium.learners import Learner, learner_for
from models.medium.learners.response import ResponseLearner
from models.rows import Array
from models.transform.rules import FOLDS

HEAD_ROWS = 10_000
"""Rows by which the density of the features is judged: sparse or not."""

Pass: TypeAlias = Callable[[list[str]], Iterable[Batch]]
"""Begins a pass over the fitted rows, with these columns and the target."""


@dataclass(frozen=True)
class FittedFeatures:
    """The fitted transformer, and its versions for the rows that it was fitted on.

    Args:
        transformer: for rows that it has not seen.
        by_fold: for the fitted rows of each fold; empty if no step looks at the target.
        passes: over the rows, that it took.
    """

    transformer: ColumnTransformer
    by_fold: tuple[ColumnTransformer, ...]
    passes: int

    def of_new(self, X: pd.DataFrame) -> Any:
        """Return the features of rows that nothing was fitted on."""
        return self.transformer.transform(X)

    def of_fitted(self, batch: Batch, folds: Array) -> tuple[Any, Array]:
        """Return features and targets of fitted rows, as `fit_transform` makes them.

        With response coding, a row's code comes from the targets of other folds, and the rows are
        put together fold by fold.
        """
        if not self.by_fold:
            return self.transformer.transform(batch.X), batch.y
        order = np.argsort(folds, kind="stable")
        pieces = [
            transformer.transform(batch.X[folds == fold])
            for fold, transformer in enumerate(self.by_fold)
            if (folds == fold).any()
        ]
        return stacked(pieces), batch.y[order]


@dataclass
class Branch:
    """One transformer of the columns, step by step."""

    name: str
    columns: str | list[str]
    steps: list[Estimator]
    fitted: list[Estimator] = field(default_factory=list)
    learner: Learner | None = None
    """Of the first step that is not fitted yet."""
    crossfitted: list[Estimator] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether all steps are fitted."""
        return len(self.fitted) == len(self.steps)

    def see(self, batch: Batch, folds: Array) -> None:
        """Show the current step a batch as the steps before it leave it."""
        X = batch.X[self.columns]
        for step in self.fitted:
            X = step.transform(X)
        if self.learner is not None:
            self.learner.see(X, batch.y, folds)

    def end_pass(self, classes: Array | None) -> None:
        """Take the current step if it is known, and begin the next one."""
        if self.learner is not None and self.learner.end_pass():
            step = self.learner.fitted()
            if isinstance(self.learner, ResponseLearner):
                self.crossfitted = self.learner.crossfitted(step)
            self.fitted.append(step)
            self.learner = None
        if self.learner is None and not self.is_done:
            self.learner = learner_for(self.steps[len(self.fitted)], classes)


def fit_features(
    unfitted: ColumnTransformer,
    read: Pass,
    folds_of: Callable[[Batch], Array],
    classes: Array | None,
) -> FittedFeatures:
    """Fit a ColumnTransformer batch by batch.

    Args:
        unfitted: by `models.transform`.
        read: begins a pass.
        folds_of: the number of each row's fold.
        classes: of the target, ascending; None for regression.

    Raises:
        BadSpecification: a step cannot be learned batch by batch.
        BadData: a column has too many different values for what is asked of it.
    """
    branches = [_branch(*one) for one in unfitted.transformers]
    passes = 0
    for branch in branches:
        branch.end_pass(classes)
    while open_branches := [branch for branch in branches if not branch.is_done]:
        for batch in read(_columns(open_branches)):
            folds = folds_of(batch)
            for branch in open_branches:
                branch.see(batch, folds)
        for branch in open_branches:
            branch.end_pass(classes)
        passes += 1
    return _assembled(unfitted, branches, read, passes)


def stacked(pieces: list[Any]) -> Any:
    """Return matrices, dense or sparse, one below the other."""
    if len(pieces) == 1:
        return pieces[0]
    return np.concatenate(pieces) if isinstance(pieces[0], np.ndarray) else _sparse_stack(pieces)


def _sparse_stack(pieces: list[Any]) -> Any:
    return sparse.vstack(pieces, format="csr")


def _branch(name: str, transformer: Any, columns: str | list[str]) -> Branch:
    if isinstance(transformer, str):
        return Branch(name, columns, [])
    steps = transformer.steps if isinstance(transformer, Pipeline) else [(name, transformer)]
    return Branch(name, columns, [step for _, step in steps])


def _columns(branches: Iterable[Branch]) -> list[str]:
    found: list[str] = []
    for branch in branches:
        found += [branch.columns] if isinstance(branch.columns, str) else branch.columns
    return list(dict.fromkeys(found))


def _assembled(
    unfitted: ColumnTransformer, branches: list[Branch], read: Pass, passes: int
) -> FittedFeatures:
    """Put the fitted steps into place, as if `fit` had left them there."""
    head = next(iter(read(_columns(branches)))).X.iloc[:HEAD_ROWS]
    made = [
        (name, _joined(transformer, branch), columns)
        for (name, transformer, columns), branch in zip(
            unfitted.transformers, branches, strict=True
        )
    ]
    shell = clone(unfitted).set_params(transformers=[_frozen(*one) for one in made])
    # Nothing is learned here but where each step's columns begin, and whether they are sparse.
    shell.fit(head)
    shell.transformers = unfitted.transformers
    fitted = {name: found for name, found, _ in made if not isinstance(found, str)}
    shell.transformers_ = [
        (name, fitted.get(name, transformer), columns)
        for name, transformer, columns in shell.transformers_
    ]
    crossed = [branch for branch in branches if branch.crossfitted]
    by_fold = tuple(_of_fold(shell, crossed, fold) for fold in range(FOLDS if crossed else 0))
    return FittedFeatures(shell, by_fold, passes)


def _joined(transformer: Any, branch: Branch) -> Any:
    if isinstance(transformer, str):
        return transformer
    if not isinstance(transformer, Pipeline):
        return branch.fitted[0]
    names = [name for name, _ in transformer.steps]
    return Pipeline(list(zip(names, branch.fitted, strict=True)))


def _frozen(name: str, transformer: Any, columns: Any) -> tuple[str, Any, Any]:
    kept = transformer if isinstance(transformer, str) else FrozenEstimator(transformer)
    return name, kept, columns


def _of_fold(shell: ColumnTransformer, crossed: list[Branch], fold: int) -> ColumnTransformer:
    other = copy(shell)
    encoders = {branch.name: branch.crossfitted[fold] for branch in crossed}
    other.transformers_ = [
        (name, encoders.get(name, transformer), columns)
        for name, transformer, columns in shell.transformers_
    ]
    return other
