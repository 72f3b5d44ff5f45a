"""Calibration finds the truth that made the runs; validation tells it from another one."""

import json
from pathlib import Path

import numpy as np
import pytest

from loadtest.errors import ScenarioError
from loadtest.scenario import Size
from loadtest.simulator.calibration import Calibration, calibrate, usl
from loadtest.simulator.closed import Loop, draw_thinks_s, simulate_closed
from loadtest.simulator.laws import Law, draw
from loadtest.simulator.measured import batches_of, read_run
from loadtest.simulator.settings import Balancing, Fleet, Model, Service
from loadtest.simulator.simulate import simulate
from loadtest.simulator.traffic import Traffic, draw_arrivals, draw_rows
from loadtest.simulator.validation import validate
from tests.loadtest.simulator.pretended import pretend, pretend_run

BATCH_S = tuple(0.004 + 0.001 * size for size in range(1, 9))
SLOWDOWN = (1.0, 1.1, 1.2, 1.3, 1.4, 1.5)
TRUTH = Service(
    batch_s=BATCH_S,
    law=Law(kind="lognormal", scv=0.05),
    slowdown=SLOWDOWN,
    overhead_s=(0.0008, 0.0010, 0.0012),
)


def model(replicas: int, workers: int = 1, service: Service = TRUTH) -> Model:
    return Model(
        fleet=Fleet(replicas=replicas, workers=workers),
        service=service,
        balancing=Balancing(policy="least_outstanding"),
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One and two replicas at several loads, to calibrate with; three, held out."""
    root = tmp_path_factory.mktemp("runs")
    slow = TRUTH.model_copy(update={"batch_s": tuple(1.6 * each for each in BATCH_S)})
    return {
        "one": pretend_run(root / "one", model(1), 100.0, 40.0, 1),
        "busy": pretend_run(root / "busy", model(1), 350.0, 40.0, 2),
        "two": pretend_run(root / "two", model(2), 450.0, 40.0, 3),
        "three": pretend_run(root / "three", model(3), 500.0, 40.0, 4),
        "slow": pretend_run(root / "slow", model(3, service=slow), 300.0, 40.0, 5),
        "other": pretend_run(root / "other", model(1), 100.0, 10.0, 6, workload="another"),
        "short": pretend_run(root / "short", model(3), 100.0, 2.0, 7),
    }


@pytest.fixture(scope="module")
def calibration(folders: dict[str, Path]) -> Calibration:
    return calibrate([read_run(folders[name]) for name in ("one", "busy", "two")], 8)


def test_the_times_of_batches_are_found(calibration: Calibration) -> None:
    found = np.array(calibration.service.batch_s)
    assert found[:5] == pytest.approx(np.array(BATCH_S)[:5], rel=0.05)
    assert calibration.largest_batch >= 5
    assert calibration.between_s < 0.0005


def test_the_slowdown_of_two_at_once_is_found(calibration: Calibration) -> None:
    assert calibration.service.slowdown[0] == 1.0
    assert calibration.service.slowdown[1] == pytest.approx(1.1, rel=0.03)
    assert calibration.most_busy == 2


def test_the_overhead_and_the_scatter_are_found(calibration: Calibration) -> None:
    assert np.median(calibration.service.overhead_s) == pytest.approx(0.001, rel=0.05)
    factors = np.array(calibration.service.law.values)
    assert factors.var() / factors.mean() ** 2 == pytest.approx(0.05, rel=0.25)


def test_requests_of_one_batch_are_put_together(folders: dict[str, Path]) -> None:
    run = read_run(folders["busy"])
    batches = batches_of(run.timed)
    assert sum(batch.requests for batch in batches) == len(run.timed)
    assert max(batch.requests for batch in batches) <= 8
    assert np.mean([batch.requests for batch in batches]) > 1.5


def test_three_replicas_are_predicted_from_one_and_two(
    calibration: Calibration, folders: dict[str, Path]
) -> None:
    validation = validate(calibration, read_run(folders["three"]), 1)
    assert validation.accepted, validation.words
    assert [check.name for check in validation.checks] == ["p50", "p99", "throughput"]
    p50, p99, throughput = validation.checks
    for check in (p50, p99):
        assert check.low is not None
        assert check.high is not None
        assert check.low < check.measured < check.high
    assert (throughput.low, throughput.high) == (None, None)
    assert "three (emulated, 3 replicas of 1 workers, least_outstanding" in validation.words
    assert "p99 " in validation.words


def test_a_fleet_that_is_slower_than_calibrated_is_refused(
    calibration: Calibration, folders: dict[str, Path]
) -> None:
    validation = validate(calibration, read_run(folders["slow"]), 1)
    assert not validation.accepted
    assert validation.checks[0].error < -0.2


def test_what_cannot_be_compared_is_said(
    calibration: Calibration, folders: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(ScenarioError, match="the same model"):
        calibrate([read_run(folders["one"]), read_run(folders["other"])], 8)
    with pytest.raises(ScenarioError, match="calibrated are 1 on m"):
        validate(calibration, read_run(folders["other"]), 1)
    with pytest.raises(ScenarioError, match="299 is the least"):
        validate(calibration, read_run(folders["short"]), 1)
    with pytest.raises(ScenarioError, match="python -m loadtest run"):
        read_run(tmp_path)
    rows = (folders["three"] / "requests.csv").read_text()
    (tmp_path / "requests.csv").write_text(rows)
    report = json.loads((folders["three"] / "report.json").read_text())
    (tmp_path / "report.json").write_text(json.dumps(report | {"verdict": "invalid"}))
    with pytest.raises(ScenarioError, match="INVALID"):
        read_run(tmp_path)


def test_records_without_the_servers_times_calibrate_nothing(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "report.json").write_text((folders["one"] / "report.json").read_text())
    lines = (folders["one"] / "requests.csv").read_text().splitlines()
    names = lines[0].split(",")
    keep = [names.index(name) for name in names if name not in {"queue_s", "predict_s"}]
    cut = [",".join(line.split(",")[place] for place in keep) for line in lines]
    (tmp_path / "requests.csv").write_text("\n".join(cut))
    with pytest.raises(ScenarioError, match="Server-Timing"):
        read_run(tmp_path)


def test_the_scalability_law_goes_through_its_own_points() -> None:
    busy = np.arange(1.0, 5.0)
    exact = 1 + 0.1 * (busy - 1) + 0.02 * busy * (busy - 1)
    assert usl(busy, exact, 8)[:4] == pytest.approx(exact, rel=1e-9)
    assert usl(busy, exact, 8)[7] == pytest.approx(1 + 0.1 * 7 + 0.02 * 56, rel=1e-9)
    assert usl(busy, np.ones(4), 3) == pytest.approx(np.ones(3))
    assert usl(np.array([1.0, 2.0]), np.array([1.0, 1.1]), 3)[2] == pytest.approx(1.2)


ROW_S = tuple(0.003 + 0.0002 * rows for rows in range(1, 65))
MIXED = Service(
    batch_s=ROW_S,
    max_batch=32,
    law=Law(kind="lognormal", scv=0.05),
    slowdown=(1.0, 1.1, 1.2, 1.3),
    overhead_s=(0.0008, 0.0010, 0.0012),
)
SIZES = (Size(rows=1, weight=8), Size(rows=10, weight=1), Size(rows=50, weight=1))


def mixed_run(folder: Path, replicas: int, rate: float, seed: int) -> Path:
    """Pretend an open load of a mix on one machine."""
    there = model(replicas, service=MIXED)
    there = there.model_copy(update={"fleet": Fleet(replicas=replicas, machines=1)})
    starts = draw_arrivals(Traffic(), rate, int(rate * 30), seed)
    rng = np.random.default_rng(seed)
    sizes, rows = draw(MIXED.law, len(starts), rng), draw_rows(SIZES, len(starts), rng)
    mix = [size.model_dump() for size in SIZES]
    return pretend(
        folder,
        there,
        lambda: simulate(there, starts, sizes, seed, rows),
        {"kind": "open", "duration_s": float(starts[-1])},
        {"mix": mix},
        rows,
    )


def closed_run(folder: Path, replicas: int, clients: int, seed: int) -> Path:
    """Pretend clients that think for 5 ms, on one machine."""
    there = model(replicas).model_copy(update={"fleet": Fleet(replicas=replicas, machines=1)})
    sizes = draw(TRUTH.law, 60_000, np.random.default_rng(seed))
    loop = Loop(clients, draw_thinks_s(0.005, "exponential", 60_000, seed), until_s=30.0)
    return pretend(
        folder,
        there,
        lambda: simulate_closed(there, loop, sizes, seed),
        {
            "kind": "closed",
            "duration_s": 30.0,
            "connections": clients,
            "think_s": 0.005,
            "think": "exponential",
        },
        {},
    )


def test_a_mix_is_calibrated_by_rows_and_foretold_for_a_larger_fleet(tmp_path: Path) -> None:
    smaller = [mixed_run(tmp_path / "one", 1, 90.0, 1), mixed_run(tmp_path / "two", 2, 180.0, 2)]
    found = calibrate([read_run(folder) for folder in smaller], 32)
    assert (found.rows, found.service.max_batch) == (None, 32)
    for rows in (1, 10, 50):
        assert found.service.batch_s[rows - 1] == pytest.approx(ROW_S[rows - 1], rel=0.1)
    held = read_run(mixed_run(tmp_path / "three", 3, 270.0, 3))
    validation = validate(found, held, 1)
    assert validation.accepted, validation.words


def test_clients_that_think_are_foretold_for_a_larger_fleet(tmp_path: Path) -> None:
    smaller = [closed_run(tmp_path / "one", 1, 3, 1), closed_run(tmp_path / "two", 2, 6, 2)]
    found = calibrate([read_run(folder) for folder in smaller], 8)
    validation = validate(found, read_run(closed_run(tmp_path / "three", 3, 9, 3)), 1)
    assert validation.accepted, validation.words
    slow = found.service.model_copy(
        update={"batch_s": tuple(1.6 * each for each in found.service.batch_s)}
    )
    slower = found.model_copy(update={"service": slow})
    assert not validate(slower, read_run(tmp_path / "three"), 1).accepted


def test_other_rows_than_were_calibrated_are_not_compared(
    calibration: Calibration, tmp_path: Path
) -> None:
    held = read_run(mixed_run(tmp_path / "mix", 1, 90.0, 1))
    with pytest.raises(ScenarioError, match="Calibrate with runs of the same mix"):
        validate(calibration, held, 1)
