"""`python -m models score-spark`: a stored model over any number of rows, by Spark."""

from collections.abc import Sequence
from typing import Annotated, Literal

import typer

from models.commands.options import DEFAULT_STORE, StoreFolder
from models.console import console
from models.errors import BadData
from models.store import PRODUCTION, Store

EXAMPLE = (
    "Example: python -m models score-spark --store store --model churn --in rows.parquet"
    " --out scored --master local[4]"
)

Format = Literal["parquet", "csv", "json", "orc"]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="KEY=VALUE for Spark; may be given again.", show_default=False),
]


def score_spark_command(  # noqa: PLR0913, PLR0917  # an option each
    model: Annotated[str, typer.Option("--model", help="The model's name in the store.")],
    rows: Annotated[
        str, typer.Option("--in", help="Files that Spark reads: a path or URL that it knows.")
    ],
    out: Annotated[str, typer.Option("--out", help="The folder that Spark writes.")],
    store: StoreFolder = DEFAULT_STORE,
    version: Annotated[
        str, typer.Option("--version", help="A version's number, or an alias.")
    ] = PRODUCTION,
    format_in: Annotated[
        Format, typer.Option("--in-format", help="What the files are; CSV has a header.")
    ] = "parquet",
    format_out: Annotated[Format, typer.Option("--out-format", help="What is written.")] = (
        "parquet"
    ),
    master: Annotated[
        str,
        typer.Option(
            help="local[N], yarn, spark://HOST:PORT, k8s://URL. If left out, that of spark-submit,"
            " or local[2].",
            show_default=False,
        ),
    ] = "",
    memory: Annotated[
        str, typer.Option(help="The driver's memory, where this command starts the JVM.")
    ] = "2g",
    setting: Settings = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
) -> None:
    """Add predictions of a stored model to rows; every input column stays as it is.

    Adds `prediction`, `probabilities` (in the order of the model's classes, see `show`) and
    `prediction_error`: why a row has no prediction, if it has none.
    """
    settings = settings_of(setting or [])
    try:
        from models.spark.batch import Batch, score_files  # noqa: PLC0415
        from models.spark.session import Session  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise BadData(
            f"{error.name} is not installed; install Percore with the extra: percore[spark]"
        ) from error
    batch = Batch(rows, out, format_in, format_out, overwrite)
    which = int(version) if version.isdigit() else version
    screen = console()
    screen.print(f"scoring {rows} with {model} {version} …")
    done = score_files(Session(master, memory, settings), batch, Store(store), (model, which))
    screen.print(f"{done.rows:,} rows written to {out} with {model} {done.version}")
    for reason, count in done.errors.items():
        screen.print(f"  {count:>9,} without a prediction: {reason}")


def settings_of(given: Sequence[str]) -> dict[str, str]:
    """Return KEY=VALUE pairs.

    Raises:
        typer.BadParameter: one of them is no pair.
    """
    pairs = [text.partition("=") for text in given]
    for key, sign, _ in pairs:
        if not sign or not key:
            raise typer.BadParameter(f"{key!r} is not KEY=VALUE", param_hint="--set")
    return {key: value for key, _, value in pairs}
