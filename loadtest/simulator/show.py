"""A study's figures, for people."""

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from loadtest.simulator.plan import Plan
from loadtest.simulator.point import Point
from loadtest.simulator.result import NOT_MODELLED, Result
from loadtest.simulator.study import Goal


def show(result: Result, console: Console) -> None:
    """Draw the figures; what the simulator's error is stands under every table."""
    parts: list[RenderableType] = []
    if result.refused:
        parts += [Text(refusal(result), style="bold red")]
    standing = Text(f"Simulated; {result.standing}.", style="yellow")
    if result.curve:
        parts += [_curve(result.curve), standing]
    if result.plans and result.study.plan is not None:
        parts += [_plans(result.plans, result.study.plan), standing]
        parts += [Text(sentence(result.plans, result.study.plan), style="bold")]
    console.print(Group(*parts, Text(NOT_MODELLED, style="dim")))


def refusal(result: Result) -> str:
    """Say why nothing is extrapolated."""
    lines = [
        f"Refused: the simulator does not predict {each.words}; allowed are "
        + ", ".join(f"{check.name} {check.tolerance:.0%}" for check in each.checks)
        for each in result.refused
    ]
    return (
        "\n".join(lines) + ".\nCalibrate with runs that are closer to the held-out ones:"
        " the same machine, quiet, and a load like theirs."
    )


def sentence(plans: tuple[Plan, ...], goal: Goal) -> str:
    """Say the plan in one sentence, best policy first."""
    found = sorted((p for p in plans if p.replicas is not None), key=lambda p: p.replicas or 0)
    asked = f"For {goal.rate_per_s:,.0f} requests a second with p99 under {_ms(goal.p99_s)}: "
    if not found:
        return asked + f"no fleet of up to {goal.most_replicas:,} replicas does it."
    best, *others = found
    text = f"{best.replicas} replicas of {best.workers} workers, {_words(best.policy)}"
    text += "".join(f"; {each.replicas} with {_words(each.policy)}" for each in others)
    if best.with_zone_lost is not None:
        text += f"; losing one zone: {best.with_zone_lost}"
    return asked + text + "."


def _curve(points: tuple[Point, ...]) -> Table:
    table = Table(title="Latency against load (simulated)")
    closed = any(point.clients for point in points)
    first = ("clients",) if closed else ()
    for name in (
        *first,
        "load",
        "rate/s",
        "policy",
        "p50",
        "p99",
        "± p99",
        "right",
        "goodput/s",
        "calls",
    ):
        table.add_column(name, justify="left" if name == "policy" else "right")
    before = None
    for point in points:
        group = point.clients or point.rate_per_s
        if before not in {None, group}:
            table.add_section()
        before = group
        table.add_row(
            *([f"{point.clients:,}"] if point.clients else []),
            f"{point.load:.0%}",
            f"{point.rate_per_s:,.0f}",
            _words(point.policy),
            _ms(point.p50_s),
            "grows without end" if point.grows else _ms(point.p99_s),
            _ms(point.p99_error_s),
            f"{point.right:.2%}",
            f"{point.goodput_per_s:,.0f}",
            f"{point.calls:.3f}",
        )
    return table


def _plans(plans: tuple[Plan, ...], goal: Goal) -> Table:
    table = Table(
        title=f"Replicas for {goal.rate_per_s:,.0f}/s, p99 under {_ms(goal.p99_s)} (simulated)"
    )
    for name in ("policy", "replicas", "workers", "p99", "± p99", "losing a zone", "lost then"):
        table.add_column(name, justify="left" if name == "policy" else "right")
    for plan in plans:
        table.add_row(
            _words(plan.policy),
            f"more than {goal.most_replicas}" if plan.replicas is None else str(plan.replicas),
            str(plan.workers),
            _ms(plan.point.p99_s) if plan.point else "",
            _ms(plan.point.p99_error_s) if plan.point else "",
            "" if plan.with_zone_lost is None else str(plan.with_zone_lost),
            "" if plan.lost_at_failure is None else f"{plan.lost_at_failure:.3%}",
        )
    return table


def _words(policy: str) -> str:
    return policy.replace("_", " ")


def _ms(value_s: float | None) -> str:
    return "(too few)" if value_s is None else f"{value_s * 1000:.4g} ms"
