"""Train a preset: input, split, fit, score, save, load, predict."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from sklearn.model_selection import train_test_split

from models.estimators import Estimator
from models.fingerprint import fingerprint
from models.manifest import TrainingData
from models.metrics import held_out_metrics
from models.outputs import task_of
from models.presets import Data, Preset
from models.release import Candidate, Release, release
from models.rows import Array, Rows, take
from models.stages import Stages, plain, sample_of, shape_of
from models.store import Store

HELD_OUT_SHARE: Final = 0.25


@dataclass(frozen=True)
class Split:
    """Rows to fit on and rows to judge by."""

    X_train: Rows
    X_test: Rows
    y_train: Array
    y_test: Array


def train(preset: Preset, store: Store, seed: int, stages: Stages) -> Release:
    """Train a preset and publish it as a new version.

    Args:
        preset: what to train.
        store: where the version goes.
        seed: for generated data, the split and the estimator; equal seeds, equal models.
        stages: told of each stage.

    Raises:
        RefusedModel: the fitted model cannot be served.
        ArtefactError: the saved model answers something else than the fitted one.
    """
    with stages.stage("input") as out:
        data = preset.load(seed)
        out.shape, out.sample = shape_of(data.X), sample_of(data.X)
    with stages.stage("split") as out:
        split = _split(data, seed, preset.stratified)
        out.shape = f"{len(split.y_train)} to fit on, {len(split.y_test)} held out"
        out.sample = "targets " + ", ".join(map(plain, split.y_test[:5]))
    with stages.stage("fit") as out:
        model = preset.build(seed).fit(split.X_train, split.y_train)
        out.shape, out.sample = type(model).__name__, _steps(model)
    with stages.stage("score") as out:
        metrics = held_out_metrics(model, task_of(model), split.X_test, split.y_test)
        out.shape = f"on {len(split.y_test)} held-out rows"
        out.sample = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
    candidate = Candidate(
        model=model,
        known=split.X_train,
        held_out=split.X_test,
        description=preset.description,
        metrics=metrics,
        training=TrainingData(
            source=data.source,
            rows=len(split.y_train),
            held_out_rows=len(split.y_test),
            fingerprint=fingerprint(split.X_train, split.y_train),
            synthetic=data.synthetic,
        ),
    )
    return release(store, preset.name, candidate, stages)


def _split(data: Data, seed: int, stratified: bool) -> Split:
    fitted, held_out = train_test_split(
        np.arange(len(data.y)),
        test_size=HELD_OUT_SHARE,
        random_state=seed,
        stratify=data.y if stratified else None,
    )
    return Split(take(data.X, fitted), take(data.X, held_out), data.y[fitted], data.y[held_out])


def _steps(model: Estimator) -> str:
    steps = getattr(model, "steps", None) or [("", model)]
    return " → ".join(type(step).__name__ for _, step in steps)
