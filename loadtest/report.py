"""A run's result, for people as tables and for programs as JSON."""

import dataclasses
import json
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from loadtest.machine import Machine
from loadtest.record import Counts
from loadtest.scenario import OpenLoad, Scenario
from loadtest.summary import Latency, Summary, Verdict

DEFINITION = (
    "order statistic of rank ceil(p * n) of raw samples, from the intended start; wrong and lost"
    " requests count as slower than every right one, refused ones are left out"
)

_COLOURS = {Verdict.PASSED: "green", Verdict.FAILED: "red", Verdict.INVALID: "yellow"}


@dataclass(frozen=True)
class Report:
    """Everything that is told of one run."""

    scenario: Scenario
    summary: Summary
    model_version: int
    machine: Machine
    command: str
    date: datetime

    def to_json(self) -> str:
        """Return the report as JSON text; seconds everywhere."""
        content = {
            "load_model": load_model(self.scenario),
            "percentiles": DEFINITION,
            "model_version": self.model_version,
            "command": self.command,
            "date": self.date.isoformat(timespec="seconds"),
            "machine": dataclasses.asdict(self.machine),
            "scenario": self.scenario.model_dump(mode="json"),
            **dataclasses.asdict(self.summary),
        }
        return json.dumps(content, indent=2, allow_nan=False) + "\n"

    def print(self, console: Console) -> None:
        """Draw the report."""
        colour = _COLOURS[self.summary.verdict]
        console.print(
            Group(
                _figures(self),
                _replicas(self.summary),
                Text(_machine_line(self), style="dim"),
                *(Text(f"Warning: {line}", style="yellow") for line in self.summary.warnings),
                Text(f"Verdict: {self.summary.verdict.upper()}", style=f"bold {colour}"),
            )
        )


def load_model(scenario: Scenario) -> str:
    """Say in words whether the loop is open or closed, and how much load it is."""
    load = scenario.load
    if isinstance(load, OpenLoad):
        return (
            f"open: Poisson arrivals, {load.rate_per_s:g} a second for {load.duration_s:g} s,"
            f" seed {load.seed}, time-out {load.timeout_s:g} s"
        )
    return (
        f"closed: {load.connections} connections for {load.duration_s:g} s,"
        f" seed {load.seed}, time-out {load.timeout_s:g} s"
    )


def _figures(report: Report) -> Table:
    scenario, summary = report.scenario, report.summary
    table = Table(show_header=False, title="Load test")
    table.add_column(style="bold")
    table.add_column()
    rows = {
        "load": load_model(scenario),
        "fleet": f"{scenario.fleet.replicas} replicas, {scenario.fleet.workers} workers each,"
        f" {scenario.balancer.policy}",
        "payload": _payload_line(report),
        "requests": _counts_line(summary.counts),
        "not right": ", ".join(f"{cause}: {n}" for cause, n in summary.causes.items()) or "none",
        "throughput": f"{summary.throughput_per_s:,.1f} right answers a second"
        f" over {summary.elapsed_s:.2f} s",
        "latency": _latency_line(summary),
        "generator": _generator_line(summary),
    }
    for name, text in rows.items():
        table.add_row(name, text)
    return table


def _replicas(summary: Summary) -> Table:
    table = Table(title="By replica")
    table.add_column("replica")
    names = [field.name for field in dataclasses.fields(Counts)]
    for name in names:
        table.add_column(name, justify="right")
    for replica, counts in summary.replicas.items():
        table.add_row(replica, *(f"{getattr(counts, name):,}" for name in names))
    return table


def _payload_line(report: Report) -> str:
    payload = report.scenario.payload
    return (
        f"{payload.model} {report.model_version}, {payload.rows} rows a request"
        f"{', probabilities' if payload.probabilities else ''},"
        f" {payload.distinct_requests} distinct requests"
    )


def _counts_line(counts: Counts) -> str:
    return (
        f"{counts.sent:,} sent = {counts.right:,} right + {counts.wrong:,} wrong"
        f" + {counts.refused:,} refused + {counts.lost:,} lost"
    )


def _latency_line(summary: Summary) -> str:
    return ", ".join(f"{name} {_shown(value)}" for name, value in summary.latency.items())


def _shown(latency: Latency | None) -> str:
    if latency is None:
        return "(too few requests)"
    return f"{'≥ ' if latency.at_least else ''}{_ms(latency.value_s)}"


def _ms(value_s: float) -> str:
    return f"{value_s * 1000:.2f} ms"


def _generator_line(summary: Summary) -> str:
    generator = summary.generator
    line = f"{generator.cpu_share:.0%} of a core"
    if generator.lag_p99_s is not None:
        line += f", lag p99 {_ms(generator.lag_p99_s)}"
    if generator.lag_max_s is not None:
        line += f", lag max {_ms(generator.lag_max_s)}"
    if generator.planned_rate_per_s is not None and generator.achieved_rate_per_s is not None:
        line += (
            f", sent {generator.achieved_rate_per_s:.1f}"
            f" of {generator.planned_rate_per_s:.1f} planned a second"
        )
    return line


def _machine_line(report: Report) -> str:
    machine = report.machine
    return (
        f"{machine.cores} cores ({machine.cpu}) shared by replicas, balancer and generator;"
        f" {machine.system}; Python {machine.python}; {report.date.isoformat(timespec='seconds')}\n"
        f"{report.command}"
    )
