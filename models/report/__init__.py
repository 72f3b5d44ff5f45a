"""A version's report: one page for people, and its plots."""

from pathlib import Path

from models.errors import StoreError
from models.evidence import Evidence


def write_report(evidence: Evidence, folder: Path) -> None:
    """Write folder/report/index.html, which needs no other file, and its plots as PNG beside it.

    Equal evidence makes equal files, unless the permutation importance runs out of time, which the
    page then says.

    Args:
        evidence: all that is known of the candidate.
        folder: the version's folder.

    Raises:
        StoreError: matplotlib is not installed; it comes with the extra `train`.
    """
    try:
        from models.report.report import write  # noqa: PLC0415  # an optional extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise StoreError(
            "the report is drawn with matplotlib, which is not installed here: pip install"
            " 'percore[train]', or say report = false under [publish]"
        ) from error
    write(evidence, folder)
