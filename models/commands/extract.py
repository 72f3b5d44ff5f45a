"""`python -m models extract`: read, check and keep the rows of a specification's source."""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from models.commands.bars import reading_bar
from models.commands.options import DataRoot, Json, WorkFolder
from models.console import console
from models.extract.batches import Batches
from models.extract.extracted import RowCounts
from models.extract.journal import Seen
from models.extract.mark import commit_mark
from models.extract.parts import write_parquet
from models.extract.watch import Watcher, watch
from models.places import Places
from models.spec import Specification, read_specification

EXAMPLE = "Example: python -m models extract students.toml --data data --out rows.parquet"

_BATCH_ROWS = 50_000
_SHOWN_REASONS = 10


def extract_command(  # noqa: PLR0913, PLR0917  # an option each
    specification: Annotated[Path, typer.Argument(help="A specification file, TOML.")],
    out: Annotated[
        Path | None, typer.Option(help="Write the taken rows to this Parquet file.")
    ] = None,
    data: DataRoot = None,
    work: WorkFolder = None,
    commit: Annotated[
        bool,
        typer.Option("--commit", help="Remember the high-water mark: the next run begins above."),
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--watch",
            help="Follow this folder under the data root: the rows of each file that arrives"
            " become a Parquet part under WORK/parts. Ends with Ctrl-C.",
        ),
    ] = None,
    every_s: Annotated[
        float, typer.Option("--every", help="Seconds between two looks at the folder.", min=0.01)
    ] = 2.0,
    once: Annotated[
        bool, typer.Option("--once", help="Read what lies in the watched folder, and end.")
    ] = False,
    for_s: Annotated[
        float | None, typer.Option("--for", help="Watch for so many seconds.", min=0)
    ] = None,
    as_json: Json = False,
) -> None:
    """Read the rows of a source, check them against the columns' contract, and keep both kinds.

    Rows that break the contract are in WORK/rejected, each with its reason. Exit code 1 if their
    share is above source.max_rejected_share, or if a watched file was refused.
    """
    spec = read_specification(specification)
    places = Places(data or specification.parent, work or Path("work") / spec.model.name)
    if folder is None:
        _extract_all(spec, places, out, commit=commit, as_json=as_json)
        return
    if out is not None or commit:
        raise typer.BadParameter("a watched folder is written to WORK/parts, and has a journal")
    _follow(spec, places, (folder, every_s, 0.0 if once else for_s), as_json=as_json)


def _extract_all(
    spec: Specification, places: Places, out: Path | None, *, commit: bool, as_json: bool
) -> None:
    with reading_bar(spec.model.name, quiet=as_json) as progress:
        reader = Batches(spec, places, _BATCH_ROWS, progress)
        if out is not None:
            write_parquet(out, reader, spec.columns)
        else:
            for _ in reader:
                pass
    if commit:
        commit_mark(spec, places, reader.mark, reader.unmarked_rows)
    counts = reader.counts
    if as_json:
        _print_json(
            {
                "source": reader.source,
                **asdict(counts),
                "rejected": counts.rejected,
                "rejected_file": reader.rejected_file and str(reader.rejected_file),
                "mark": reader.mark,
                "out": out and str(out),
            }
        )
        return
    _tell(reader.source, counts, reader.rejected_file)
    if out is not None:
        console().print(f"written to {out}")
    if reader.mark is not None:
        state = "the next run begins above" if commit else "not remembered without --commit"
        console().print(f"high-water mark {reader.mark!r}: {state}")


def _tell(source: str, counts: RowCounts, rejected_file: Path | None) -> None:
    screen = console()
    screen.print(f"{source}: {counts.read:,} rows read, {counts.taken:,} taken")
    if rejected_file is None:
        return
    screen.print(f"{counts.rejected:,} rows rejected, each with its reason in {rejected_file}:")
    ordered = sorted(counts.reasons.items(), key=lambda pair: -pair[1])
    for reason, rows in ordered[:_SHOWN_REASONS]:
        screen.print(f"  {rows:>9,}  {reason}")
    if len(ordered) > _SHOWN_REASONS:
        screen.print(f"  and {len(ordered) - _SHOWN_REASONS} more reasons")


def _follow(
    spec: Specification,
    places: Places,
    where: tuple[Path, float, float | None],
    *,
    as_json: bool,
) -> None:
    folder, every_s, for_s = where
    refused = 0
    with stop_on_signals() as stop, reading_bar(spec.model.name, quiet=as_json) as progress:
        watcher = Watcher(spec, places, folder, stop, progress)
        console(stderr=True).print(f"watching {watcher.folder}; Ctrl-C ends it")
        for seen in watch(watcher, every_s, for_s):
            refused += seen.outcome == "refused"
            if as_json:
                typer.echo(seen.model_dump_json())
            else:
                console().print(_words(seen))
    if refused:
        raise typer.Exit(1)


def _words(seen: Seen) -> str:
    if seen.outcome == "taken":
        return f"{seen.file}: {seen.taken:,} of {seen.read:,} rows taken into {seen.part}"
    return f"{seen.file}: {seen.outcome}: {seen.reason}"


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Give an event that SIGINT and SIGTERM set instead of ending the process."""
    stop = threading.Event()

    def ask(*_: Any) -> None:
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=1))
