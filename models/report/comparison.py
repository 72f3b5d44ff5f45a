"""The candidate beside the production version, and what was decided."""

import numpy as np
from matplotlib.axes import Axes

from models.evidence import Comparison, Evidence
from models.metrics import Metric
from models.report.drawing import BLUE, INK, ORANGE, Frame, Picture, draw, legend, short
from models.report.numbers import count, say
from models.report.section import Block, Section, Table, Words

MOST_SLICES = 24


def comparison_section(evidence: Evidence, metric: Metric) -> Section:
    """Return metrics and slices of both, and the decision."""
    compared = evidence.comparison
    if compared is None:
        words = "There was no production version to compare with."
        return Section("comparison", "Comparison with production", (Words(words),))
    blocks: list[Block] = [Words(decision(evidence))]
    blocks += [Words(f"Refused: {refusal}") for refusal in compared.refusals]
    rows = tuple(
        (name, say(ours, 4), say(theirs, 4), _signed(ours - theirs))
        for name, (ours, theirs) in compared.metrics.items()
    )
    head = ("Metric", "Candidate", f"Production ({compared.version})", "Difference")
    blocks.append(Table(head, rows, "On the same held-out rows."))
    measured = {
        name: found
        for name, found in compared.slices.items()
        if np.isfinite(found[1]) and np.isfinite(found[2])
    }
    if measured:
        blocks.append(_slices(metric, compared, measured))
    if compared.slices:
        blocks.append(_slice_table(compared))
    return Section("comparison", "Comparison with production", tuple(blocks))


def decision(evidence: Evidence) -> str:
    """Return what becomes of the candidate, in a sentence."""
    compared, wish = evidence.comparison, evidence.specification.publish.promote
    if compared is None:
        return "There is no production version to compare with: a first version becomes it."
    if wish == "never":
        return f'Not promoted, as promote = "never": version {compared.version} stays production.'
    if wish == "always" and compared.refusals:
        return (
            f"Promoted in the place of version {compared.version}, as promote ="
            ' "always", whatever the comparison says.'
        )
    if compared.refusals:
        return f"Not promoted: version {compared.version} stays the production version."
    return f"Promoted: it takes the place of version {compared.version}."


def _slices(
    metric: Metric, compared: Comparison, found: dict[str, tuple[int, float, float]]
) -> Picture:
    shown = list(found.items())[:MOST_SLICES]
    worst = min(shown, key=lambda item: metric.gain(*item[1][1:]))
    rows, ours, theirs = worst[1]
    caption = (
        f"The largest step back is {short(worst[0], 40)}: {metric.name} {say(ours)} instead of"
        f" {say(theirs)} on {count(rows, 'row')}."
    )
    if metric.gain(ours, theirs) >= 0:
        caption = f"The candidate's {metric.name} is not worse in any slice."
    if len(found) > len(shown):
        caption += f" {len(shown)} of {len(found)} slices are drawn."
    frame = Frame("slices", "Slices", caption, (4.6, 1.3 + 0.27 * len(shown)))

    def paint(axes: Axes) -> None:
        places = range(len(shown))
        for place, (_, (_, here, there)) in enumerate(shown):
            axes.plot([there, here], [place, place], color=INK, linewidth=1, zorder=1)
        axes.scatter([one[1][2] for one in shown], places, color=ORANGE, s=30, marker="D",
                     label=f"production ({compared.version})")  # fmt: skip
        axes.scatter([one[1][1] for one in shown], places, color=BLUE, s=34, label="candidate")
        axes.set_yticks(places, [f"{short(name, 22)} ({size[0]:,})" for name, size in shown])
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_xlabel(metric.name)
        legend(axes, 2)

    return draw(frame, paint)


def _slice_table(compared: Comparison) -> Table:
    rows = tuple(
        (name, f"{rows:,}", say(ours, 4), say(theirs, 4), _signed(ours - theirs))
        for name, (rows, ours, theirs) in list(compared.slices.items())[: 4 * MOST_SLICES]
    )
    head = ("Slice", "Rows", "Candidate", f"Production ({compared.version})", "Difference")
    left = len(compared.slices) - len(rows)
    return Table(head, rows, f"{left} more slices are left out." if left > 0 else "")


def _signed(difference: float) -> str:
    return f"+{say(difference)}" if difference > 0 else say(difference)
