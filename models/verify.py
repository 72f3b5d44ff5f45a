"""Verify a stored version: its files, the installed libraries, its golden rows."""

from dataclasses import dataclass
from typing import Final

from models.errors import ArtefactError
from models.libraries import installed_versions
from models.manifest import Manifest
from models.prove import Task, prove
from models.store import ARTEFACT, Store

BINDING: Final = ("scikit-learn",)
"""Libraries whose other version is a failure: scikit-learn loads pickles of its own version only.
For the rest the golden rows decide."""


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Args:
        check: files, libraries or golden.
        ok: nothing is wrong.
        text: a sentence for a person.
    """

    check: str
    ok: bool
    text: str


def verify(store: Store, name: str, version: int) -> list[Finding]:
    """Check one version, to the first failure that makes the rest meaningless.

    The model is loaded in a fresh process, and only if its files are as they were published.

    Raises:
        UnknownModel: there is no such version.
    """
    try:
        manifest = store.check_files(name, version)
    except ArtefactError as error:
        return [Finding("files", False, str(error))]
    size_bytes = sum(entry.size_bytes for entry in manifest.files.values())
    files = Finding("files", True, f"{len(manifest.files)} as published, {size_bytes:,} bytes")
    return [files, check_libraries(manifest), _golden(store, manifest)]


def check_libraries(manifest: Manifest) -> Finding:
    """Compare the versions at training time with what is installed."""
    installed = installed_versions(manifest.versions)
    differing = {
        library: f"{library} {wanted} then, {installed.get(library, 'nothing')} here"
        for library, wanted in manifest.versions.items()
        if installed.get(library) != wanted
    }
    absent = [library for library in differing if library not in installed]
    ok = not absent and not any(library in differing for library in BINDING)
    return Finding("libraries", ok, "; ".join(differing.values()) or "the same versions")


def _golden(store: Store, manifest: Manifest) -> Finding:
    golden = manifest.golden
    task = Task(
        artefact=store.folder(manifest.name, manifest.version) / ARTEFACT,
        entry=manifest.files[ARTEFACT],
        input=manifest.input,
        probabilities=golden.probabilities is not None,
        instances=list(golden.instances),
    )
    probabilities = None if golden.probabilities is None else list(map(list, golden.probabilities))
    try:
        proof = prove(task, list(golden.predictions), probabilities)
    except ArtefactError as error:
        return Finding("golden", False, str(error))
    return Finding(
        "golden",
        True,
        f"{proof.rows} rows answered the same, largest difference {proof.largest_difference:.1e}",
    )
