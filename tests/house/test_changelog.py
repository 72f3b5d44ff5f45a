import re
from pathlib import Path

import pytest

import service

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
HEADING = re.compile(r"^## \[(.+?)\](?: - (\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)


def problem(text: str, version: str) -> str | None:
    """Return what is wrong with a changelog of a package at `version`, or None."""
    headings = HEADING.findall(text)
    if len(headings) != len(re.findall(r"^## ", text, re.MULTILINE)):
        return "a heading is neither '## [Unreleased]' nor '## [1.2.3] - 2026-01-31'"
    if not headings or headings[0] != ("Unreleased", ""):
        return "'## [Unreleased]' is not on top"
    released = headings[1:]
    if any(not date for _, date in released):
        return "a released version has no date"
    if released and released[0][0] != version:
        return f"the newest released version is {released[0][0]}, the package's is {version}"
    return None


def test_our_changelog_is_in_order() -> None:
    assert problem(CHANGELOG.read_text(), service.__version__) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("## [Unreleased]\n", None),
        ("## [Unreleased]\n## [0.1.0] - 2026-11-20\n", None),
        ("", "not on top"),
        ("## [0.1.0] - 2026-11-20\n", "not on top"),
        ("## [0.1.0] - 2026-11-20\n## [Unreleased]\n", "not on top"),
        ("## [Unreleased]\n## [0.2.0] - 2026-11-20\n## [0.1.0] - 2026-11-19\n", "is 0.2.0"),
        ("## [Unreleased]\n## [0.1.0]\n", "no date"),
        ("## [Unreleased]\n## 0.1.0\n", "neither"),
    ],
)
def test_a_changelog_in_disorder_is_found(text: str, expected: str | None) -> None:
    found = problem(text, "0.1.0")
    assert found is None if expected is None else expected in (found or "")
