"""Fixtures of the chaos tests, and the table at their end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.bench import bench, measure_capacity
from tests.chaos.forms import Form, chosen_form
from tests.chaos.shelf import stock
from tests.chaos.table import Verdict, write

REPORT = Path("runs/chaos.json")
FULL_TIMEOUT_S = 1800
MODEST_PER_S = 300.0
_verdicts: list[Verdict] = []


@pytest.fixture(scope="session")
def form() -> Form:
    return chosen_form()


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stock(tmp_path_factory.mktemp("chaos"))


@pytest.fixture
def verdict(request: pytest.FixtureRequest) -> Verdict:
    """The scenario's row in the table; what it holds against the service fails the test."""
    row = Verdict(request.node.name.removeprefix("test_").replace("_", " "))
    _verdicts.append(row)
    return row


@pytest.fixture
def capacity_per_s(
    shelf: Path, form: Form, verdict: Verdict, tmp_path_factory: pytest.TempPathFactory
) -> float:
    """Requests a second that the service answers when clients never pause.

    Measured before each scenario, for whoever shares the machine comes and goes. The short form
    does not measure: a modest rate that any machine bears is enough for counts.
    """
    if not form.full:
        return MODEST_PER_S
    with bench(shelf, tmp_path_factory.mktemp("capacity")) as started:
        found_per_s = measure_capacity(started, 8.0)
    verdict.notes.append(f"capacity {found_per_s:.0f}/s")
    return found_per_s


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Let a scenario's row tell how it ended, and let the row's failures be the test's."""
    row = getattr(item, "funcargs", {}).get("verdict")
    try:
        yield
    except BaseException as error:
        if row is not None:
            row.failures.append(f"it stopped: {type(error).__name__}: {str(error)[:200]}")
        raise
    if row is not None and row.failures:
        pytest.fail("; ".join(row.failures), pytrace=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the full form the time that it takes."""
    for item in items:
        if "chaos" in item.keywords and chosen_form().full:
            item.add_marker(pytest.mark.timeout(FULL_TIMEOUT_S))


def pytest_sessionfinish() -> None:
    """Print the table and write it down."""
    if _verdicts:
        write(_verdicts, REPORT)
