import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from service.__main__ import SERVE, words
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


@pytest.mark.parametrize("variable", ["AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT"])
def test_a_platform_sets_the_port_unless_somebody_else_does(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (Settings().port, Settings().host) == (8000, "127.0.0.1")
    monkeypatch.setenv(variable, "8123")
    assert (Settings().port, Settings().host) == (8123, "0.0.0.0")
    monkeypatch.setenv("PERCORE_PORT", "9000")
    monkeypatch.setenv("PERCORE_HOST", "127.0.0.2")
    assert (Settings().port, Settings().host) == (9000, "127.0.0.2")
    assert Settings(port=9001).port == 9001


@pytest.mark.parametrize("route", ["predict", "/a b", "/{name}", "/a?b"])
def test_routes_that_are_none(route: str) -> None:
    with pytest.raises(ValidationError):
        Settings(predict_route=route)


def test_the_word_that_sagemaker_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SERVE:
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)
    monkeypatch.setenv("PERCORE_HOST", "127.0.0.1")
    monkeypatch.setenv("SAGEMAKER_BIND_TO_PORT", "8123")
    assert words(["--workers", "2"]) == ["--workers", "2"]
    assert Settings().store == Path("store")
    assert words(["serve", "--workers", "2"]) == ["--workers", "2"]
    now = Settings()
    assert (now.store, now.host, now.port) == (Path("/opt/ml/model"), "127.0.0.1", 8123)


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ({"workers": 2}, "--workers 3 or more"),
        ({"grpc_port": 0}, "--grpc-port"),
        ({"start_method": "spawn"}, "--start-method"),
    ],
)
def test_what_several_api_processes_cannot_do_is_refused(
    others: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        Settings(api_processes=3, **others)
    Settings(api_processes=1, **others)


def test_each_api_process_has_a_worker_even_with_fewer_cores() -> None:
    assert Settings(api_processes=64).worker_count() == max(usable_cores(), 64)
    assert Settings(api_processes=1).worker_count() == usable_cores()
