"""The N runs of which the winner was kept."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes

from models.evidence import Evidence
from models.fit.run import Run
from models.metrics import Metric, metric_named
from models.report.drawing import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    Frame,
    Picture,
    draw,
    legend,
    log_scale,
    short,
)
from models.report.numbers import count, listing, say
from models.report.section import Block, Section, Table, Words

MOST_PARAMETERS: Final = 4
BEST_ROWS: Final = 5


def runs_section(evidence: Evidence) -> Section:
    """Return the spread of the runs, what the parameters did, and how optimistic the winner is."""
    chosen = evidence.chosen
    done = [run for run in chosen.runs if not run.error and np.isfinite(run.score)]
    failed = [run for run in chosen.runs if run.error]
    blocks: list[Block] = [Words(optimism(evidence))]
    if len(done) > 1:
        blocks.append(_spread(evidence, done))
        blocks += _parameters(evidence, done)
        blocks.append(_best(evidence, done))
    if failed:
        reasons = list(dict.fromkeys(short(run.error, 120) for run in failed))
        blocks.append(Words(f"{count(len(failed), 'run')} failed: {listing(reasons, 3)}."))
    return Section("runs", "The runs", tuple(blocks))


def optimism(evidence: Evidence) -> str:
    """Return how far the winner's validation score is from its score on held-out rows, in words."""
    best, several = evidence.chosen.best, len(evidence.chosen.runs) > 1
    metric = _metric(evidence)
    runs = count(len(evidence.chosen.runs), "run")
    which = f"The best of {runs} (number {best.number})" if several else "The one run"
    words = f"{which} has {metric.name} {say(best.score)} on its validation rows"
    held_out = evidence.metrics.get(metric.name)
    if held_out is None:
        return f"{words}; {metric.name} was not measured on held-out rows."
    words += f", and {say(held_out)} on held-out rows that no run has seen."
    worse = metric.gain(best.score, held_out)
    if not several:
        return f"{words} Nothing was chosen, so the difference, {say(worse)}, is chance."
    if worse <= 0:
        return f"{words} It kept what it promised: the best of several looked no better there."
    return (
        f"{words} It is worse there by {say(worse)}, partly by chance and partly because the best"
        " of several looks better than it is: believe the second number."
    )


def _spread(evidence: Evidence, done: Sequence[Run]) -> Picture:
    metric = evidence.specification.metric
    scores = np.array([run.score for run in done])
    held_out = evidence.metrics.get(metric)
    best = evidence.chosen.best
    caption = (
        f"{metric} on validation rows over {count(len(done), 'run')}: median"
        f" {say(float(np.median(scores)))}, from {say(scores.min())} to {say(scores.max())},"
        f" standard deviation {say(float(scores.std()))}."
    )

    def paint(axes: Axes) -> None:
        # Equal runs must not hide each other; the order of the runs spreads them, not chance.
        heights = 0.28 * np.sin(2.4 * np.arange(len(done)))
        axes.boxplot(
            [scores], positions=[0], widths=0.75, orientation="horizontal", showfliers=False,
            boxprops={"color": INK}, whiskerprops={"color": INK}, capprops={"color": INK},
            medianprops={"color": INK, "linewidth": 1.5},
        )  # fmt: skip
        axes.scatter(scores, heights, s=24, color=BLUE, alpha=0.7, linewidths=0, label="a run")
        axes.scatter([best.score], [0], s=110, marker="*", color=ORANGE, label="the winner",
                     zorder=3)  # fmt: skip
        if held_out is not None:
            axes.axvline(held_out, color=GREEN, linestyle="--", label="winner, held-out rows")
        axes.set_yticks([])
        axes.set_ylim(-0.6, 0.6)
        axes.set_xlabel(f"{metric} on validation rows")
        legend(axes, 3)

    return draw(Frame("runs", "Spread of the runs", caption, (4.6, 2.4)), paint)


def _parameters(evidence: Evidence, done: Sequence[Run]) -> list[Block]:
    names = list(evidence.specification.fit.search)
    numeric = [name for name in names if _drawable(name, done)]
    return [_parameter(evidence, done, name, n) for n, name in enumerate(numeric[:MOST_PARAMETERS])]


def _drawable(name: str, done: Sequence[Run]) -> bool:
    values = [run.parameters.get(name) for run in done]
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)
    return numbers and len(set(values)) > 2


def _parameter(evidence: Evidence, done: Sequence[Run], name: str, number: int) -> Picture:
    metric = evidence.specification.metric
    values = np.array([float(run.parameters[name]) for run in done])
    scores = np.array([run.score for run in done])
    best = evidence.chosen.best
    wide = values.min() > 0 and values.max() / values.min() > 50
    caption = f"The winner has {short(name, 40)} = {say(float(best.parameters[name]))}."
    edge = float(best.parameters[name]) in {values.min(), values.max()}
    if edge and len(done) > 4:
        caption += " That is the end of what was tried: a wider range may have better ones."

    def paint(axes: Axes) -> None:
        axes.scatter(values, scores, s=24, color=BLUE, alpha=0.7, linewidths=0)
        axes.scatter([float(best.parameters[name])], [best.score], s=110, marker="*", color=ORANGE)
        if wide:
            log_scale(axes)
        axes.set_xlabel(short(name, 36))
        axes.set_ylabel(metric)

    return draw(Frame(f"parameter_{number + 1}", f"{short(name, 40)} and {metric}", caption), paint)


def _best(evidence: Evidence, done: Sequence[Run]) -> Table:
    sign = 1 if _metric(evidence).greater_is_better else -1
    ordered = sorted(done, key=lambda run: (-sign * run.score, run.number))
    rows = tuple(
        (
            str(run.number), say(run.score, 4), say(run.fitted_score, 4),
            ", ".join(f"{key}={_plain(value)}" for key, value in run.parameters.items()) or "—",
            str(run.seed), f"{run.seconds:.2f}",
        )
        for run in ordered[:BEST_ROWS]
    )  # fmt: skip
    metric = evidence.specification.metric
    head = ("Run", f"{metric}, validation", f"{metric}, fitted", "Parameters", "Seed", "Seconds")
    return Table(head, rows, f"The best {len(rows)} of {count(len(done), 'run')}.")


def _metric(evidence: Evidence) -> Metric:
    return metric_named(evidence.specification.metric, evidence.specification.model.task)


def _plain(value: object) -> str:
    return say(value) if isinstance(value, float) else str(value)
