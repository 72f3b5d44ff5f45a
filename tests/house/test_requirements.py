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


@pytest.mark.parametrize("name", ["service.txt", "dev.txt"])
def test_every_requirement_is_pinned_with_a_hash(name: str) -> None:
    found = pins(name)
    assert len(found) > 30
    for requirement, text in found.items():
        assert re.match(r"[a-z0-9.-]+==[0-9][^ ]*( ; .+)?$", requirement), requirement
        assert "--hash=sha256:" in text, requirement


@pytest.mark.parametrize("name", ["service.txt", "dev.txt"])
def test_no_place_is_named(name: str) -> None:
    assert not re.search(r"://|^-", (FOLDER / name).read_text(), re.M)


def test_tests_run_with_what_the_service_runs_with() -> None:
    assert pins("service.txt").keys() <= pins("dev.txt").keys()
