"""What a command's first argument means."""

import os
from pathlib import Path

import pytest

from service.scoring.refusal import ScoringError
from service.scoring.sources import Format, find_source, suffix_of

OUT = Path("elsewhere.parquet")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.csv", "a.csv", "_SUCCESS", ".hidden.csv", "notes.txt"):
        (tmp_path / name).write_text("x\n1\n")
    return tmp_path


def test_a_folder_has_its_files_in_the_order_of_their_names(folder: Path) -> None:
    found = find_source(str(folder), None, OUT)
    assert [path.name for path in found.paths] == ["a.csv", "b.csv"]
    assert found.format is Format.CSV
    assert find_source(f"{folder}/*.csv", None, OUT).paths[-2:] == found.paths


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.parquet", ".parquet"), ("a.CSV.GZ", ".csv.gz"), ("a.b.csv", ".csv"), ("a", "")],
)
def test_suffixes(name: str, suffix: str) -> None:
    assert suffix_of(Path(name)) == suffix


@pytest.mark.parametrize(
    ("text", "told", "words"),
    [
        ("missing.csv", None, "There is no file or folder missing.csv"),
        ("{}/*.feather", None, "No file matches"),
        ("{}/notes.txt", None, "--format"),
        ("-", None, "Standard input needs --format"),
        ("-", Format.PARQUET, "Standard input needs --format"),
    ],
)
def test_what_is_not_there(folder: Path, text: str, told: Format | None, words: str) -> None:
    with pytest.raises(ScoringError, match=words):
        find_source(text.format(folder), told, OUT)


def test_files_of_two_kinds(folder: Path) -> None:
    (folder / "c.parquet").write_bytes(b"")
    with pytest.raises(ScoringError, match="different ways: csv, parquet"):
        find_source(str(folder), None, OUT)


def test_the_output_is_no_input(folder: Path) -> None:
    with pytest.raises(ScoringError, match="among the input"):
        find_source(str(folder), None, folder / "sub" / ".." / "a.csv")


def test_a_changed_file_has_another_fingerprint(folder: Path) -> None:
    source = find_source(str(folder / "a.csv"), None, OUT)
    before = source.fingerprint()
    assert source.fingerprint() == before
    assert source.size_bytes() == 4
    os.utime(folder / "a.csv", ns=(1, 1))
    assert source.fingerprint() != before
