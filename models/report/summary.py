"""The box on top: what this is, how good it is, and what was decided."""

from models.evidence import Evidence
from models.metrics import Metric
from models.report.comparison import decision
from models.report.judged import Judged
from models.report.numbers import count, say
from models.report.scoring import interval_words
from models.report.section import Table


def summary_table(evidence: Evidence, judged: Judged, metric: Metric) -> Table:
    """Return the facts, one a row."""
    specification = evidence.specification
    others = ", ".join(
        f"{name} {say(value)}" for name, value in evidence.metrics.items() if name != metric.name
    )
    version = "not published yet" if evidence.version is None else str(evidence.version)
    rows = [
        ("Model", specification.model.name),
        ("Version", version),
        ("Task", f"{specification.model.task} of {specification.target.column}"),
        ("Estimator", _estimator(evidence)),
        ("Rows", _rows(evidence, judged)),
        ("Held-out score", interval_words(metric, judged, specification.model.seed)),
        ("Other metrics", others),
        ("Decision", decision(evidence)),
    ]
    return Table((), tuple(row for row in rows if row[1]))


def _estimator(evidence: Evidence) -> str:
    parameters = ", ".join(
        f"{name}={say(value) if isinstance(value, float) else value}"
        for name, value in evidence.chosen.best.parameters.items()
    )
    name = evidence.specification.fit.estimator.name
    return f"{name} ({parameters})" if parameters else name


def _rows(evidence: Evidence, judged: Judged) -> str:
    counts = evidence.counts
    words = f"{count(counts.read, 'row')} read, {counts.taken:,} taken"
    judging = f"{count(judged.rows, 'held-out row')} judge on this page"
    return f"{words}; {judging}, {count(len(evidence.known), 'fitted row')} are drawn"
