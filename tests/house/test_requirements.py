"""The requirement files pin everything, and name no place that packages come from."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "requirements"


def pins(name: str) -> dict[str, str]:
    """Return requirement → the text up to the next one."""
    text = (FOLDER / name).read_text()
    return {
        part.partition(" \\\n")[0]: part for part in re.split(r"^(?=\S)", text, flags=re.M) if part
    }


NAMES = sorted(path.name for path in FOLDER.glob("*.txt"))


def test_the_files_are_there() -> None:
    assert {"service.txt", "dev.txt", "clients-kserve.txt"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_requirement_is_pinned_with_a_hash(name: str) -> None:
    found = pins(name)
    assert len(found) > (5 if name.startswith("clients-") else 30)
    for requirement, text in found.items():
        assert re.match(r"[a-z0-9.-]+==[0-9][^ ]*( ; .+)?$", requirement), requirement
        assert "--hash=sha256:" in text, requirement


@pytest.mark.parametrize("name", NAMES)
def test_no_place_is_named(name: str) -> None:
    assert not re.search(r"://|^-", (FOLDER / name).read_text(), re.M)


def test_tests_run_with_what_the_service_runs_with() -> None:
    assert pins("service.txt").keys() <= pins("dev.txt").keys()
