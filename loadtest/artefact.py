"""A stored version, read as plain JSON: the load test knows the store by its format only."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest.errors import ArtefactError

PRODUCTION = "production"


@dataclass(frozen=True)
class Artefact:
    """What the load test needs of one version."""

    name: str
    version: int
    path: Path
    """Of model.joblib."""
    sha256: str
    """Of model.joblib, as the manifest says."""
    input: dict[str, Any]
    """The manifest's input schema."""
    labels: bool
    """It predicts labels of a fixed set of classes."""
    probabilities: bool
    """It has predict_proba."""
    method: str
    """Whose answer a row's is: predict, or transform of a pipeline that only transforms."""
    instances: list[Any]
    """The golden rows, as a request carries them."""


def read_artefact(store: Path, name: str, version: int | None = None) -> Artefact:
    """Read a version of a model from the store; None means the production version.

    Raises:
        ArtefactError: there is no such version, or its manifest lacks what is needed.
    """
    folder = store / name
    if not folder.is_dir():
        raise ArtefactError(_absent(store, name))
    if version is None:
        aliases = _read(folder / "aliases.json", f"{name} in the store {store} has no aliases")
        version = aliases.get(PRODUCTION)
        if version is None:
            raise ArtefactError(f"{name} has no production version in the store {store}.")
    missing = f"{name} has no version {version} in the store {store}"
    manifest = _read(folder / str(version) / "manifest.json", missing)
    try:
        artefact = Artefact(
            name=name,
            version=version,
            path=(folder / str(version) / "model.joblib").resolve(),
            sha256=manifest["files"]["model.joblib"]["sha256"],
            input=manifest["input"],
            labels=manifest["output"]["kind"] == "classes",
            probabilities=bool(manifest["output"].get("probabilities")),
            method=manifest["output"].get("method", "predict"),
            instances=list(manifest["golden"]["instances"]),
        )
    except (KeyError, TypeError) as error:
        raise ArtefactError(f"The manifest of {name} {version} lacks {error}.") from error
    if not artefact.instances:
        raise ArtefactError(f"{name} {version} has no golden rows, so there is nothing to send.")
    return artefact


def _absent(store: Path, name: str) -> str:
    """Say that there is no such model, and what to do."""
    others = sorted(path.parent.name for path in store.glob("*/aliases.json"))
    if others:
        return f"The store {store} has no model {name!r}; it has {', '.join(others)}."
    return (
        f"The store {store} has no model {name!r}, nor any other: fill it with python -m models"
        f" train or register, or name another with --store."
    )


def _read(path: Path, missing: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise ArtefactError(f"{missing}: {path.name} cannot be read.") from error
    except ValueError as error:
        raise ArtefactError(f"{path} is not JSON.") from error
    if not isinstance(content, dict):
        raise ArtefactError(f"{path} is not a JSON object.")
    return content
