"""`python -m models register`: a model that somebody else fitted."""

from pathlib import Path
from typing import Annotated

import typer

from models.commands.options import DEFAULT_STORE, StoreFolder, print_json
from models.commands.plan import MakePlan, make_plan_of
from models.console import console, output_kept, published_words, stage_table
from models.policies import Rule, read_rule
from models.register import Registration
from models.register import register as register_model
from models.store import Store

EXAMPLE = "Example: python -m models register my.joblib --name churn --sample rows.csv"


def register_command(  # noqa: PLR0913, PLR0917  # an option each
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
    plan: MakePlan = True,
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
    if plan:
        make_plan_of(kept, name, done.manifest.version, as_json=as_json)
    if as_json:
        print_json(done.manifest.version)


def _rule(text: str) -> Rule:
    try:
        return read_rule(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--policy") from error
