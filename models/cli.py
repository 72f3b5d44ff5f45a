"""`python -m models`: train, register, list, show, promote, rollback, verify."""

from pathlib import Path
from typing import Annotated

import typer

from models.presets import PRESETS
from models.stages import Stages
from models.store import Store
from models.train import train as train_preset

app = typer.Typer(no_args_is_help=True)

StoreOption = Annotated[Path, typer.Option("--store", help="Folder of the model store.")]


@app.callback()
def main() -> None:
    """Train, register and look after model versions."""


@app.command()
def train(
    presets: Annotated[list[str], typer.Argument(help="Presets to train.")],
    store: StoreOption = Path("store"),
    seed: int = 0,
) -> None:
    """Train presets."""
    for name in presets:
        done = train_preset(PRESETS[name], Store(store), seed, Stages(finished=lambda s: typer.echo(s)))
        typer.echo(f"{name} {done.manifest.version} {done.proof}")
