"""The measured figures of README.md and docs/loadtest.md, from what `make figures` left."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from docs.measure import ALL

Report = Mapping[str, Any]

RUNS = ("scenario", "in front", "load", "rows", "right/s", "p50 ms", "p99 ms")
NOTHING = "Nothing has been measured on a quiet machine yet."
FAULTS = ("scenario", "fault", "detected after", "SLO broken for", "wrong, refused, lost of all")


def read_figures(folder: Path) -> dict[str, Report]:
    """Return what there is of the measured scenarios, by name."""
    paths = {each.name: folder / f"{each.name}.json" for each in ALL}
    return {
        name: json.loads(path.read_text("utf-8"))
        for name, path in sorted(paths.items())
        if path.exists()
    }


def runs_part(reports: Mapping[str, Report], place: str) -> str:
    """Return a row a run, and where it was made; `place` is the load test's folder, for links."""
    runs = {name: each for name, each in reports.items() if "counts" in each}
    rows = [_run(name, each, place) for name, each in runs.items()]
    table = _table(RUNS, "wrong, refused, lost of all", rows)
    return "\n\n".join([table, *sorted({_machine(report) for report in runs.values()})])


def fleet_part(reports: Mapping[str, Report], place: str) -> str:
    """Return what faults did, what was foretold, and what a plan takes."""
    parts = [
        _faults(reports, place),
        *(_forecast(name, each, place) for name, each in reports.items() if "accepted" in each),
        *(_plan(name, each, place) for name, each in reports.items() if each.get("plans")),
    ]
    return "\n\n".join(part for part in parts if part) or NOTHING


def _table(names: Sequence[str], last: str, rows: Sequence[str]) -> str:
    head = f"| {' | '.join(names)} | {last} |"
    return "\n".join([head, f"|---|---|---|{'--:|' * (len(names) - 3)}---|", *rows])


def _run(name: str, report: Report, place: str) -> str:
    payload, fleet = report["scenario"]["payload"], report["scenario"]["fleet"]
    sizes = [each["rows"] for each in payload.get("mix") or ()] or [payload["rows"]]
    product = report.get("front", {}).get("product", "own")
    cells = [
        _link(name, report, place),
        {"own": "our balancer"}.get(product, product),
        f"{report['load_model'].partition(' for ')[0]}; {fleet['replicas']} replicas,"
        f" {payload['model']}",
        ", ".join(str(size) for size in sizes),
        f"{report['throughput_per_s']:,.0f}",
        *(_ms(report["latency"].get(percentile)) for percentile in ("p50", "p99")),
        _bad(report),
    ]
    return f"| {' | '.join(cells)} |"


def _faults(runs: Mapping[str, Report], place: str) -> str:
    rows = [
        f"| {_link(name, report, place)} | {_fault(impact)}"
        f" | {_seconds(impact['detect_s'], 'not seen')} | {impact['violation_s']:.1f} s"
        f" | {_bad(report)} |"
        for name, report in runs.items()
        for impact in report.get("faults", ())
    ]
    if not rows:
        return ""
    head = f"| {' | '.join(FAULTS)} |\n|---|---|--:|--:|---|"
    words = "What users noticed of a fault under the same load, and when the balancer did:"
    return "\n".join([words, "", head, *rows])


def _forecast(name: str, report: Report, place: str) -> str:
    fleet = report["scenario"]["fleet"]
    errors = [
        ", ".join(
            f"{check['name']} {_figure(check, 'predicted')} for {_figure(check, 'measured')}"
            f" ({check['error']:+.1%})"
            for check in run["checks"]
        )
        for run in report["runs"]
    ]
    return (
        f"{_link(name, report, place)}: {fleet['replicas']} {report['kind']} replicas, foretold"
        f" from runs of fewer before they were started: {'; '.join(errors)}."
    )


def _figure(check: Report, key: str) -> str:
    value = float(check[key])
    return f"{value:,.0f}/s" if check["name"] == "throughput" else f"{value * 1e3:.1f} ms"


def _plan(name: str, report: Report, place: str) -> str:
    goal = report["study"]["plan"]
    found = [
        f"{plan['replicas']} of {plan['workers']} workers with {plan['policy'].replace('_', ' ')}"
        + ("" if plan["with_zone_lost"] is None else f" ({plan['with_zone_lost']} to lose a zone)")
        for plan in report["plans"]
        if plan["replicas"] is not None
    ]
    return (
        f"[{name}]({place}/scenarios/simulations/{name}.toml), simulated, service times by hand:"
        f" {goal['rate_per_s']:,.0f} requests a second with p99 under {goal['p99_s'] * 1e3:g} ms"
        f" take {', '.join(found)} replicas."
    )


def _link(name: str, report: Report, place: str) -> str:
    kind = report.get("kind", "real")
    return f"[{name}]({place}/scenarios/{name}.toml){'' if kind == 'real' else f' ({kind})'}"


def _fault(impact: Report) -> str:
    fault = impact["fault"]
    return f"{fault['kind'].replace('_', ' ')} {fault['replica']}".strip()


def _ms(found: Report | None) -> str:
    if found is None:
        return "too few"
    return f"{'≥ ' if found['at_least'] else ''}{found['value_s'] * 1e3:.1f}"


def _seconds(value_s: float | None, otherwise: str) -> str:
    return otherwise if value_s is None else f"{value_s:.2f} s"


def _bad(report: Report) -> str:
    counts = report["counts"]
    bad = ", ".join(str(counts[outcome]) for outcome in ("wrong", "refused", "lost"))
    return f"{bad} of {counts['sent']:,}"


def _machine(report: Report) -> str:
    """Return where and when a report was made."""
    machine = report["machine"]
    system = machine["system"].partition("-")[0]
    return (
        f"{machine['cores']} shared cores ({machine['cpu']}), {system}, Python "
        f"{machine['python']}, {report['date'][:10]}; replicas of one worker unless emulated,"
        " balancer and generator on the same cores. `make figures` measures again."
    )
