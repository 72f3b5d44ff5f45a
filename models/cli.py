"""`python -m models`: every command of the life cycle, by name.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
"""

import sys

import typer

from models.commands import (
    draft,
    export,
    extract,
    plan,
    register,
    report,
    retrain,
    score_spark,
    train,
    versions,
)
from models.console import console
from models.errors import StoreError

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


@app.callback()
def life_cycle() -> None:
    """Train models, register foreign ones, and keep their versions."""


app.command("draft", epilog=draft.EXAMPLE)(draft.draft_command)
app.command("extract", epilog=extract.EXAMPLE)(extract.extract_command)
app.command("train", epilog=train.EXAMPLE)(train.train_command)
app.command("retrain", epilog=retrain.EXAMPLE)(retrain.retrain_command)
app.command("register", epilog=register.EXAMPLE)(register.register_command)
app.command("plan", epilog=plan.EXAMPLE)(plan.plan_command)
app.command("list", epilog=versions.LIST_EXAMPLE)(versions.list_command)
app.command("show", epilog=versions.SHOW_EXAMPLE)(versions.show_command)
app.command("report", epilog=report.EXAMPLE)(report.report_command)
app.command("promote", epilog=versions.PROMOTE_EXAMPLE)(versions.promote_command)
app.command("rollback", epilog=versions.ROLLBACK_EXAMPLE)(versions.rollback_command)
app.command("verify", epilog=versions.VERIFY_EXAMPLE)(versions.verify_command)
app.command("export", epilog=export.EXAMPLE)(export.export_command)
app.command("score-spark", epilog=score_spark.EXAMPLE)(score_spark.score_spark_command)


def run() -> None:
    """Run the command line; what goes wrong is said in a sentence."""
    try:
        app(prog_name="python -m models")
    except (StoreError, OSError) as error:
        console(stderr=True).print(f"error: {error}", soft_wrap=True)
        sys.exit(1)
