"""Is a server an Open Inference server? `python -m tests.conformance URL --model NAME`."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests.conformance.run import Outcome, Verdict, run_table
from tests.conformance.subject import Subject

STYLES: dict[Verdict, str] = {
    "passed": "green",
    "differs": "yellow",
    "failed": "bold red",
    "not asked": "dim",
}
HELP = """Ask a server what the Open Inference Protocol (V2, REST) says it answers.

Inputs are made from each model's metadata. Nothing is changed on the server.

Exit code 0: nothing failed; 1: something did, or the server gave no answer; 2: a wrong command.

Example: python -m tests.conformance http://127.0.0.1:8000 --model iris --model digits
"""


def main(
    url: Annotated[str, typer.Argument(help="The server, such as http://127.0.0.1:8000.")],
    model: Annotated[list[str], typer.Option(help="A model to ask; give it again for more.")],
    example: Annotated[
        Path | None,
        typer.Option(
            help="JSON of a valid infer request of two rows, if metadata says too little.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option(help='Sent with every request: "Name: value".')
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    console = Console()
    request = None if example is None else json.loads(example.read_text())
    pairs = [line.partition(":") for line in header or ()]
    headers = {name.strip(): value.strip() for name, _, value in pairs}
    found = {name: list(run_table(Subject(url, name, request, headers))) for name in model}
    counts = Counter(one.verdict for outcomes in found.values() for one in outcomes)
    if as_json:
        print(json.dumps({name: list(map(_plain, all_)) for name, all_ in found.items()}, indent=1))
    else:
        for name, outcomes in found.items():
            console.print(_drawn(name, outcomes))
        console.print(", ".join(f"{counts[verdict]} {verdict}" for verdict in STYLES))
    raise typer.Exit(1 if counts["failed"] or not counts["passed"] else 0)


def _plain(outcome: Outcome) -> dict[str, str]:
    case, verdict, why = outcome
    return {"section": case.section, "case": case.name, "verdict": verdict, "why": why}


def _drawn(name: str, outcomes: list[Outcome]) -> Table:
    table = Table("section", "case", "verdict", "why", title=name)
    for case, verdict, why in outcomes:
        table.add_row(case.section, case.name, f"[{STYLES[verdict]}]{verdict}", why)
    return table


if __name__ == "__main__":
    app = typer.Typer(add_completion=False)
    app.command(help=HELP)(main)
    app()
