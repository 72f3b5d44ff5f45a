"""`python -m models list`, `show`, `promote`, `rollback` and `verify`."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from models.commands.options import DEFAULT_STORE, Json, Name, StoreFolder, print_json
from models.console import console, finding_table, manifest_tables, rows_of, version_table
from models.store import PRODUCTION, Store
from models.verify import verify

LIST_EXAMPLE = "Example: python -m models list --json"
SHOW_EXAMPLE = "Example: python -m models show iris 2"
PROMOTE_EXAMPLE = "Example: python -m models promote iris 2"
ROLLBACK_EXAMPLE = "Example: python -m models rollback iris"
VERIFY_EXAMPLE = "Example: python -m models verify iris 2"


def list_command(store: StoreFolder = DEFAULT_STORE, as_json: Json = False) -> None:
    """List every version of every model."""
    rows = rows_of(Store(store))
    if as_json:
        print_json(
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


def show_command(
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


def promote_command(
    name: Name,
    version: Annotated[int, typer.Argument(help="The version to serve.", show_default=False)],
    store: StoreFolder = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Make a version the production one; the former one becomes previous."""
    _print_aliases(name, Store(store).promote(name, version), as_json)


def rollback_command(name: Name, store: StoreFolder = DEFAULT_STORE, as_json: Json = False) -> None:
    """Swap the production and the previous version."""
    _print_aliases(name, Store(store).roll_back(name), as_json)


def verify_command(
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
            findings = verify(kept, model, number)
            ok = all(finding.ok for finding in findings)
            results.append({"name": model, "version": number, "ok": ok})
            results[-1]["findings"] = [asdict(finding) for finding in findings]
            if not as_json:
                console().print(finding_table(f"{model} {number}", findings))
    if as_json:
        print_json(results)
    if not all(result["ok"] for result in results):
        raise typer.Exit(1)


def _print_aliases(name: str, aliases: dict[str, int], as_json: bool) -> None:
    if as_json:
        print_json(aliases)
    else:
        words = ", ".join(f"{alias} is {version}" for alias, version in aliases.items())
        console().print(f"{name}: {words}")
