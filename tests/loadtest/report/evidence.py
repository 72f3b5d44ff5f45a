"""Runs made up for the report's tests: records whose figures are known."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from loadtest.machine import Machine
from loadtest.record import LoadResult, Outcome, Record, write_records
from loadtest.report import Report, write_all
from loadtest.rules import Rules
from loadtest.scenario import Fleet, OpenLoad, Payload, Scenario, Slo, Thresholds
from loadtest.summary import summarise

MACHINE = Machine(cores=2, cpu="a <fast> one", system="Linux", python="3.11")


def record(
    at_s: float, latency_s: float = 0.01, outcome: Outcome = Outcome.RIGHT, replica: int = 0
) -> Record:
    """A request that the generator took up and sent 0.1 ms late."""
    late_s = at_s + 0.0001
    cause = "" if outcome is Outcome.RIGHT else "timeout"
    end_s = at_s + latency_s
    return Record(0, at_s, late_s, late_s, end_s, outcome, 200, cause, f"replica-{replica}")


def frozen_for_six_seconds(count: int = 10_000) -> list[Record]:
    """A constant rate for 10 s; the server stands still from 2 s to 8 s and then answers all."""
    times_s = [10 * number / count for number in range(count)]
    return [
        record(at_s, 8 - at_s if 2 <= at_s < 8 else 0.001, replica=number % 2)
        for number, at_s in enumerate(times_s)
    ]


def report(
    records: Sequence[Record],
    thresholds: Thresholds | None = None,
    slo: Slo | None = None,
) -> Report:
    load = OpenLoad(rate_per_s=len(records) / 10, duration_s=10, timeout_s=10)
    scenario = Scenario(
        fleet=Fleet(),
        load=load,
        payload=Payload(model="iris"),
        slo=slo,
        thresholds=thresholds or Thresholds(),
    )
    elapsed_s = max(10.0, *(each.done_s for each in records))
    result = LoadResult(len(records), tuple(records), elapsed_s, 0.5)
    return Report(
        scenario=scenario,
        summary=summarise(result, load, (), Rules.of(scenario)),
        model_version=1,
        machine=MACHINE,
        command="python -m loadtest run <x>.toml",
        date=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )


def written(folder: Path, records: Sequence[Record], made: Report | None = None) -> Path:
    """Write a run's folder as `run` does and return the page."""
    write_records(folder / "requests.csv", records)
    return write_all(made or report(records), folder)


def content(made: Report) -> dict[str, object]:
    loaded: dict[str, object] = json.loads(made.to_json())
    return loaded
