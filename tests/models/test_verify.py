"""Verify finds what is wrong with a stored version."""

import json
import shutil
from pathlib import Path

import pytest

from models.errors import UnknownModel
from models.store import ARTEFACT, MANIFEST, Store
from models.verify import check_libraries, verify


@pytest.fixture
def copied(presets_store: Store, tmp_path: Path) -> Store:
    """Return a store with iris version 1 that a test may damage."""
    shutil.copytree(presets_store.root / "iris", tmp_path / "store" / "iris")
    return Store(tmp_path / "store")


def edit_manifest(store: Store, **changes: object) -> None:
    path = store.folder("iris", 1) / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_good_version_passes_every_check(copied: Store) -> None:
    findings = verify(copied, "iris", 1)
    assert [(finding.check, finding.ok) for finding in findings] == [
        ("files", True),
        ("libraries", True),
        ("golden", True),
    ]


def test_a_flipped_byte_stops_it_before_anything_is_loaded(copied: Store) -> None:
    artefact = copied.folder("iris", 1) / ARTEFACT
    content = bytearray(artefact.read_bytes())
    content[len(content) // 2] ^= 1
    artefact.write_bytes(content)
    (only,) = verify(copied, "iris", 1)
    assert (only.check, only.ok) == ("files", False)
    assert "model.joblib was changed" in only.text


def test_a_damaged_manifest_is_a_finding(copied: Store) -> None:
    (copied.folder("iris", 1) / MANIFEST).write_text("{")
    (only,) = verify(copied, "iris", 1)
    assert not only.ok
    assert "manifest.json cannot be read" in only.text


@pytest.mark.parametrize(
    ("library", "version", "ok"),
    [
        ("scikit-learn", "0.1", False),
        ("numpy", "0.1", True),
        ("no-such-library", "1.0", False),
    ],
)
def test_other_libraries_are_named(copied: Store, library: str, version: str, ok: bool) -> None:
    manifest = copied.manifest("iris", 1)
    edit_manifest(copied, versions={**manifest.versions, library: version})
    finding = check_libraries(copied.manifest("iris", 1))
    assert finding.ok is ok
    assert f"{library} {version} then" in finding.text


def test_golden_rows_that_are_answered_otherwise_are_found(copied: Store) -> None:
    golden = copied.manifest("iris", 1).golden.model_dump(mode="json")
    golden["predictions"][0] = "virginica" if golden["predictions"][0] != "virginica" else "setosa"
    edit_manifest(copied, golden=golden)
    findings = {finding.check: finding for finding in verify(copied, "iris", 1)}
    assert findings["files"].ok
    assert not findings["golden"].ok
    assert "row 0" in findings["golden"].text


def test_what_is_not_there_is_said(copied: Store) -> None:
    with pytest.raises(UnknownModel, match="no version 2"):
        verify(copied, "iris", 2)
