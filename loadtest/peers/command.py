"""`python -m loadtest peers`: measures other servers beside Percore and writes the report."""

import dataclasses
import json
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console

from loadtest.errors import ChildError, LoadTestError
from loadtest.machine import this_machine
from loadtest.peers.catalogue import Peer, chosen
from loadtest.peers.measure import Plan, measure, prepared
from loadtest.peers.outcomes import Outcomes, figures, show
from loadtest.peers.rounds import Cell, Round
from loadtest.report import LiveView, rebuild
from loadtest.report.contents import REPORT
from loadtest.report.figures import FILE
from loadtest.report.report import VERSION
from loadtest.session import make_folder, told

NOT_RIGHT = 1


def peers(  # noqa: PLR0913 - each is an option of the command line
    *,
    only: Annotated[
        str, typer.Option(help="Peers, with commas; empty: all. See loadtest/peers/catalogue.py.")
    ] = "",
    model: Annotated[str, typer.Option(help="A stored model whose columns are numbers.")] = "iris",
    connections: Annotated[str, typer.Option(help="Closed loops, with commas.")] = "1,64",
    rows: Annotated[str, typer.Option(help="Rows a request, with commas.")] = "1,1000",
    seconds: Annotated[float, typer.Option(min=0.5, help="A round of one server.")] = 3.0,
    rounds: Annotated[int, typer.Option(min=1, max=100)] = 3,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Of each server.")] = 2,
    store: Annotated[Path, typer.Option(help="The store with the model.")] = Path("store"),
    out: Annotated[Path | None, typer.Option(help="Keep report and logs in this folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Start other servers with the same model, one after the other, and load each beside Percore.

    Every server has as many workers, one BLAS thread each; rounds alternate (ABAB); every answer
    is compared with the model in process; ratios are of neighbouring rounds. A peer's environment
    is made in .venv-peers when it is first needed.

    Example: python -m loadtest peers --only flask,mosec --model iris --out runs/peers

    Exit code: 0 all were measured, 1 a peer was not or gave wrong answers, 2 nothing was measured.
    """
    notes = Console(stderr=True)
    with told(notes, OSError):
        cells = [
            Cell(connections=each, rows=count)
            for count in numbers(rows, "--rows")
            for each in numbers(connections, "--connections")
        ]
        plan = Plan(store, model, workers, tuple(cells), seconds, rounds)
        names = [name.strip() for name in only.split(",") if name.strip()]
        with ExitStack() as stack:
            folder = out or Path(stack.enter_context(TemporaryDirectory(prefix="percore-peers-")))
            make_folder(folder)
            tell = stack.enter_context(LiveView(notes, folder))
            outcomes = measured(chosen(names), plan, folder, tell)
            content = _content(plan, outcomes)
            _write(folder, content, outcomes)
    if as_json:
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
    else:
        show(outcomes, Console())
    raise typer.Exit(0 if outcomes.all_right else NOT_RIGHT)


def numbers(text: str, option: str) -> list[int]:
    """Return the whole numbers of an option.

    Raises:
        LoadTestError: it holds anything else.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise LoadTestError(f"{option} takes whole numbers with commas, such as 1,64; not {text}.")
    return [int(part) for part in parts]


def measured(
    found: Sequence[Peer], plan: Plan, folder: Path, tell: Callable[[str], None]
) -> Outcomes:
    """Measure each peer; one that cannot be measured here does not keep the others from it."""
    tell("computing the right answers")
    bodies = prepared(plan)
    rounds: dict[str, list[Round]] = {}
    failures: dict[str, str] = {}
    for peer in found:
        rounds[peer.name] = []
        try:
            for each in measure(peer, plan, bodies, folder / peer.name, tell):
                rounds[peer.name].append(each)
        except ChildError as error:
            failures[peer.name] = str(error)
            tell(f"{peer.name} is left out: {error}")
    return Outcomes(rounds, failures)


def _content(plan: Plan, outcomes: Outcomes) -> dict[str, Any]:
    cells = "; ".join(cell.words for cell in plan.cells)
    return {
        "schema_version": VERSION,
        "name": f"peers, {plan.model}",
        "kind": "real",
        "load_model": f"closed: {cells}; rounds of {plan.seconds:g} s, {plan.rounds} of each"
        f" server, alternating; {plan.workers} workers each, one BLAS thread, no balancer",
        "warnings": outcomes.warnings,
        "command": f"python -m loadtest {shlex.join(sys.argv[1:])}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": dataclasses.asdict(this_machine()),
        "model": plan.model,
        "rounds": {
            peer: [dataclasses.asdict(each) for each in rounds]
            for peer, rounds in outcomes.rounds.items()
        },
    }


def _write(folder: Path, content: dict[str, Any], outcomes: Outcomes) -> None:
    (folder / REPORT).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (folder / FILE).write_text(figures(outcomes).model_dump_json(indent=2), encoding="utf-8")
    rebuild(folder)
