"""Links lead somewhere, and decisions have their form."""

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from service.settings import Settings

ROOT = Path(__file__).parents[2]
ADRS = ROOT / "docs" / "adr"
DECISIONS = sorted(ADRS.glob("[0-9]*.md"))
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
SECTIONS = ["Context", "Drivers", "Options", "Outcome", "Consequences"]


def anchors(text: str) -> set[str]:
    """Return the anchors that a page's headings make."""
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> list[str]:
    """Return the links of a page to files or headings of ours that are not there."""
    dead = []
    for link in LINK.findall(page.read_text()):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = page.parent / path if path else page
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in anchors(target.read_text())
        ):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert dead_links(page) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A head\n[a](page.md#a-head) [b](#no) [c](no.md) [d](https://example.org)")
    assert dead_links(page) == ["#no", "no.md"]


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    listed = re.findall(r"^\| \[\d{4}\]\((.+?)\) \|", (ADRS / "README.md").read_text(), re.M)
    assert listed == [path.name for path in DECISIONS]


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_its_form(path: Path) -> None:
    text = path.read_text()
    assert text.startswith(f"# {path.name[:4]}: ")
    assert re.search(r"^(Accepted|Proposed|Superseded by .+), \d{4}-\d{2}-\d{2}\.$", text, re.M)
    assert re.findall(r"^## (.+)$", text, re.M) == SECTIONS


@pytest.fixture
def generate(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The generator, which is a script; it changes the path that modules are sought in."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec = spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_settings_table_has_a_row_a_setting(generate: ModuleType) -> None:
    _, ruler, *rows = generate.settings_table().split("\n")
    assert ruler == "|---|---|---|---|"
    assert [re.match(r"\| `--([a-z-]+)` \|", row)[1].replace("-", "_") for row in rows] == list(  # type: ignore[index]
        Settings.model_fields
    )
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}
    assert any("\n" in (field.description or "") for field in Settings.model_fields.values())


def test_a_cell_is_one_line(generate: ModuleType) -> None:
    assert generate.one_cell("one\n    two | three") == r"one two \| three"
