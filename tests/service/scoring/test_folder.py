"""Parts of an unfinished run: whose they are, and what a killed process leaves."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from service.scoring.folder import PartsFolder
from service.scoring.refusal import ScoringError

ASKED: dict[str, Any] = {
    "input": [["/a.csv", 1, 2]], "model": "m", "version": 1, "manifest": "f", "keep": None,
    "on-error": "stop",
}  # fmt: skip
TABLE = pa.table({"x": [1, 2, 3]})


def opened(out: Path, asked: dict[str, Any] = ASKED, *, restart: bool = False) -> PartsFolder:
    folder = PartsFolder(out)
    folder.open(asked, restart=restart)
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return an output of which part 1 is there, and a draft of part 0."""
    folder = opened(tmp_path / "out.csv")
    folder.write(1, TABLE)
    (folder.path / ".draft-00000000.arrow").write_bytes(b"half")
    folder.close()
    return tmp_path / "out.csv"


def test_the_same_run_finds_its_parts(out: Path) -> None:
    folder = opened(out)
    assert folder.has(1, 3)
    assert folder.read(1) == TABLE
    assert not folder.has(0, 3)
    assert not folder.has(1, 2)
    assert not list(folder.path.glob(".draft-*"))
    folder.remove()
    assert not folder.path.exists()


def test_a_part_that_was_cut_off_is_computed_anew(out: Path) -> None:
    folder = opened(out)
    part = folder.path / "00000001.arrow"
    part.write_bytes(part.read_bytes()[:-9])
    assert not folder.has(1, 3)
    folder.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"input": [["/a.csv", 1, 3]]}, "the input was another one, or has changed"),
        ({"version": 2, "manifest": "g"}, "version was another one; the version has another man"),
        ({"keep": ["id"]}, "--keep was another one"),
        ({"input": []}, "Standard input cannot be resumed"),
    ],
)
def test_another_run_is_refused_and_may_restart(
    out: Path, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(ScoringError, match=words):
        opened(out, ASKED | change)
    assert (out.with_name("out.csv.parts") / "00000001.arrow").exists()


def test_without_a_finished_part_nothing_binds(tmp_path: Path) -> None:
    opened(tmp_path / "out.csv").close()
    folder = opened(tmp_path / "out.csv", ASKED | {"keep": ["id"]})
    assert folder.is_empty()
    folder.write(0, TABLE)
    assert not folder.is_empty()
    folder.close()


def test_restart_throws_parts_away(out: Path) -> None:
    folder = opened(out, ASKED | {"version": 2}, restart=True)
    assert not folder.has(1, 3)
    folder.close()


def test_rows_may_fail_from_now_on_but_not_be_forgotten(out: Path) -> None:
    opened(out, ASKED | {"on-error": "null"}).close()
    with pytest.raises(ScoringError, match="--on-error was another one"):
        opened(out)


def test_two_processes_do_not_write_at_once(out: Path) -> None:
    folder = opened(out)
    second = PartsFolder(out)
    with pytest.raises(ScoringError, match="Another process writes"):
        second.open(ASKED, restart=True)
    assert not second.is_ours
    assert folder.has(1, 3)
    folder.close()
