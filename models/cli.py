"""`python -m models`: draft, extract, train, register, list, show, promote, rollback, verify.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from models.commands.cycle import (
    RETRAIN_EXAMPLE,
    TOML,
    job_of,
    retrain_command,
    train_specification,
)
from models.commands.draft import EXAMPLE as DRAFT_EXAMPLE
from models.commands.draft import draft_command
from models.commands.export import EXAMPLE as EXPORT_EXAMPLE
from models.commands.export import export_command
from models.commands.extract import EXAMPLE as EXTRACT_EXAMPLE
from models.commands.extract import extract_command
from models.commands.report import EXAMPLE as REPORT_EXAMPLE
from models.commands.report import report_command
from models.console import (
    console,
    finding_table,
    manifest_tables,
    output_kept,
    published_words,
    rows_of,
    stage_table,
    version_table,
)
from models.errors import StoreError
from models.policies import Rule, read_rule
from models.presets import PRESETS
from models.register import Registration
from models.register import register as register_model
from models.store import PRODUCTION, Store
from models.train import train as train_preset
from models.verify import verify as verify_version

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

StoreFolder = Annotated[Path, typer.Option("--store", help="The model store's folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]
Name = Annotated[str, typer.Argument(help="The model's name in the store.", show_default=False)]

DEFAULT_STORE = Path("store")


@app.callback()
def life_cycle() -> None:
    """Train models, register foreign ones, and keep their versions."""


@app.command(epilog="Example: python -m models train students.toml --store store")
def train(  # noqa: PLR0913, PLR0917  # an option each
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help=f"Specification files (TOML), or any of: {', '.join(PRESETS)}.",
            show_default=False,
        ),
    ] = None,
    all_presets: Annotated[bool, typer.Option("--all", help="Train every preset.")] = False,
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help="Leave names alone that have a version.")
    ] = False,
    seed: Annotated[
        int, typer.Option(help="Of a preset: for data, split and estimator.", min=0)
    ] = 0,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Of a specification: every path of its source is below this folder; the file's"
            " own if left out."
        ),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(
            help="Of a specification: for rejected rows, the journal of fits and the history;"
            " work/NAME if left out."
        ),
    ] = None,
    master: Annotated[
        str, typer.Option(help='Of engine = "spark": local[2], yarn, spark://…')
    ] = "",
    store: StoreFolder = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Train: fit, judge on held-out rows, prove the stored copy, and publish.

    A specification says where rows come from, what features they make, what to fit how often, and
    when to promote; `draft` writes one from a table. Presets bring their own data.
    """
    files = [Path(name) for name in what or [] if name.endswith(TOML)]
    published = [
        train_specification(job_of(file, store, data, work), master, as_json=as_json)
        for file in files
    ]
    presets = [name for name in what or [] if not name.endswith(TOML)]
    chosen = _chosen_presets(presets, all_presets) if presets or not files else []
    kept = Store(store)
    for name in chosen:
        if if_missing and kept.versions(name):
            console(stderr=as_json).print(f"{name} is there; left alone")
            continue
        with (
            output_kept(for_program=as_json),
            stage_table(f"train {name}", stderr=as_json) as stages,
        ):
            done = train_preset(PRESETS[name], kept, seed, stages)
        console(stderr=as_json).print(published_words(done, kept))
        published.append(
            {"name": name, "version": done.manifest.version, "metrics": done.manifest.metrics}
        )
    if as_json:
        _print_json(published)


@app.command(epilog="Example: python -m models register my.joblib --name churn --sample rows.csv")
def register(  # noqa: PLR0913, PLR0917  # an option each
    file: Annotated[Path, typer.Argument(help="A fitted model, written by joblib.dump.")],
    name: Annotated[str, typer.Option(help="The model's name in the store.")],
    sample: Annotated[
        Path,
        typer.Option(
            help="Rows like the training rows: CSV with column names, Parquet, or a folder of"
            " pictures."
        ),
    ],
    description: Annotated[str, typer.Option(help="A sentence or two for people.")] = "",
    policy: Annotated[
        list[str] | None,
        typer.Option(
            help="COLUMN:KIND=VALUE, for values that training did not know. KIND: unknown (a"
            " category), missing or out_of_range. VALUE: reject, accept (as the fitted pipeline"
            " does) or flag (accept, and say so in the answer). COLUMN may be * for every one."
            " May be given again; what is not given follows from the pipeline.",
            show_default=False,
        ),
    ] = None,
    store: StoreFolder = DEFAULT_STORE,
    as_json: Annotated[bool, typer.Option("--json", help="Print the version alone.")] = False,
) -> None:
    """Check a model that somebody else fitted, and publish it.

    Loading a joblib file runs code from it: register only files that you trust.
    """
    rules = tuple(map(_rule, policy or ()))
    kept = Store(store)
    with (
        output_kept(for_program=as_json),
        stage_table(f"register {name}", stderr=as_json) as stages,
    ):
        given = Registration(file, sample, name, description, rules)
        done = register_model(given, kept, stages)
    console(stderr=as_json).print(published_words(done, kept))
    if as_json:
        _print_json(done.manifest.version)


@app.command("list", epilog="Example: python -m models list --json")
def list_versions(store: StoreFolder = DEFAULT_STORE, as_json: Json = False) -> None:
    """List every version of every model."""
    rows = rows_of(Store(store))
    if as_json:
        _print_json(
            [
                {
                    "name": row.name,
                    "version": row.version,
                    "aliases": row.aliases,
                    "task": row.manifest and row.manifest.task,
                    "metrics": row.manifest and row.manifest.metrics,
                    "created_at": row.manifest and row.manifest.created_at.isoformat(),
                }
                for row in rows
            ]
        )
    elif rows:
        console().print(version_table(rows))
    else:
        console().print(f"{store} holds no models yet; python -m models train --all makes some")


@app.command(epilog="Example: python -m models show iris 2")
def show(
    name: Name,
    version: Annotated[
        int | None, typer.Argument(help="A version; the production one if left out.")
    ] = None,
    store: StoreFolder = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Show what a version takes, answers and was made of."""
    kept = Store(store)
    manifest = kept.manifest(name, kept.resolve(name, PRODUCTION if version is None else version))
    if as_json:
        typer.echo(manifest.to_json(), nl=False)
        return
    aliases = [alias for alias, at in kept.aliases(name).items() if at == manifest.version]
    for part in manifest_tables(manifest, aliases):
        console().print(part)


@app.command(epilog="Example: python -m models promote iris 2")
def promote(
    name: Name,
    version: Annotated[int, typer.Argument(help="The version to serve.", show_default=False)],
    store: StoreFolder = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Make a version the production one; the former one becomes previous."""
    _print_aliases(name, Store(store).promote(name, version), as_json)


@app.command(epilog="Example: python -m models rollback iris")
def rollback(name: Name, store: StoreFolder = DEFAULT_STORE, as_json: Json = False) -> None:
    """Swap the production and the previous version."""
    _print_aliases(name, Store(store).roll_back(name), as_json)


@app.command(epilog="Example: python -m models verify iris 2")
def verify(
    name: Annotated[str | None, typer.Argument(help="A model; all of them if left out.")] = None,
    version: Annotated[int | None, typer.Argument(help="A version; all if left out.")] = None,
    store: StoreFolder = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Check files' hashes, library versions, and golden rows in a fresh process."""
    kept = Store(store)
    results: list[dict[str, Any]] = []
    for model in kept.names() if name is None else [name]:
        wanted = kept.versions(model) if version is None else [version]
        for number in wanted or [kept.resolve(model)]:
            findings = verify_version(kept, model, number)
            ok = all(finding.ok for finding in findings)
            results.append({"name": model, "version": number, "ok": ok})
            results[-1]["findings"] = [asdict(finding) for finding in findings]
            if not as_json:
                console().print(finding_table(f"{model} {number}", findings))
    if as_json:
        _print_json(results)
    if not all(result["ok"] for result in results):
        raise typer.Exit(1)


app.command("extract", epilog=EXTRACT_EXAMPLE)(extract_command)
app.command("report", epilog=REPORT_EXAMPLE)(report_command)
app.command("export", epilog=EXPORT_EXAMPLE)(export_command)
app.command("retrain", epilog=RETRAIN_EXAMPLE)(retrain_command)
app.command("draft", epilog=DRAFT_EXAMPLE)(draft_command)


def run() -> None:
    """Run the command line; what goes wrong is said in a sentence."""
    try:
        app(prog_name="python -m models")
    except (StoreError, OSError) as error:
        console(stderr=True).print(f"error: {error}", soft_wrap=True)
        sys.exit(1)


def _rule(text: str) -> Rule:
    try:
        return read_rule(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--policy") from error


def _chosen_presets(names: list[str], everything: bool) -> list[str]:
    unknown = [name for name in names if name not in PRESETS]
    if unknown:
        raise typer.BadParameter(f"no preset {unknown[0]!r}; there are: {', '.join(PRESETS)}")
    if bool(names) == everything:
        raise typer.BadParameter(f"name presets ({', '.join(PRESETS)}) or say --all")
    return list(PRESETS) if everything else names


def _print_aliases(name: str, aliases: dict[str, int], as_json: bool) -> None:
    if as_json:
        _print_json(aliases)
    else:
        words = ", ".join(f"{alias} is {version}" for alias, version in aliases.items())
        console().print(f"{name}: {words}")


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=None if isinstance(value, int) else 1))
