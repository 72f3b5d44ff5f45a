"""The word `score` of the command line: `python -m service score ROWS --model NAME --out FILE`."""

import argparse
import asyncio
import hashlib
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import uvloop
from pydantic import ValidationError

from models.errors import StoreError
from models.schema import ImageSchema
from models.store import MANIFEST, PRODUCTION, Store
from service.log import configure_logging
from service.scoring.assembly import check_output
from service.scoring.folder import PartsFolder
from service.scoring.refusal import ScoringError
from service.scoring.run import Order, Run, Summary
from service.scoring.sources import STDIN, Format, find_source
from service.scoring.workers import Workers
from service.settings import Settings

EXAMPLE = """example:
  python -m service score data.parquet --model churn --out scored.parquet
  python -m service score 'days/*.csv.gz' --model churn --out scored.csv --keep id,name
  zcat rows.csv.gz | python -m service score - --format csv --model churn --out scored.parquet

The output has the input's rows in their order: the columns of --keep, then prediction,
probability_<class> with --probabilities, warnings if the model's policy flags values, and error
with --on-error null. Cells of CSV are kept as the texts that they are. A run that was
interrupted goes on where it was when the same command is given again; its finished parts are in
OUT.parts.

exit code: 0 done; 1 stopped, the reason is told; 2 wrong usage; 130 or 143 by Ctrl-C or SIGTERM.
"""
EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
SIGNALLED = 128
MAX_ROWS = 100_000
"""Nothing that the service takes in one request, golden rows among them, is too much here."""
HANG_LIMIT_S = 600.0
"""A part that takes longer ends its worker: so many rows are too many for this model."""


def parser() -> argparse.ArgumentParser:
    """Return what reads the command's arguments."""
    made = argparse.ArgumentParser(
        prog="python -m service score",
        description="Predict all rows of a file with a stored model, on all cores.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("input", metavar="ROWS", help="a file, a folder, a glob in quotes, or - for standard "
        "input: Parquet, CSV (.gz), Arrow or JSON lines (.gz)")  # fmt: skip
    add("--model", required=True, metavar="NAME", help="name of a model in the store")
    add("--out", required=True, type=Path, metavar="FILE", help="file to write: .parquet, .csv, "
        ".csv.gz, .arrow or .feather; one that is there is replaced when all is done")  # fmt: skip
    add("--version", default=PRODUCTION, metavar="N", help="a version's number or an alias "
        "(default: production)")  # fmt: skip
    add("--store", type=Path, metavar="DIR", help="folder of the model store (default: store)")
    add("--workers", type=int, metavar="N", help="worker processes (default: one a core)")
    add("--part-rows", type=int, default=10_000, metavar="N", help="rows that a worker computes "
        "at once (default: 10000)")  # fmt: skip
    add("--keep", metavar="COLUMNS", help="columns of the input to keep, with commas between "
        "(default: all; '' for none)")  # fmt: skip
    add("--probabilities", action="store_true", help="add the probability of each class")
    add("--on-error", choices=["stop", "null"], default="stop", help="a row that does not fit, or "
        "on which the model fails, stops the run, or has no prediction and a reason in the "
        "column error (default: stop)")  # fmt: skip
    add("--format", type=Format, choices=list(Format), help="how the rows are written (default: as "
        "their files' names say)")  # fmt: skip
    add("--delimiter", default=",", metavar="C", help="what stands between cells of CSV "
        "(default: a comma)")  # fmt: skip
    add("--restart", action="store_true", help="throw away the parts of an earlier run")
    add("--json", action="store_true", help="print the summary as JSON")
    return made


def main(arguments: Sequence[str]) -> int:
    """Score as the arguments say; return the exit code."""
    asked = parser().parse_args(arguments)
    configure_logging("error")
    try:
        settings = settings_of(asked)
        order = order_of(asked, settings)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            name = "-".join(str(step) for step in problem["loc"]).replace("_", "-")
            _say(f"--{name}: {problem['msg']}")
        return EXIT_USAGE
    except (ScoringError, StoreError) as error:
        _say(str(error))
        return EXIT_USAGE
    return uvloop.run(score(asked, order, settings))


def settings_of(asked: argparse.Namespace) -> Settings:
    """Return the settings of the workers; raises ValidationError if one is wrong."""
    if not 1 <= asked.part_rows <= 1 << 20:
        raise ScoringError("--part-rows is a number from 1 to 1048576.")
    if len(asked.delimiter) != 1:
        raise ScoringError("--delimiter is one character.")
    told = {"store": asked.store, "workers": asked.workers}
    return Settings(
        **{name: value for name, value in told.items() if value is not None},
        max_rows=max(asked.part_rows, MAX_ROWS),
        hang_limit_s=HANG_LIMIT_S,
        drain_s=0.0,
    )


def order_of(asked: argparse.Namespace, settings: Settings) -> Order:
    """Return what is asked for.

    Raises:
        ScoringError: it cannot be had; the text says why.
        StoreError: the store has no such version.
    """
    store = Store(settings.store)
    which = int(asked.version) if asked.version.isdecimal() else asked.version
    manifest = store.manifest(asked.model, store.resolve(asked.model, which))
    if isinstance(manifest.input, ImageSchema):
        raise ScoringError(f"{asked.model} takes pictures, and rows of a table are none: send them "
                           "to the service, one a request.")  # fmt: skip
    if asked.probabilities and not manifest.output.probabilities:
        raise ScoringError(f"{asked.model} {manifest.version} has no probabilities.")
    check_output(asked.out)
    source = find_source(asked.input, asked.format, asked.out)
    keep = None if asked.keep is None else tuple(filter(None, asked.keep.split(",")))
    return Order(
        source,
        asked.out,
        manifest,
        manifest.input,
        keep,
        asked.probabilities,
        asked.on_error,
        asked.part_rows,
        asked.delimiter,
        settings.worker_count(),
    )


async def score(asked: argparse.Namespace, order: Order, settings: Settings) -> int:
    """Run an order until it is done, or a signal ends it; return the exit code."""
    folder = PartsFolder(order.out)
    workers = Workers(settings, order.manifest)
    caught: list[signal.Signals] = []
    work = asyncio.ensure_future(_work(order, workers, folder, settings, restart=asked.restart))

    def on_signal(which: signal.Signals) -> None:
        caught.append(which)
        work.cancel()

    for which in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(which, on_signal, which)
    try:
        summary = await work
    except asyncio.CancelledError:
        kept = f" Finished parts are kept in {folder.path}; the same command goes on from there."
        _say(f"Stopped.{'' if asked.input == STDIN or folder.is_empty() else kept}")
        return SIGNALLED + caught[0]
    except (ScoringError, OSError) as error:
        _say(str(error))
        return EXIT_FAILED
    finally:
        await workers.stop()
        if folder.is_ours and (asked.input == STDIN or folder.is_empty()):
            folder.remove()
        folder.close()
    _tell(summary, as_json=asked.json)
    return EXIT_OK


async def _work(
    order: Order,
    workers: Workers,
    folder: PartsFolder,
    settings: Settings,
    *,
    restart: bool,
) -> Summary:
    folder.open(journal_of(order, settings), restart=restart)
    await workers.start()
    summary = await Run(order, workers, folder).run()
    folder.remove()
    return summary


def journal_of(order: Order, settings: Settings) -> dict[str, Any]:
    """Return all on which a run's parts depend, as JSON has it."""
    manifest = order.manifest
    path = Store(settings.store).folder(manifest.name, manifest.version) / MANIFEST
    return {
        "input": order.source.fingerprint(),
        "model": manifest.name,
        "version": manifest.version,
        "manifest": hashlib.sha256(path.read_bytes()).hexdigest(),
        "format": order.source.format.value,
        "delimiter": order.delimiter,
        "keep": order.keep,
        "probabilities": order.probabilities,
        "on-error": order.on_error,
        "part-rows": order.part_rows,
    }


def _tell(summary: Summary, *, as_json: bool) -> None:
    if as_json:
        print(orjson.dumps(summary._asdict()).decode())  # noqa: T201
        return
    print(  # noqa: T201
        f"Scored {summary.rows:,} rows with {summary.model} {summary.version} in "
        f"{summary.seconds:.1f} s ({summary.rows_per_s:,.0f} rows/s): {summary.out}"
    )
    notes = {
        "rows have no prediction; the column error says why": summary.failed_rows,
        "parts were finished before": summary.resumed_parts,
        "parts were computed again, because a worker had died": summary.retried_parts,
    }
    for text, count in notes.items():
        if count:
            print(f"{count:,} {text}")  # noqa: T201


def _say(text: str) -> None:
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)  # noqa: T201
