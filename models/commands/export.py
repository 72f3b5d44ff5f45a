"""`python -m models export`: a stored version's parameters for other languages."""

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from models.console import console
from models.export import KINDS, write_exports
from models.store import PRODUCTION, Store
from models.stored import load_stored

EXAMPLE: Final = "Example: python -m models export iris --as weights --as onnx --out exported"


def export_command(
    name: Annotated[str, typer.Argument(help="The model's name in the store.")],
    version: Annotated[
        int | None, typer.Argument(help="A version; the production one if left out.")
    ] = None,
    kinds: Annotated[
        list[str] | None, typer.Option("--as", help=f"{', '.join(KINDS)}; may be given again.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder of the files; it is made.")] = Path(),
    store: Annotated[Path, typer.Option("--store", help="The model store's folder.")] = Path(
        "store"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """Write a version's weights, trees, support vectors, ONNX or skops, each tried before.

    The stored file is loaded, which runs code from it, once its bytes are as they were published.
    """
    wanted = kinds or []
    unknown = [kind for kind in wanted if kind not in KINDS]
    if unknown or not wanted:
        said = f"{unknown[0]!r} is none of them" if unknown else "say which"
        raise typer.BadParameter(f"{said}: {', '.join(KINDS)}", param_hint="--as")
    stored = load_stored(Store(store), name, PRODUCTION if version is None else version)
    done: list[dict[str, Any]] = []
    for one in write_exports(stored.model, wanted, stored.manifest, out):
        files = [str(out / file) for file in one.files]
        done.append({"kind": one.kind, "files": files, "words": one.words})
        if not as_json:
            console().print(f"{one.kind}: {', '.join(files)} ({one.words})", soft_wrap=True)
    if as_json:
        typer.echo(json.dumps(done, indent=1))
