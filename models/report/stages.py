"""The way of the data: stages with shapes and samples, and the rows that were not taken."""

from models.evidence import Evidence
from models.report.numbers import count, percent
from models.report.section import Section, Table, Words


def stages_section(evidence: Evidence) -> Section:
    """Return what each stage made, and why rows were rejected."""
    rows = tuple(
        (stage.name, stage.shape, stage.sample, f"{stage.seconds:.2f}") for stage in evidence.stages
    )
    blocks: list[Table | Words] = []
    if rows:
        blocks.append(Table(("Stage", "What came out", "Sample", "Seconds"), rows))
    blocks.append(Words(_counts(evidence)))
    reasons = sorted(evidence.counts.reasons.items(), key=lambda item: (-item[1], item[0]))
    if reasons:
        table = tuple((reason, f"{rows:,}") for reason, rows in reasons)
        blocks.append(Table(("Why rows were rejected", "Rows"), table))
    return Section("data", "Data", tuple(blocks))


def _counts(evidence: Evidence) -> str:
    counts = evidence.counts
    words = f"{count(counts.read, 'row')} read, {counts.taken:,} taken"
    if not counts.rejected:
        return f"{words}, none rejected: every row keeps the contract of its columns."
    share = percent(counts.rejected / max(counts.read, 1))
    return (
        f"{words}, {counts.rejected:,} rejected ({share}) because they break the contract of the"
        " columns; they are kept aside, each with its reason."
    )
