"""A stored artefact to a fitted estimator. Loading runs code, so it is verified first."""

import re
import warnings
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import joblib
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning

from models.errors import ArtefactError
from models.manifest import Manifest
from models.store import ARTEFACT, Store, describe_open, open_artefact

_FOLDERS: Final = re.compile(r"(?<![\w/])/(?:[^/'\"\s]+/)+")


def load_estimator(store: Store, manifest: Manifest) -> Any:
    """Verify and load the artefact of a version; every nested `n_jobs` becomes 1.

    The bytes that are hashed are the bytes that are loaded: one open file.

    Raises:
        ArtefactError: other bytes than the manifest tells, another version of scikit-learn, or a
            file that cannot be loaded here; the text says which.
    """
    _check_versions(manifest)
    folder = store.folder(manifest.name, manifest.version)
    with open_artefact(folder / ARTEFACT) as file:
        if describe_open(file) != manifest.files.get(ARTEFACT):
            raise ArtefactError(f"{ARTEFACT} was changed after it was published")
        file.seek(0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", InconsistentVersionWarning)
                estimator = joblib.load(file)
        except Exception as error:
            raise ArtefactError(f"{ARTEFACT} cannot be loaded: {reason_of(error)}") from error
    for part in _parts(estimator, set()):
        if getattr(part, "n_jobs", None) is not None:
            part.n_jobs = 1
    return estimator


def reason_of(error: Exception) -> str:
    """Return what went wrong, without the folders of this machine: clients read it, too."""
    words = _FOLDERS.sub("", str(error)) or type(error).__name__
    if isinstance(error, ModuleNotFoundError):
        words += "; install it where the service runs, or name its folder in PYTHONPATH there"
    elif isinstance(error, AttributeError | ImportError):
        # Modules are imported once, and the next loader is forked from this one.
        words += "; if its code was changed since the service began, start the service again"
    return words


def _check_versions(manifest: Manifest) -> None:
    trained = manifest.versions.get("scikit-learn")
    try:
        installed = version("scikit-learn")
    except PackageNotFoundError as error:
        raise ArtefactError("scikit-learn is not installed") from error
    if trained != installed:
        raise ArtefactError(
            f"it was fitted with scikit-learn {trained}, here is {installed}; "
            "fit it again, or install that version"
        )


def _parts(value: Any, seen: set[int]) -> Iterator[Any]:
    """Yield an estimator and all estimators inside it, fitted ones too."""
    if id(value) in seen:
        return
    if isinstance(value, BaseEstimator):
        seen.add(id(value))
        yield value
        value = list(vars(value).values())
    elif isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for child in value:
            yield from _parts(child, seen)
    elif isinstance(value, np.ndarray) and value.dtype.hasobject:
        for child in value.flat:
            yield from _parts(child, seen)
