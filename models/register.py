"""Take a model that somebody else fitted into the store."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from models.artefact import load, modules_named
from models.errors import RefusedModel
from models.estimators import Estimator, final_estimator, method_of
from models.half_floats import refuse_half_floats
from models.policies import Rule
from models.release import Candidate, Release, release
from models.rows import take
from models.samples import read_sample
from models.stages import Stages, sample_of, shape_of
from models.store import Store

PROOF_ROWS: Final = 1000
"""Sample rows that the fresh process answers; more would prove no more."""


@dataclass(frozen=True)
class Registration:
    """What to register.

    Args:
        file: written by `joblib.dump`.
        sample: rows like those that the model was fitted on; see `read_sample`.
        name: the model's name in the store.
        description: one or two sentences for a person.
        rules: policies for what training did not know; the others follow from the pipeline.
    """

    file: Path
    sample: Path
    name: str
    description: str = ""
    rules: tuple[Rule, ...] = ()


def register(registration: Registration, store: Store, stages: Stages) -> Release:
    """Check a foreign model, derive what it takes and answers, prove it and publish it.

    Loading a joblib file runs code from it: register only files that you trust.

    Args:
        registration: what to register.
        store: where the version goes.
        stages: told of each stage.

    Raises:
        RefusedModel: the model cannot be served as it is, and what to change.
        ArtefactError: the saved copy answers something else than the given model.
    """
    with stages.stage("input") as out:
        model = load_foreign(registration.file)
        out.shape, out.sample = registration.file.name, type(model).__name__
    with stages.stage("sample") as out:
        sample = read_sample(registration.sample, model)
        out.shape, out.sample = shape_of(sample.X), sample_of(sample.X)
    spread = np.linspace(0, len(sample.X) - 1, min(PROOF_ROWS, len(sample.X))).astype(int)
    candidate = Candidate(
        model=model,
        known=sample.X,
        held_out=take(sample.X, spread),
        names=sample.names,
        description=registration.description,
        rules=registration.rules,
    )
    return release(store, registration.name, candidate, stages)


def load_foreign(file: Path) -> Estimator:
    """Load a fitted model from a file, once nothing in it is seen to need `__main__`.

    Raises:
        RefusedModel: it is not a fitted model that another process can load.
    """
    if not file.is_file():
        raise RefusedModel(f"there is no file {file}")
    modules_named(file)
    model = load(file)
    if method_of(model) is None:
        raise RefusedModel(
            f"{file.name} holds a {type(model).__name__}, which has neither predict nor transform"
            f" for new rows; {_instead(model)}"
        )
    try:
        check_is_fitted(model)
    except NotFittedError as error:
        # Of other people's classes scikit-learn only sees that no attribute ends with "_", as not
        # all of them have; an unfitted one fails on the sample rows.
        if type(final_estimator(model)).__module__.startswith("sklearn."):
            raise RefusedModel(
                f"the {type(model).__name__} in {file.name} is not fitted; call fit before"
                " joblib.dump"
            ) from error
    except TypeError as error:
        raise RefusedModel(
            f"{file.name} holds a {type(model).__name__}, which is no scikit-learn estimator"
        ) from error
    refuse_half_floats(model)
    return model


def _instead(model: Estimator) -> str:
    """Say what to do with a model that answers nothing."""
    last = final_estimator(model)
    if getattr(last, "novelty", True) is False:
        return "fit it with novelty=True"
    if getattr(model, "refit", True) is False:
        return "let the search have refit=True"
    if callable(getattr(last, "fit_predict", None)):
        return (
            "it labels only the rows that it was fitted on (fit_predict): use KMeans, or fit a"
            " classifier on its labels"
        )
    if callable(getattr(last, "fit_transform", None)):
        return "it places only the rows that it was fitted on (fit_transform): use PCA, for example"
    return "dump the fitted estimator or pipeline itself"
