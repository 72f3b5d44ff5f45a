"""The journal of runs, and what a kill leaves of it."""

import dataclasses
import math
from pathlib import Path

import pytest

from models.errors import FitFailed
from models.fit.journal import KEPT, journal, run_fingerprint
from models.fit.run import Epoch, Run
from tests.models.fit.conftest import students, with_fit

SPEC, KNOWN = students(40)


def run(number: int) -> Run:
    epochs = (Epoch(1, {"r2": 0.1 + 0.2}, {"r2": -0.25}),)
    return Run(number, 17, {"alpha": 1e-3 / 3}, 0.7 + number / 7, 0.9, 0.25, epochs, "", ("w",))


def written(work: Path, count: int) -> Path:
    with journal(work, SPEC, KNOWN) as kept:
        for number in range(count):
            kept.add(run(number))
    (path,) = (work / "runs").glob("*.jsonl")
    return path


def read(work: Path) -> dict[int, Run]:
    with journal(work, SPEC, KNOWN) as kept:
        return kept.runs


def test_runs_come_back_to_the_bit(tmp_path: Path) -> None:
    written(tmp_path, 3)
    assert read(tmp_path) == {number: run(number) for number in range(3)}


def test_a_failed_run_comes_back(tmp_path: Path) -> None:
    failed = dataclasses.replace(run(0), score=math.nan, error="ValueError: no")
    with journal(tmp_path, SPEC, KNOWN) as kept:
        kept.add(failed)
    found = read(tmp_path)[0]
    assert math.isnan(found.score)
    assert found.error == "ValueError: no"


@pytest.mark.parametrize("cut", [1, 2, 30])
def test_a_half_written_line_does_not_count_and_goes(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path, 3)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert list(read(tmp_path)) == [0, 1]
    with journal(tmp_path, SPEC, KNOWN) as kept:
        kept.add(run(2))
    assert path.read_bytes() == whole


@pytest.mark.parametrize("rubbish", [b"\0" * 50, b'{"number": 3}\n', b"[]\n", b"null\n", b"\xff\n"])
def test_rubbish_at_the_end_does_not_count(tmp_path: Path, rubbish: bytes) -> None:
    path = written(tmp_path, 2)
    with path.open("ab") as file:
        file.write(rubbish)
    assert list(read(tmp_path)) == [0, 1]
    assert rubbish not in path.read_bytes()


def test_two_processes_do_not_share_one(tmp_path: Path) -> None:
    with (
        journal(tmp_path, SPEC, KNOWN),
        pytest.raises(FitFailed, match="another process is fitting students"),
        journal(tmp_path, SPEC, KNOWN),
    ):
        pass


def test_the_fingerprint_is_of_what_a_result_follows_from() -> None:
    same = run_fingerprint(SPEC, KNOWN)
    assert run_fingerprint(with_fit(SPEC, runs=900, jobs=7, stop_at=0.9), KNOWN) == same
    assert run_fingerprint(with_fit(SPEC, metric="r2"), KNOWN) == same
    other_seed = SPEC.model_copy(update={"model": SPEC.model.model_copy(update={"seed": 99})})
    fewer = SPEC.model_copy(update={"features": SPEC.features[:1]})
    others = [
        run_fingerprint(with_fit(SPEC, metric="mae"), KNOWN),
        run_fingerprint(other_seed, KNOWN),
        run_fingerprint(fewer, KNOWN),
        run_fingerprint(SPEC, students(41)[1]),
    ]
    assert len({same, *others}) == 5


def test_old_journals_go(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    for number in range(KEPT + 5):
        (folder / f"{number}.jsonl").touch()
    written(tmp_path / "elsewhere", 1)
    with journal(tmp_path, SPEC, KNOWN):
        assert len(list(folder.iterdir())) == KEPT
