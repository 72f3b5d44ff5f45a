import os
from pathlib import Path

import pytest

from service.settings import Settings, usable_cores

CORES = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000", CORES),
        ("100000 100000", 1),
        ("150000 100000", 1),
        ("10000 100000", 1),
        ("100000000 100000", CORES),
        ("nonsense", CORES),
    ],
)
def test_workers_respect_the_containers_quota(tmp_path: Path, quota: str, cores: int) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert usable_cores(tmp_path / "cpu.max") == cores


def test_no_cgroup_means_the_affinity(tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "missing") == CORES


def test_an_affinity_of_one_core_means_one_worker(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cores(tmp_path / "missing") == 1
    finally:
        os.sched_setaffinity(0, before)


def test_the_environment_sets_what_no_flag_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERCORE_WORKERS", "3")
    assert Settings().worker_count() == 3
    assert Settings(workers=5).worker_count() == 5


def test_every_setting_has_a_docstring() -> None:
    undocumented = [name for name, field in Settings.model_fields.items() if not field.description]
    assert undocumented == []
