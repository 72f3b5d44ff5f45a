"""The report as a whole: what is asked of the model once, and the order of the page."""

from pathlib import Path

from models.evidence import Evidence
from models.report.calibration import calibration_section
from models.report.classification import classification_section
from models.report.comparison import comparison_section
from models.report.features import correlations_section, features_section
from models.report.importance import importance_section, importances
from models.report.judged import judge
from models.report.page import page
from models.report.regression import regression_section
from models.report.runs import runs_section
from models.report.scoring import metric_for
from models.report.section import Section
from models.report.shots import pictures_section
from models.report.stages import stages_section
from models.report.summary import summary_table
from models.report.training import training_section


def write(evidence: Evidence, folder: Path) -> None:
    """Write the page and its plots below folder/report."""
    specification = evidence.specification
    judged = judge(evidence)
    metric = metric_for(specification.model.task, specification.metric, judged)
    seed = specification.model.seed
    ranked = importances(evidence.model, judged, metric, seed)
    order = _order(
        specification.feature_columns(), [one.column for one in ranked.found] if ranked else []
    )
    unit = specification.columns[specification.target.column].unit
    target = specification.target.column + (f" [{unit}]" if unit else "")
    answers = (
        classification_section(judged) if judged.classes else regression_section(judged, target)
    )
    sections = [
        answers, calibration_section(judged), pictures_section(judged),
        importance_section(ranked), runs_section(evidence), training_section(evidence),
        comparison_section(evidence, metric), stages_section(evidence),
        features_section(evidence, order), correlations_section(evidence, order),
    ]  # fmt: skip
    out = folder / "report"
    out.mkdir(parents=True, exist_ok=True)
    _write_plots(sections, out)
    version = "" if evidence.version is None else f" {evidence.version}"
    title = f"{specification.model.name}{version}"
    html = page(
        title, specification.model.description, summary_table(evidence, judged, metric), sections
    )
    (out / "index.html").write_text(html, encoding="utf-8")


def _write_plots(sections: list[Section], out: Path) -> None:
    for section in sections:
        for picture in section.pictures():
            (out / f"{picture.name}.png").write_bytes(picture.png)


def _order(columns: list[str], ranked: list[str]) -> list[str]:
    """Return all columns, those that are ranked first."""
    return list(dict.fromkeys([*ranked, *columns]))
