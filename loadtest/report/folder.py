"""A run's folder: everything that a report is written to, and written again from."""

from datetime import datetime
from pathlib import Path

from loadtest.record import read_records
from loadtest.report.contents import REPORT as JSON
from loadtest.report.contents import read_content
from loadtest.report.facts import Evidence, head
from loadtest.report.figures import read_figures
from loadtest.report.histograms import write_histograms
from loadtest.report.junit import junit
from loadtest.report.page import page
from loadtest.report.report import Report
from loadtest.report.samples import Samples
from loadtest.report.sections import sections
from loadtest.watching import FILE as WORKERS
from loadtest.watching import read_spells

HTML = "report.html"
JUNIT = "junit.xml"
RECORDS = "requests*.csv"
"""A file a process that generated; only raw records are merged, never percentiles."""


def write_all(report: Report, folder: Path) -> Path:
    """Write report.json, and all that is made from it and the records; return the page's path.

    Raises:
        LoadTestError: as `rebuild` does.
    """
    (folder / JSON).write_text(report.to_json(), encoding="utf-8")
    return rebuild(folder)


def rebuild(folder: Path) -> Path:
    """Write the page, JUnit and the histograms of a folder again; return the page's path.

    Raises:
        LoadTestError: the folder holds nothing that this version can read.
    """
    content = read_content(folder)
    records = [record for path in sorted(folder.glob(RECORDS)) for record in read_records(path)]
    samples = Samples.of(records) if records else None
    name = str(content.get("name") or folder.resolve().name)
    evidence = Evidence(
        name, content, samples, read_figures(folder), tuple(read_spells(folder / WORKERS))
    )
    path = folder / HTML
    path.write_text(page(head(evidence), sections(evidence)), encoding="utf-8")
    if "counts" in content:
        (folder / JUNIT).write_text(junit(name, content), encoding="utf-8")
    if samples is not None:
        write_histograms(samples, folder, datetime.fromisoformat(content["date"]))
    return path
