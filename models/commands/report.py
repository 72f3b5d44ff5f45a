"""`python -m models report`: where a version's report is."""

import shutil
from pathlib import Path
from typing import Annotated, Final

import typer

from models.errors import StoreError
from models.store import PRODUCTION, Store

EXAMPLE: Final = "Example: python -m models report students 3 --open"
PAGE: Final = "report/index.html"


def report_command(
    name: Annotated[str, typer.Argument(help="The model's name in the store.")],
    version: Annotated[
        int | None, typer.Argument(help="A version; the production one if left out.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Copy the page and its plots into this folder.")
    ] = None,
    store: Annotated[Path, typer.Option("--store", help="The model store's folder.")] = Path(
        "store"
    ),
) -> None:
    """Print the path of a version's report, once its files are those that were published."""
    kept = Store(store)
    number = kept.resolve(name, PRODUCTION if version is None else version)
    manifest = kept.check_files(name, number)
    if PAGE not in manifest.files:
        raise StoreError(
            f"{name} {number} has no report: versions have one that a specification made,"
            " by python -m models train FILE.toml"
        )
    page = kept.folder(name, number) / PAGE
    if out is not None:
        shutil.copytree(page.parent, out, dirs_exist_ok=True)
        page = out / page.name
    typer.echo(str(page.resolve()))
    if open_page:
        typer.launch(page.resolve().as_uri())
