"""`python -m models draft`: a first specification, from a table."""

import json
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from models.extract.draft import Task, draft

EXAMPLE = "Example: python -m models draft students.csv --target G3 > students.toml"


def draft_command(
    file: Annotated[Path, typer.Argument(help="Delimited text, JSON lines (.jsonl) or Parquet.")],
    target: Annotated[str, typer.Option(help="The column to predict.")],
    name: Annotated[str, typer.Option(help="The model's name; after the file if left out.")] = "",
    task: Annotated[
        Task | None, typer.Option(help="Judged by the target's values if left out.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, without the comments, for a program.")
    ] = False,
) -> None:
    """Print a specification drafted from a table: types, missing values, features, a model.

    It is a beginning: read it, correct what data alone cannot tell, and train it.
    """
    text = draft(file, target, name, task)
    typer.echo(json.dumps(tomllib.loads(text), indent=1) if as_json else text, nl=as_json)
