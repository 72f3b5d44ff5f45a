"""Loading a stored version, once its bytes are those that were published."""

from dataclasses import dataclass

import joblib

from models.errors import ArtefactError
from models.estimators import Estimator
from models.manifest import Manifest
from models.store import ARTEFACT, PRODUCTION, Store, describe_open, open_artefact
from models.verify import check_libraries


@dataclass(frozen=True)
class Stored:
    """A version with its model in memory."""

    model: Estimator
    manifest: Manifest


def load_stored(store: Store, name: str, which: int | str = PRODUCTION) -> Stored:
    """Load a version's model. This runs code from the file, which the store vouches for.

    Args:
        store: holds it.
        name: the model's name.
        which: a version or an alias.

    Raises:
        UnknownModel: there is no such version.
        ArtefactError: the file is not the one that was published, or does not load here.
    """
    version = store.resolve(name, which)
    manifest = store.check_files(name, version)
    libraries = check_libraries(manifest)
    if not libraries.ok:
        raise ArtefactError(f"{name} {version} cannot be loaded here: {libraries.text}")
    # The bytes hashed are the bytes loaded: one open file.
    with open_artefact(store.folder(name, version) / ARTEFACT) as file:
        if describe_open(file) != manifest.files[ARTEFACT]:
            raise ArtefactError(f"{name} {version}: {ARTEFACT} is not the file that was published")
        file.seek(0)
        return Stored(joblib.load(file), manifest)
