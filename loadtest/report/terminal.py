"""A run's result as tables in the terminal."""

import dataclasses

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from loadtest.latency import Latency
from loadtest.record import Counts
from loadtest.report.faults import faults_table, front_line
from loadtest.report.report import Report
from loadtest.report.words import count, load_model
from loadtest.summary import Summary, Verdict

_COLOURS = {Verdict.PASSED: "green", Verdict.FAILED: "red", Verdict.INVALID: "yellow"}


def show(report: Report, console: Console) -> None:
    """Draw the report."""
    colour = _COLOURS[report.summary.verdict]
    console.print(
        Group(
            _figures(report),
            _replicas(report.summary),
            *([faults_table(report.impacts)] if report.impacts else []),
            Text(_machine_line(report), style="dim"),
            *(Text(f"Warning: {line}", style="yellow") for line in report.summary.warnings),
            Text(f"Verdict: {report.summary.verdict.upper()}", style=f"bold {colour}"),
        )
    )


def _figures(report: Report) -> Table:
    scenario, summary = report.scenario, report.summary
    table = Table(show_header=False, title="Load test")
    table.add_column(style="bold")
    table.add_column()
    rows = {
        "load": load_model(scenario),
        "fleet": f"{count(scenario.fleet.replicas, f'{scenario.fleet.kind} replica')},"
        f" {count(scenario.fleet.workers, 'worker')} each, {scenario.balancer.policy}",
        "front": front_line(report.front),
        "payload": _payload_line(report),
        "requests": _counts_line(summary.counts),
        "not right": ", ".join(f"{cause}: {n}" for cause, n in summary.causes.items()) or "none",
        "throughput": f"{summary.throughput_per_s:,.1f} right answers a second"
        f" over {summary.elapsed_s:.2f} s",
        "latency": _latency_line(summary),
        "generator": _generator_line(summary),
        **_promises(report),
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
        f"{payload.model} {report.model_version}, {payload.words}"
        f"{', probabilities' if payload.probabilities else ''},"
        f" {payload.distinct_requests} distinct requests"
    )


def _promises(report: Report) -> dict[str, str]:
    """Return lines on what was promised and what was left out, as far as the scenario asks."""
    summary, lines = report.summary, {}
    slo, mlperf, warm_up = summary.slo, summary.mlperf, summary.warm_up
    if slo is not None:
        lines["SLO"] = (
            f"{'met' if slo.met else 'BROKEN'}{', shown at 99 % confidence' if slo.shown else ''}:"
            f" {slo.over:,} of {slo.requests:,} requests over it;"
            f" goodput {slo.goodput_per_s:,.1f} a second"
        )
    if mlperf is not None:
        value = "none" if mlperf.value is None else f"{mlperf.value:,.6g} {mlperf.unit}"
        word = "valid" if mlperf.valid else "NOT VALID"
        lines["MLPerf"] = f"{mlperf.scenario}, {word}: {mlperf.metric}: {value}"
    if warm_up.method != "none":
        lines["warm-up"] = (
            f"{warm_up.method}: {warm_up.requests:,} requests of the first {warm_up.until_s:.2f} s"
            " are not in the percentiles"
        )
    return lines


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
