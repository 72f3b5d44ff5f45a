"""Jobs on processes that die."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.errors import BadSpecification
from models.fit.pool import Failure, Pool, processes_for
from models.fit.table import Table
from tests.models.fit import jobs

TABLE = Table(
    pd.DataFrame({"x": np.arange(50.0), "word": pd.Series(["a", "b"] * 25, dtype="str")}),
    np.arange(50),
    np.arange(50) % 5,
)


def answers(folder: Path, work: Any, processes: int, given: list[Any]) -> dict[Any, Any]:
    pool: Pool[Any, Any] = Pool(work, processes, folder)
    return dict(pool.answers(TABLE, iter(given)))


@pytest.mark.parametrize("processes", [1, 2])
def test_each_job_sees_all_rows_and_a_failure_is_its_own(tmp_path: Path, processes: int) -> None:
    found = answers(tmp_path, jobs.sums, processes, [0, 1, -1, 3])
    assert found.pop(-1) == Failure("ValueError: no such row: -1")
    expected = float(np.arange(50.0).sum()) + 25 + 100 + 1225
    assert found == {0: expected, 1: expected + 1, 3: expected + 3}
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_specification_ends_all(tmp_path: Path) -> None:
    with pytest.raises(BadSpecification, match="wrong"):
        answers(tmp_path, jobs.refuse, 2, [1, 2, 3])


def test_a_process_that_dies_takes_its_own_job_only(tmp_path: Path) -> None:
    found = answers(tmp_path, jobs.die_if_negative, 2, [1, -3, 4])
    assert [number for number, answer in found.items() if isinstance(answer, Failure)] == [-3]
    assert "killed, twice" in found[-3].reason
    assert {found[number] for number in (1, 4)} == {1, 4}


def test_jobs_are_taken_only_when_a_process_is_free(tmp_path: Path) -> None:
    taken = []

    def given() -> Any:
        for number in range(6):
            taken.append(number)
            yield number

    pool: Pool[Any, Any] = Pool(jobs.sums, 2, tmp_path)
    coming = pool.answers(TABLE, given())
    next(coming)
    assert len(taken) == 2
    coming.close()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []


def test_how_many_processes() -> None:
    assert processes_for(0, 100) == len(os.sched_getaffinity(0))
    assert processes_for(8, 3) == 3
    assert processes_for(8, 0) == 1
