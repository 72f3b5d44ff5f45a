"""Writes the generated parts of the docs: the settings table, the commands' help, the figures.

python docs/generate.py            rewrite them
python docs/generate.py --check    say which are out of date, and fail if any is
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from docs.benchmark import full_tables, growth_table, short_table  # noqa: E402
from docs.figures_tables import fleet_part, read_figures, runs_part  # noqa: E402
from docs.specification import specification_page  # noqa: E402
from loadtest.bench.growth.results import read_growth  # noqa: E402
from loadtest.bench.results import Results, read_results  # noqa: E402
from service.settings import Settings  # noqa: E402

README = ROOT / "README.md"
CLI = ROOT / "docs" / "cli.md"
BENCHMARK = ROOT / "docs" / "benchmark.md"
LOADTEST = ROOT / "docs" / "loadtest.md"
SPECIFICATION = ROOT / "docs" / "specification.md"
FIGURES = ROOT / "docs" / "figures"
COMMANDS = (
    ("models", "draft"),
    ("models", "extract"),
    ("models", "train"),
    ("models", "retrain"),
    ("models", "register"),
    ("models", "plan"),
    ("models", "list"),
    ("models", "show"),
    ("models", "report"),
    ("models", "promote"),
    ("models", "rollback"),
    ("models", "verify"),
    ("models", "export"),
    ("models", "score-spark"),
    ("service",),
    ("service", "score"),
    ("loadtest", "run"),
    ("loadtest", "search"),
    ("loadtest", "compare"),
    ("loadtest", "simulate"),
    ("loadtest", "predict"),
    ("loadtest", "report"),
    ("loadtest", "peers"),
    ("loadtest", "bench"),
    ("loadtest", "growth"),
)


def main() -> int:
    """Rewrite or check; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing, fail if out of date")
    check = parser.parse_args().check
    figures = read_figures(FIGURES)
    wanted = {
        README: with_parts(
            README,
            {
                "settings": settings_table(),
                "bench": short_table(bench()),
                "fleet": fleet_part(figures, "loadtest"),
            },
        ),
        BENCHMARK: with_parts(
            BENCHMARK,
            {
                "bench": full_tables(bench()),
                "growth": growth_table(read_growth(FIGURES / "growth.json")),
            },
        ),
        LOADTEST: with_parts(LOADTEST, {"figures": runs_part(figures, "../loadtest")}),
        CLI: commands_page(),
        SPECIFICATION: specification_page(),
    }
    stale = [
        path
        for path, text in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        name = path.relative_to(ROOT)
        if check:
            print(f"{name} is out of date: run `make docs`", file=sys.stderr)
        else:
            path.write_text(wanted[path], encoding="utf-8")
            print(f"wrote {name}")
    return 1 if check and stale else 0


def bench() -> Results:
    """Return what the benchmark measured, as it is kept."""
    return read_results(FIGURES / "bench.json")


def with_parts(page: Path, parts: dict[str, str]) -> str:
    """Return a page's text with each generated part between its two marks."""
    text = page.read_text(encoding="utf-8")
    for name, part in parts.items():
        begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        head, found, rest = text.partition(begin)
        _, closed, tail = rest.partition(end)
        if not (found and closed):
            raise SystemExit(f"{page.name} has no marks {begin} … {end}")
        text = f"{head}{begin}\n{part}\n{end}{tail}"
    return text


def settings_table() -> str:
    """Return a row a setting: flag, environment variable, default, meaning."""
    rows = ["| flag | environment | default | what it sets |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        flag = "--" + name.replace("_", "-")
        default = field.default
        shown = ",".join(default) if isinstance(default, tuple) else default
        meaning = one_cell(field.description or "")
        rows.append(f"| `{flag}` | `PERCORE_{name.upper()}` | `{shown}` | {meaning} |")
    return "\n".join(rows)


def one_cell(text: str) -> str:
    """Return a text of several lines as a table's cell, which has one."""
    return " ".join(text.split()).replace("|", r"\|")


def commands_page() -> str:
    """Return a page with the help of every command."""
    page = ["# Commands", "", "Generated from each command's `--help`.", ""]
    for command in COMMANDS:
        words = " ".join(("python -m", *command))
        page += [f"## {words}", "", "```text", *help_of(command), "```", ""]
    return "\n".join(page)


def help_of(command: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of a command's help, as wide on every machine."""
    plain = os.environ | {
        "COLUMNS": "100",
        "TERMINAL_WIDTH": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }
    done = subprocess.run(
        [sys.executable, "-m", *command, "--help"],
        cwd=ROOT,
        env=plain,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    for line in done.stdout.strip().splitlines():
        yield line.rstrip()


if __name__ == "__main__":
    sys.exit(main())
