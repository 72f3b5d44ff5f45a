"""Memory stays below its bound, whatever the size of the table."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.errors import BadSpecification
from models.medium.memory import RESERVE, Budget, give_back, peak_bytes, resident_bytes

from .tables import write_table

ROWS = 900_000
LIMIT_BYTES = 480_000_000
ROOT = Path(__file__).parents[3]

TOML = """
[model]
name = "table"
task = "regression"
engine = "batches"
[source]
kind = "csv"
path = "table.csv"
[columns]
a = {type = "number"}
b = {type = "number", nullable = true}
c = {type = "number"}
size = {type = "integer"}
town = {type = "text"}
day = {type = "date"}
note = {type = "text"}
grade = {type = "number"}
[target]
column = "grade"
[[features]]
kind = "numeric"
columns = ["a", "b", "c", "size"]
[[features]]
kind = "onehot"
columns = ["town", "note"]
[fit.estimator]
name = "SGDRegressor"
[medium]
memory_bytes = LIMIT
batch_rows = 5000000
"""


@pytest.mark.integration
def test_a_table_larger_than_the_bound(tmp_path: Path) -> None:
    write_table(tmp_path / "table.csv", ROWS)
    (tmp_path / "table.toml").write_text(TOML.replace("LIMIT", str(LIMIT_BYTES)))
    command = [sys.executable, Path(__file__).with_name("bounded.py"), "table.toml", "."]
    done = subprocess.run(
        [str(part) for part in command],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["rows"] == ROWS
    # One batch of all rows was allowed; its features alone, as float64, would not have fitted.
    assert ROWS * told["width"] * 8 > 1.2 * LIMIT_BYTES
    assert told["begin_bytes"] < told["peak_bytes"] <= LIMIT_BYTES
    assert told["metrics"]["r2"] > 0.9
    assert f"of {LIMIT_BYTES // 10**6} MB allowed" in told["notes"][-1]


def test_measured_memory_follows_what_is_taken() -> None:
    give_back()
    before = resident_bytes()
    taken = np.ones(20_000_000)
    during = resident_bytes()
    assert during - before > 0.9 * taken.nbytes
    assert peak_bytes() >= during
    del taken
    give_back()
    assert resident_bytes() < during - 100_000_000


def test_rows_that_fit() -> None:
    budget = Budget(resident_bytes() * 4)
    free = budget.free_bytes()
    assert 0 < free <= budget.limit_bytes * (1 - RESERVE)
    rows = budget.rows(1000, 4, 10**12)
    assert rows == pytest.approx(free / 4000, rel=0.2)
    assert budget.rows(1000, 4, 7) == 7
    assert budget.rows(1e15, 4, 7) == 1


def test_a_bound_below_what_the_process_takes_is_refused_with_a_number() -> None:
    with pytest.raises(BadSpecification, match=r"allow [\d,]+ at least"):
        Budget(resident_bytes()).free_bytes()
