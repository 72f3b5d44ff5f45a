"""A run's folder: everything that a report is written to, and written again from."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from loadtest.errors import LoadTestError
from loadtest.record import read_records
from loadtest.report.figures import read_figures
from loadtest.report.histograms import write_histograms
from loadtest.report.junit import junit
from loadtest.report.page import page
from loadtest.report.report import VERSION, Report
from loadtest.report.samples import Samples
from loadtest.report.sections import Evidence, head, sections

JSON = "report.json"
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
        LoadTestError: there is no report.json that this version can read.
    """
    content = _content(folder)
    records = [record for path in sorted(folder.glob(RECORDS)) for record in read_records(path)]
    samples = Samples.of(records) if records else None
    name = str(content.get("name") or folder.resolve().name)
    evidence = Evidence(name, content, samples, read_figures(folder))
    path = folder / HTML
    path.write_text(page(head(evidence), sections(evidence)), encoding="utf-8")
    if "counts" in content:
        (folder / JUNIT).write_text(junit(name, content), encoding="utf-8")
    if samples is not None:
        write_histograms(samples, folder, datetime.fromisoformat(content["date"]))
    return path


def _content(folder: Path) -> dict[str, Any]:
    path = folder / JSON
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise LoadTestError(
            f"{path} cannot be read: {error.strerror}. Give the folder of a run (--out)."
        ) from error
    except ValueError as error:
        raise LoadTestError(f"{path} is not JSON.") from error
    found = content.get("schema_version") if isinstance(content, dict) else None
    if found != VERSION:
        raise LoadTestError(
            f"{path} has schema_version {found}; this version reads {VERSION}. Run it again."
        )
    return dict(content)
