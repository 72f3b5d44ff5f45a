"""What several commands share: options, and JSON for programs."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer

StoreFolder = Annotated[Path, typer.Option("--store", help="The model store's folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]
Name = Annotated[str, typer.Argument(help="The model's name in the store.", show_default=False)]
DataRoot = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="The data root: every path of a specification's source is below it. The"
        " specification's folder if left out.",
    ),
]
WorkFolder = Annotated[
    Path | None,
    typer.Option(
        "--work",
        help="For what is kept between runs: rejected rows, the journal of fits, the history, the"
        " high-water mark, parts of a watched folder. work/NAME if left out.",
    ),
]
Master = Annotated[
    str,
    typer.Option(
        "--master", help='Of engine = "spark": local[2], yarn, spark://…', show_default=False
    ),
]

DEFAULT_STORE: Final = Path("store")


def print_json(value: object) -> None:
    """Print a value as JSON, a number alone on its line."""
    typer.echo(json.dumps(value, indent=None if isinstance(value, int) else 1))
