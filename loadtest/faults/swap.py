"""A second version to swap to, in a store of the run's own."""

import csv
import json
import shutil
import sys
import tempfile
from pathlib import Path

from loadtest.artefact import read_artefact
from loadtest.errors import ScenarioError
from loadtest.faults.commands import run_command
from loadtest.payload import Request
from loadtest.scenario import Scenario
from loadtest.scenario.faults import SwapVersion


def copy_store(store: Path, model: str, folder: Path) -> Path:
    """Copy one model into a store in the run's folder: a swap must not change the user's."""
    # A folder of its own: whoever gives --out twice has an older copy there.
    copy = Path(tempfile.mkdtemp(prefix="store-", dir=folder))
    shutil.copytree(store / model, copy / model)
    return copy


def publish_again(store: Path, model: str) -> int:
    """Publish the production version once more, by the command that a user types.

    Returns:
        The new version.

    Raises:
        ScenarioError: the model takes no rows.
        LoadTestError: the command failed.
    """
    artefact = read_artefact(store, model)
    columns = artefact.input.get("columns")
    if columns is None:
        raise ScenarioError(
            f"faults: swap_version publishes models of rows; {model} takes something else."
        )
    names = [column["name"] for column in columns]
    sample = store / f"{model}-sample.csv"
    with sample.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for row in artefact.instances:
            writer.writerow([row[name] for name in names] if isinstance(row, dict) else row)
    command = [sys.executable, "-m", "models", "register", str(artefact.path), "--name", model]
    said = run_command([*command, "--sample", str(sample), "--store", str(store), "--json"])
    version: int = json.loads(said)
    return version


def also_right(requests: list[Request], version: int) -> list[Request]:
    """Return requests to which a second version may give the same answers as the first."""
    widened = []
    for request in requests:
        (answer,) = request.expected.answers.values()
        answers = {**request.expected.answers, version: answer}
        expected = request.expected.model_copy(update={"answers": answers})
        widened.append(request.model_copy(update={"expected": expected}))
    return widened


def with_second_version(
    scenario: Scenario, folder: Path
) -> tuple[Scenario, tuple[str, int] | None]:
    """Return the scenario on a store of its own and the version to swap to, if it swaps at all."""
    if not any(isinstance(fault, SwapVersion) for fault in scenario.faults):
        return scenario, None
    model = scenario.payload.model
    store = copy_store(scenario.fleet.store, model, folder)
    version = publish_again(store, model)
    fleet = scenario.fleet.model_copy(update={"store": store})
    return scenario.model_copy(update={"fleet": fleet}), (model, version)
