"""The store: versions, aliases, and what check_files notices."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from models.errors import ArtefactError, StoreError, UnknownModel
from models.manifest import FileEntry, Manifest
from models.store import ALIASES, ARTEFACT, MANIFEST, Store

Publish = Callable[..., Manifest]


def test_versions_count_up_and_only_the_first_becomes_production(
    store: Store, publish: Publish
) -> None:
    assert [publish().version, publish().version, publish().version] == [1, 2, 3]
    assert store.versions("m") == [1, 2, 3]
    assert store.aliases("m") == {"production": 1}
    assert store.resolve("m") == 1


def test_promote_and_roll_back_swap_production_and_previous(store: Store, publish: Publish) -> None:
    publish()
    publish()
    assert store.promote("m", 2) == {"production": 2, "previous": 1}
    assert store.roll_back("m") == {"production": 1, "previous": 2}
    assert store.roll_back("m") == {"production": 2, "previous": 1}


def test_promoting_the_production_version_keeps_the_previous(
    store: Store, publish: Publish
) -> None:
    publish()
    publish()
    store.promote("m", 2)
    assert store.promote("m", 2) == {"production": 2, "previous": 1}


def test_rolling_back_a_first_version_is_refused(store: Store, publish: Publish) -> None:
    publish()
    with pytest.raises(UnknownModel, match="no alias 'previous'"):
        store.roll_back("m")
    assert store.aliases("m") == {"production": 1}


def test_promoting_what_is_not_there_is_refused(store: Store, publish: Publish) -> None:
    publish()
    with pytest.raises(UnknownModel, match="no version 7"):
        store.promote("m", 7)
    with pytest.raises(UnknownModel, match="no model 'other'"):
        store.promote("other", 1)


@pytest.mark.parametrize("name", ["", "A", ".hidden", "a/b", "..", "ä", "x" * 64, "a b"])
def test_names_that_are_no_keys_are_refused(store: Store, publish: Publish, name: str) -> None:
    with pytest.raises(StoreError, match="no model name"):
        publish(name)
    assert store.names() == []
    with pytest.raises(UnknownModel):
        store.resolve(name)


def test_a_writer_that_fails_leaves_nothing(store: Store, publish: Publish) -> None:
    publish()

    def write(folder: Path) -> None:
        (folder / ARTEFACT).write_bytes(b"half")
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        store.publish("m", write, lambda *_: pytest.fail("described"))
    assert store.versions("m") == [1]
    assert sorted(os.listdir(store.root / "m")) == ["1", ALIASES]


def test_a_version_without_artefact_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match=r"no model\.joblib"):
        store.publish("m", lambda _: None, lambda *_: pytest.fail("described"))
    assert store.versions("m") == []


def test_left_overs_are_removed_by_the_next_publisher(store: Store, publish: Publish) -> None:
    publish()
    dead = store.root / "m" / ".staging-1"
    dead.mkdir()
    (dead / ARTEFACT).write_bytes(b"half")
    assert store.versions("m") == [1]
    assert publish().version == 2
    assert not dead.exists()


def test_an_alias_of_a_version_that_never_appeared_means_nothing(
    store: Store, publish: Publish
) -> None:
    publish()
    (store.root / "m" / ALIASES).write_text('{"production": 1, "previous": 9}')
    assert store.aliases("m") == {"production": 1}


def test_damaged_aliases_are_an_error_of_the_artefact(store: Store, publish: Publish) -> None:
    publish()
    (store.root / "m" / ALIASES).write_text('{"production": "one"}')
    with pytest.raises(ArtefactError, match=r"aliases\.json"):
        store.aliases("m")


def test_files_as_published_pass(store: Store, publish: Publish) -> None:
    published = publish(content=b"0123456789")
    assert store.check_files("m", 1) == published
    assert published.files[ARTEFACT] == FileEntry(
        sha256="84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882", size_bytes=10
    )


@pytest.mark.parametrize("position", [0, 5, 9])
def test_one_flipped_bit_is_noticed(store: Store, publish: Publish, position: int) -> None:
    publish(content=b"0123456789")
    artefact = store.folder("m", 1) / ARTEFACT
    content = bytearray(artefact.read_bytes())
    content[position] ^= 1
    artefact.write_bytes(content)
    with pytest.raises(ArtefactError, match=r"model\.joblib was changed"):
        store.check_files("m", 1)


def test_an_extra_file_is_noticed(store: Store, publish: Publish) -> None:
    publish()
    extra = store.folder("m", 1) / "report" / "note.txt"
    extra.parent.mkdir()
    extra.write_text("hello")
    with pytest.raises(ArtefactError, match=r"report/note.txt does not belong there"):
        store.check_files("m", 1)


def test_a_missing_file_is_noticed(store: Store, publish: Publish) -> None:
    publish()
    (store.folder("m", 1) / ARTEFACT).unlink()
    with pytest.raises(ArtefactError, match=r"model\.joblib is missing"):
        store.check_files("m", 1)


def test_a_link_to_the_very_same_bytes_is_noticed(store: Store, publish: Publish) -> None:
    publish()
    artefact = store.folder("m", 1) / ARTEFACT
    elsewhere = store.root / "elsewhere"
    artefact.rename(elsewhere)
    artefact.symlink_to(elsewhere)
    with pytest.raises(ArtefactError, match=r"model\.joblib cannot be read"):
        store.check_files("m", 1)


def test_a_linked_folder_is_noticed(store: Store, publish: Publish, tmp_path: Path) -> None:
    publish()
    (store.folder("m", 1) / "report").symlink_to(tmp_path)
    with pytest.raises(ArtefactError, match="report does not belong there"):
        store.check_files("m", 1)


def test_a_manifest_of_another_version_is_noticed(store: Store, publish: Publish) -> None:
    publish()
    publish()
    (store.folder("m", 2) / MANIFEST).write_bytes((store.folder("m", 1) / MANIFEST).read_bytes())
    with pytest.raises(ArtefactError, match="speaks of m 1"):
        store.manifest("m", 2)


def test_what_is_no_version_is_not_listed(store: Store, publish: Publish) -> None:
    publish()
    for entry in ("0", "01", "-1", "latest", ".staging-5", "2.bak"):
        (store.root / "m" / entry).mkdir()
    (store.root / "empty").mkdir()
    (store.root / "file").write_text("")
    assert store.versions("m") == [1]
    assert store.names() == ["m"]
