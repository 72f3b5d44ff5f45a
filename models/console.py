"""What people see: tables of stages, versions and findings."""

import ctypes
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from models.errors import ArtefactError
from models.manifest import Lineage, Manifest
from models.release import Release
from models.schema import Column, ImageSchema
from models.stages import Stage, Stages
from models.store import Store
from models.verify import Finding

PIPED_WIDTH: Final = 160
"""Columns when nobody looks at a terminal, so that no cell is cut in a log."""
STDOUT: Final = 1
STDERR: Final = 2


@dataclass(frozen=True)
class Row:
    """One version in a listing; `manifest` is None if it cannot be read."""

    name: str
    version: int
    aliases: tuple[str, ...]
    manifest: Manifest | None


def console(*, stderr: bool = False) -> Console:
    """Return a console on stdout, or on stderr beside a program's output."""
    width = None if (sys.stderr if stderr else sys.stdout).isatty() else PIPED_WIDTH
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=width)


@contextmanager
def output_kept(*, for_program: bool) -> Iterator[None]:
    """Let what models print, in Python or in C, go to standard error.

    Args:
        for_program: whether a program reads standard output; or else nothing changes.
    """
    if not for_program:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    try:
        yield
    finally:
        sys.stdout.flush()
        ctypes.CDLL(None).fflush(None)  # C keeps what it prints until its buffer is full
        os.dup2(kept, STDOUT)
        os.close(kept)


@contextmanager
def stage_table(title: str, *, stderr: bool) -> Iterator[Stages]:
    """Show each stage as it begins and ends, as one growing table."""
    done: list[Stage] = []

    def draw(running: str | None) -> Table:
        table = Table("stage", "what", "sample", "seconds", title=title)
        for stage in done:
            table.add_row(stage.name, Text(stage.shape), Text(stage.sample), f"{stage.seconds:.3f}")
        if running is not None:
            table.add_row(running, "…", "", "")
        return table

    screen = console(stderr=stderr)
    if not screen.is_terminal:
        # A log cannot be redrawn: one line a stage as it begins, the table at the end.
        yield Stages(lambda name: screen.print(f"{title}: {name} …"), done.append)
        screen.print(draw(None))
        return
    with Live(draw(None), console=screen, auto_refresh=False) as live:

        def finished(stage: Stage) -> None:
            done.append(stage)
            live.update(draw(None), refresh=True)

        yield Stages(lambda name: live.update(draw(name), refresh=True), finished)


def rows_of(store: Store) -> list[Row]:
    """Return every version of every name."""
    rows = []
    for name in store.names():
        aliases = store.aliases(name)
        for version in store.versions(name):
            held = tuple(alias for alias, at in aliases.items() if at == version)
            rows.append(Row(name, version, held, _manifest(store, name, version)))
    return rows


def version_table(rows: Sequence[Row]) -> Table:
    """Return a listing with one line a version."""
    table = Table("name", "version", "alias", "task", "input", "metrics", "created")
    for row in rows:
        head = (row.name, str(row.version), ", ".join(row.aliases))
        if row.manifest is None:
            table.add_row(*head, "damaged: see verify")
            continue
        table.add_row(
            *head,
            row.manifest.task,
            _input_words(row.manifest),
            _metric_words(row.manifest),
            f"{row.manifest.created_at:%Y-%m-%d %H:%M}",
        )
    return table


def manifest_tables(manifest: Manifest, aliases: Sequence[str]) -> Iterator[Table | str]:
    """Return what `show` prints of a version."""
    yield f"{manifest.name} {manifest.version} {' '.join(f'[{alias}]' for alias in aliases)}"
    if manifest.description:
        yield manifest.description
    facts = Table(show_header=False)
    facts.add_row("task", manifest.task)
    facts.add_row("created", f"{manifest.created_at:%Y-%m-%d %H:%M:%S %Z}")
    facts.add_row("answers", Text(_output_words(manifest)))
    facts.add_row("metrics", _metric_words(manifest) or "not measured")
    facts.add_row("training", _training_words(manifest))
    if manifest.lineage is not None:
        facts.add_row("lineage", Text(_lineage_words(manifest.lineage)))
    facts.add_row(
        "versions", ", ".join(f"{key} {value}" for key, value in manifest.versions.items())
    )
    for path, entry in manifest.files.items():
        facts.add_row(Text(path), f"{entry.size_bytes:,} bytes, sha256 {entry.sha256}")
    yield facts
    if not isinstance(manifest.input, ImageSchema):
        yield _column_table(manifest.input.columns)


def finding_table(title: str, findings: Sequence[Finding]) -> Table:
    """Return what `verify` found of one version."""
    table = Table("check", "", "found", title=title)
    for finding in findings:
        table.add_row(finding.check, "ok" if finding.ok else "FAILED", Text(finding.text))
    return table


def published_words(done: Release, store: Store) -> str:
    """Return the sentence that ends train and register."""
    name, version = done.manifest.name, done.manifest.version
    aliases = [alias for alias, at in store.aliases(name).items() if at == version]
    tail = f" as {', '.join(aliases)}" if aliases else f"; promote {name} {version} to serve it"
    return f"published {name} {version}{tail}"


def _manifest(store: Store, name: str, version: int) -> Manifest | None:
    try:
        return store.manifest(name, version)
    except ArtefactError:
        return None


def _column_table(columns: Sequence[Column]) -> Table:
    table = Table("column", "type", "null", "values", "policy", "example")
    for column in columns:
        table.add_row(
            Text(column.name),
            column.dtype,
            "yes" if column.nullable else "no",
            Text(_value_words(column)),
            _policy_words(column),
            Text(repr(column.example)),
        )
    return table


def _policy_words(column: Column) -> str:
    return ", ".join(f"{kind} {choice}" for kind, choice in column.policy if choice is not None)


def _value_words(column: Column) -> str:
    if column.categories is not None:
        return (" < " if column.ordered else ", ").join(map(str, column.categories))
    if column.dates:
        return "days or times in ISO 8601"
    return "any" if column.min is None else f"{column.min:g} to {column.max:g} in training"


def _input_words(manifest: Manifest) -> str:
    if isinstance(manifest.input, ImageSchema):
        return f"picture, {manifest.input.mode} {manifest.input.width}x{manifest.input.height}"
    return f"{len(manifest.input.columns)} columns"


def _output_words(manifest: Manifest) -> str:
    output = manifest.output
    if output.classes is None:
        return f"{output.dtype}" if output.width is None else f"{output.width} x {output.dtype}"
    words = ", ".join(map(repr, output.classes))
    if output.width is not None:
        return f"{output.width} labels, each one of {words}"
    return f"one of {words}" + (", with probabilities" if output.probabilities else "")


def _metric_words(manifest: Manifest) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in manifest.metrics.items())


def _lineage_words(lineage: Lineage) -> str:
    rows = f"{lineage.rows_read:,} rows read, {lineage.rows_rejected:,} rejected"
    best = f"{lineage.metric} {lineage.validation_score:.4f} on validation rows"
    if lineage.runs > 1:
        best = f"best of {lineage.runs} runs: {best}"
    drawn = "".join(f", {name}={value}" for name, value in lineage.parameters.items())
    revision = f"; git {lineage.revision[:12]}" if lineage.revision else ""
    held_out = f"{lineage.held_out_score:.4f} on rows that no run has seen"
    return f"{rows}; {best}{drawn}, {held_out}{revision}"


def _training_words(manifest: Manifest) -> str:
    training = manifest.training
    if training is None:
        return "not known"
    kind = "synthetic, " if training.synthetic else ""
    return f"{kind}{training.source}: {training.rows} rows, {training.held_out_rows} held out"
