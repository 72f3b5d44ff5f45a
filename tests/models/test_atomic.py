"""A publisher may be killed at any moment: what is visible is whole, and the next one works."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from models.manifest import Manifest
from models.store import Store

PUBLISHER = Path(__file__).with_name("publisher.py")
ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PUBLISHER), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )


@pytest.mark.parametrize(
    ("mode", "states"),
    [
        # (visible versions, production) that were met, before and after the one rename
        ("first", "[(0, None), (1, 1)]"),
        ("next", "[(1, 1), (2, 1)]"),
        ("promote", "[(2, 1), (2, 2)]"),
    ],
)
def test_kill_at_every_line_and_system_call(tmp_path: Path, mode: str, states: str) -> None:
    process = start("points", tmp_path, mode)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    points, met = out.splitlines()
    assert int(points) > 25
    assert met == states


def test_kill_at_random_times_from_outside(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    moments = random.Random(7)
    killed = 0
    for _ in range(10):
        before = len(store.versions("m"))
        process = start("many", store.root, 10_000)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(moments.uniform(0.0, 0.12))
        process.kill()
        process.communicate()
        killed += process.returncode == -9
        versions = store.versions("m")
        assert versions == list(range(1, len(versions) + 1))
        assert len(versions) >= before
        for version in versions[before:]:
            store.check_files("m", version)
        assert not versions or store.resolve("m") == 1
    assert killed == 10
    done = start("many", store.root, 1)
    _, err = done.communicate(timeout=30)
    assert done.returncode == 0, err
    assert len(store.versions("m")) > 1
    assert list(store.root.glob("m/.staging-*")) == []


def test_publishers_at_the_same_time_get_versions_of_their_own(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    processes = [start("many", store.root, 5) for _ in range(4)]
    for process in processes:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert store.versions("m") == list(range(1, 21))
    for version in store.versions("m"):
        store.check_files("m", version)
    assert store.aliases("m") == {"production": 1}
    assert sorted(os.listdir(store.root / "m"), key=str) == sorted(
        [*map(str, range(1, 21)), "aliases.json"]
    )


def test_everything_is_on_the_disk_before_it_is_visible(
    tmp_path: Path, publish: Callable[..., Manifest], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    real_sync, real_rename = os.fsync, os.rename

    def sync(descriptor: int) -> None:
        done.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        real_sync(descriptor)

    def rename(source: os.PathLike[str], target: os.PathLike[str]) -> None:
        done.append("rename")
        real_rename(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "rename", rename)
    publish()
    at = done.index("rename")
    folder = f"{tmp_path}/store/m"
    staging = f"{folder}/.staging-{os.getpid()}"
    assert {f"{staging}/model.joblib", f"{staging}/manifest.json", staging} <= set(done[:at])
    assert f"{folder}/.aliases.json.draft" in done[:at]
    assert folder in done[at:]
    assert f"{tmp_path}/store" in done[at:]
