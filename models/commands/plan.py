"""`python -m models plan`: which way of computing a version is fastest, and the proof."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from models.commands.options import DEFAULT_STORE, Json, Name, StoreFolder, print_json
from models.console import console
from models.errors import StoreError
from models.manifest import Manifest
from models.plans.apart import plan_version
from models.plans.choose import choose
from models.plans.kept import NoPlan, read_plan
from models.plans.key import key_here
from models.plans.make import Tell
from models.plans.plan import EXACT, SCIKIT, SIZES, Plan, Tried, Trust, words_of
from models.store import ARTEFACT, PRODUCTION, Store

EXAMPLE: Final = "Example: python -m models plan iris 2 --again"
WORDS: Final = {
    "forms": "looking for forms",
    "rows": "making rows",
    "compare": "comparing with scikit-learn",
    "time": "timing",
}

MakePlan = Annotated[
    bool,
    typer.Option(
        "--plan/--no-plan",
        envvar="PERCORE_PLAN",
        help="Afterwards find the fastest way of computing it that answers as scikit-learn does.",
    ),
]


def plan_command(
    name: Name,
    version: Annotated[
        int | None, typer.Argument(help="A version; the production one if left out.")
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="Take forms whose numbers differ by up to this, absolute below 1 and relative"
            f" above; labels are equal in any case. Left out, it is {EXACT:g}. Start the service"
            " with --plans close --plan-tolerance to use them.",
            min=0.0,
            max=0.1,
            show_default=False,
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Make the plan anew, though there is one.")
    ] = False,
    store: StoreFolder = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Show a version's plan for this machine; make one if there is none.

    Every form of the model is compared with scikit-learn on thousands of rows that are chosen to
    hurt, and timed. The plan lies beside the version; the service uses it after its next start,
    reload or swap.
    """
    kept = Store(store)
    number = kept.resolve(name, PRODUCTION if version is None else version)
    manifest = kept.manifest(name, number)
    trust = Trust() if tolerance is None else Trust(policy="close", tolerance=tolerance)
    plan = None if again else _kept_plan(kept, manifest)
    if plan is None:
        with progress(f"plan {name} {number}") as tell:
            plan = plan_version(kept, name, number, trust, tell)
    elif plan.trust != trust:
        plan = plan.model_copy(update={"trust": trust, "ranges": choose(plan.tried, trust, plan)})
    if as_json:
        print_json(plan.model_dump(mode="json"))
    else:
        for part in plan_words(plan):
            console().print(part, soft_wrap=True)


def make_plan_of(store: Store, name: str, version: int, *, as_json: bool) -> None:
    """Make the plan of what was just published; say so, and say if there can be none."""
    screen = console(stderr=as_json)
    try:
        with progress(f"plan {name} {version}") as tell:
            plan = plan_version(store, name, version, Trust(), tell)
    except (StoreError, OSError) as error:
        screen.print(f"no plan, so scikit-learn computes it: {error}", soft_wrap=True)
    else:
        screen.print(f"plan of {name} {version}: {words_of(plan.ranges)}", soft_wrap=True)


@contextmanager
def progress(title: str) -> Iterator[Tell]:
    """Show how far a plan is, on stderr; a log gets nothing."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield lambda _doing, _part: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[doing]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task(title, total=1.0, doing="")
        yield lambda doing, part: bar.update(task, completed=part, doing=WORDS.get(doing, doing))


def plan_words(plan: Plan) -> Iterator[Table | str]:
    """Return what people see of a plan."""
    table = Table("form", "", "labels", "largest difference", title=f"{plan.name} {plan.version}")
    for size in SIZES:
        table.add_column(f"{size:,} rows, us", justify="right")
    for one in plan.tried:
        times = [_time(one, size) for size in SIZES]
        table.add_row(one.form, *map(Text, (*_verdict(one, plan.trust), *times)))
    yield table
    if plan.rows:
        yield (
            f"{plan.rows:,} rows compared, on and beside {plan.thresholds_met:,} of"
            f" {plan.thresholds:,} split thresholds; {plan.failing_rows:,} more fail in"
            f" scikit-learn, too; {plan.seconds:.1f} s"
        )
    yield f"chosen: {words_of(plan.ranges)}"


def _kept_plan(store: Store, manifest: Manifest) -> Plan | None:
    try:
        return read_plan(store, manifest, key_here(manifest.files[ARTEFACT].sha256))
    except NoPlan:
        return None


def _verdict(one: Tried, trust: Trust) -> tuple[str, str, str]:
    if one.form == SCIKIT:
        return "what the others are compared with", "", ""
    if one.objection:
        return f"not used: {one.objection}", "", ""
    labels = f"{one.labels_differ:,} differ" if one.labels_differ else "equal"
    words = "verified" if one.is_verified(trust) else "not used"
    return words, labels, f"{one.largest_difference:.1e}" if one.largest_difference else "none"


def _time(one: Tried, size: int) -> str:
    found: Any = one.median_us(size)
    return "" if found == float("inf") else f"{found:,.1f}"
