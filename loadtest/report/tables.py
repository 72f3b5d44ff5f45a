"""The tables of a page."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from loadtest.report.figures import Curve, Prediction, Ratio
from loadtest.report.page import Table
from loadtest.report.samples import NINES, Samples
from loadtest.report.stages import PARTS, Band, named
from loadtest.report.words import ms, rate
from loadtest.statistics.quantiles import quantile

_COUNTS = ("sent", "right", "wrong", "refused", "lost")


def percentile_table(samples: Samples) -> Table | None:
    """Return every percentile that the sample supports, from the intended start and from the send.

    The second column is what a tool with coordinated omission would print.
    """
    counted = samples.counted
    service_s = samples.service_s
    rows = []
    for name, share in NINES.items():
        found = quantile(samples.latency_s[counted], share)
        if found is None:
            continue
        service = quantile(service_s[counted], share)
        interval = f"{_bound(found.low)} to {_bound(found.high)}"
        rows.append(
            (
                name,
                _bound(found.value),
                interval,
                _bound(None if service is None else service.value),
            )
        )
    if not rows:
        return None
    caption = (
        "Response time is from the intended start, service time from the send; the difference is"
        " what waited in the generator. Percentiles that the sample does not support are left out."
    )
    head = ("percentile", "response time", "95 % interval", "service time")
    return Table(head, tuple(rows), caption)


def fault_table(impacts: Sequence[Mapping[str, Any]]) -> Table | None:
    """Return what each fault did, as the report's JSON has it."""
    if not impacts:
        return None
    rows = tuple(
        (
            f"{each['fault']['kind']} {each['fault']['replica']}".rstrip(),
            f"{each['fault']['began_s']:.2f} s",
            f"{each['in_flight']:,}",
            _after(each["detect_s"], "not seen"),
            _after(each["recover_s"], "never") if each["recover_s"] != 0 else "never fell",
            f"{each['violation_s']:.1f} s",
            *(f"{each[key]:,}" for key in ("wrong", "lost", "refused")),
        )
        for each in impacts
    )
    head = (
        "fault",
        "began",
        "in flight",
        "detected after",
        "goodput back after",
        "SLO violated for",
    )
    caption = "Until the next fault began. Detected: the balancer left the replica alone."
    return Table((*head, "wrong", "lost", "refused"), rows, caption)


def _after(seconds: float | None, otherwise: str) -> str:
    return otherwise if seconds is None else f"{seconds:.2f} s"


def stages_table(found: Sequence[Band]) -> Table | None:
    """Return where the time went: a line a stage, a column the mean and each percentile."""
    if not found:
        return None
    rows = tuple(
        (part, *(ms(band.parts_s[PARTS.index(part)]) for band in found)) for part in named(found)
    )
    total = ("together", *(ms(band.total_s) for band in found))
    head = ("stage", *(f"{band.name} ({band.requests:,} requests)" for band in found))
    return Table(head, (*rows, total))


def replica_table(replicas: Mapping[str, Mapping[str, int]]) -> Table | None:
    """Return the counts by replica."""
    if not replicas:
        return None
    rows = tuple(
        (name, *(f"{counts[key]:,}" for key in _COUNTS)) for name, counts in replicas.items()
    )
    return Table(("replica", *_COUNTS), rows)


def curve_table(curves: Sequence[Curve]) -> Table | None:
    """Return every point of the curves."""
    rows = tuple(
        (
            curve.name,
            curve.kind,
            rate(point.offered_per_s),
            rate(point.goodput_per_s),
            _bound(point.p50_s),
            _bound(point.p99_s),
            "" if point.valid else "invalid",
        )
        for curve in curves
        for point in curve.points
    )
    if not rows:
        return None
    return Table(("variant", "kind", "offered/s", "goodput/s", "p50", "p99", ""), rows)


def prediction_table(predictions: Sequence[Prediction]) -> Table | None:
    """Return simulated and measured figures, with the error of each."""
    if not predictions:
        return None
    rows = tuple(
        (
            each.name,
            _figure(each.simulated, each.unit),
            _figure(each.measured, each.unit),
            f"{each.simulated / each.measured - 1:+.1%}" if each.measured else "not known",
            "held out" if each.held_out else "calibrated on",
        )
        for each in predictions
    )
    return Table(("figure", "simulated", "measured", "error", "the run was"), rows)


def ratio_table(ratios: Sequence[Ratio]) -> Table | None:
    """Return each peer's ratios to Percore, a column a cell."""
    if not ratios:
        return None
    cells = list(dict.fromkeys(each.cell for each in ratios))
    found = {(each.peer, each.cell): each for each in ratios}
    peers = dict.fromkeys(each.peer for each in ratios)
    rows = tuple((peer, *(_ratio(found.get((peer, cell))) for cell in cells)) for peer in peers)
    caption = (
        "Multiples of Percore's requests a second in the same round: median (least to greatest)."
    )
    return Table(("peer", *cells), rows, caption)


def _ratio(ratio: Ratio | None) -> str:
    if ratio is None:
        return "not measured"
    return (
        f"{ratio.median:.3g} ({ratio.low:.3g} to {ratio.high:.3g}):"
        f" {rate(ratio.peer_per_s)} against {rate(ratio.percore_per_s)} a second"
    )


def _figure(value: float, unit: str) -> str:
    return ms(value) if unit == "s" else f"{rate(value)} a second"


def _bound(value_s: float | None) -> str:
    if value_s is None:
        return "not known"
    return ms(value_s) if math.isfinite(value_s) else "wrong or lost"
