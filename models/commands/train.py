"""`python -m models train`: specifications and presets."""

from pathlib import Path
from typing import Annotated, Any

import typer

from models.commands.options import (
    DEFAULT_STORE,
    DataRoot,
    Json,
    Master,
    StoreFolder,
    WorkFolder,
    print_json,
)
from models.commands.plan import MakePlan, make_plan_of
from models.commands.specified import TOML, Teller, job_of, train_specification
from models.console import console, output_kept, published_words, stage_table
from models.presets import PRESETS
from models.store import Store
from models.train import train as train_preset

What = Annotated[
    list[str] | None,
    typer.Argument(
        help=f"Specification files (TOML), or any of: {', '.join(PRESETS)}.", show_default=False
    ),
]
EXAMPLE = "Example: python -m models train students.toml --store store"


def train_command(  # noqa: PLR0913, PLR0917  # an option each
    what: What = None,
    all_presets: Annotated[bool, typer.Option("--all", help="Train every preset.")] = False,
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help="Leave names alone that have a version.")
    ] = False,
    seed: Annotated[
        int, typer.Option(help="Of a preset: for data, split and estimator.", min=0)
    ] = 0,
    data: DataRoot = None,
    work: WorkFolder = None,
    master: Master = "",
    plan: MakePlan = True,
    store: StoreFolder = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Train: fit, judge on held-out rows, prove the stored copy, and publish.

    A specification says where rows come from, what features they make, what to fit how often, and
    when to promote; `draft` writes one from a table. Presets bring their own data.
    """
    named = what or []
    files = [Path(name) for name in named if name.endswith(TOML)]
    presets = [name for name in named if not name.endswith(TOML)]
    published = [
        train_specification(Teller(job_of(file, store, data, work), plan, as_json), master)
        for file in files
    ]
    chosen = _chosen_presets(presets, all_presets) if presets or all_presets or not files else []
    kept = Store(store)
    for name in chosen:
        if if_missing and kept.versions(name):
            console(stderr=as_json).print(f"{name} is there; left alone")
        else:
            published.append(_train_preset(name, kept, seed, plan=plan, as_json=as_json))
    if as_json:
        print_json(published)


def _train_preset(
    name: str, store: Store, seed: int, *, plan: bool, as_json: bool
) -> dict[str, Any]:
    """Train a preset, and say what came of it; return that for programs."""
    with (
        output_kept(for_program=as_json),
        stage_table(f"train {name}", stderr=as_json) as stages,
    ):
        done = train_preset(PRESETS[name], store, seed, stages)
    console(stderr=as_json).print(published_words(done, store))
    if plan:
        make_plan_of(store, name, done.manifest.version, as_json=as_json)
    return {"name": name, "version": done.manifest.version, "metrics": done.manifest.metrics}


def _chosen_presets(names: list[str], everything: bool) -> list[str]:
    unknown = [name for name in names if name not in PRESETS]
    if unknown:
        raise typer.BadParameter(f"no preset {unknown[0]!r}; there are: {', '.join(PRESETS)}")
    if bool(names) == everything:
        raise typer.BadParameter(f"name presets ({', '.join(PRESETS)}) or say --all")
    return list(PRESETS) if everything else names
