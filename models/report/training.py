"""How the winner was fitted: the trace over epochs, and the learning curve."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from models.evidence import Evidence
from models.fit.epochs import best_epoch
from models.fit.run import Epoch, LearningCurve
from models.metrics import metric_named
from models.report.drawing import BLUE, GREEN, INK, ORANGE, Frame, Picture, draw, legend, short
from models.report.numbers import count, say
from models.report.section import Block, Section, Words


def training_section(evidence: Evidence) -> Section:
    """Return the trace of each metric, the learning curve, and the fit's notes."""
    chosen = evidence.chosen
    epochs = chosen.best.epochs
    blocks: list[Block] = [Words(note) for note in chosen.notes]
    if epochs:
        names = list(dict.fromkeys([*epochs[0].validation, *epochs[0].fitted]))
        kept = _kept(evidence, epochs)
        blocks += [_trace(name, number, epochs, kept) for number, name in enumerate(names[:4])]
    if chosen.curve is not None and chosen.curve.points:
        blocks.append(_curve(chosen.curve))
    return Section("training", "Training", tuple(blocks))


def _kept(evidence: Evidence, epochs: tuple[Epoch, ...]) -> int | None:
    """Return the number of the epoch whose model the winner is; None if no trace tells it."""
    specification = evidence.specification
    metric = metric_named(specification.metric, specification.model.task)
    told = all(metric.name in epoch.validation for epoch in epochs)
    return best_epoch(epochs, metric) if told else None


def _trace(metric: str, number: int, epochs: tuple[Epoch, ...], kept: int | None) -> Picture:
    last = epochs[-1]
    words = f"After {count(len(epochs), 'epoch')}:"
    ends = [
        f"{say(values[metric])} on {where} rows"
        for where, values in (("fitted", last.fitted), ("validation", last.validation))
        if metric in values
    ]

    def paint(axes: Axes) -> None:
        for where, colour in (("fitted", ORANGE), ("validation", BLUE)):
            points = [
                (epoch.number, getattr(epoch, where)[metric])
                for epoch in epochs
                if metric in getattr(epoch, where)
            ]
            if points:
                marker = "o" if len(points) < 12 else ""
                axes.plot(*zip(*points, strict=True), color=colour, marker=marker, label=where)
        if kept is not None:
            axes.axvline(kept, color=GREEN, linestyle="--", linewidth=1.4, label="kept")
        axes.set_xlabel("epoch")
        axes.set_ylabel(short(metric))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        legend(axes, 3)

    caption = f"{words} {', '.join(ends)}."
    if kept is not None:
        caption += f" The model is that of epoch {kept}, the best on validation rows."
    title = f"{short(metric, 30)} over the epochs"
    return draw(Frame(f"trace_{number + 1}", title, caption), paint)


def _curve(curve: LearningCurve) -> Picture:
    rows = [point.rows for point in curve.points]
    first, last = curve.points[0], curve.points[-1]
    gap = float(np.mean(last.fitted) - np.mean(last.validation))
    caption = (
        f"{curve.words[:1].upper()}{curve.words[1:]}. From {first.rows:,} to {last.rows:,} rows"
        f" {curve.metric} on validation rows goes from {say(float(np.mean(first.validation)))} to"
        f" {say(float(np.mean(last.validation)))}; on fitted rows it is {say(abs(gap))}"
        f" {'higher' if gap > 0 else 'lower'} at the end. Bands: one standard deviation of the"
        " repeats."
    )

    def paint(axes: Axes) -> None:
        for where, colour in (("fitted", ORANGE), ("validation", BLUE)):
            values = [np.asarray(getattr(point, where), dtype=float) for point in curve.points]
            means = np.array([one.mean() for one in values])
            spreads = np.array([one.std() for one in values])
            axes.fill_between(
                rows, means - spreads, means + spreads, color=colour, alpha=0.25, linewidth=0
            )
            axes.plot(rows, means, color=colour, marker="o", markersize=4, label=where)
        if curve.recommended_rows < last.rows:
            axes.axvline(
                curve.recommended_rows, color=GREEN, linestyle="--", linewidth=1.4, label="enough"
            )
        axes.set_xscale("log", base=2)
        axes.set_xticks(rows, [f"{one:,}" for one in rows], rotation=30, ha="right", color=INK)
        axes.minorticks_off()
        axes.set_xlabel("rows to fit on")
        axes.set_ylabel(short(curve.metric))
        legend(axes, 3)

    return draw(Frame("learning_curve", "Learning curve", caption, (4.6, 3.7)), paint)
