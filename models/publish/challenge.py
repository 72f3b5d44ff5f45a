"""The production version and the candidate, asked for the same held-out rows."""

from collections.abc import Sequence

import pandas as pd

from models.errors import StoreError
from models.evidence import Comparison, Fitted
from models.outputs import task_of
from models.publish.gate import Contender, Metric, compare, judge
from models.rows import Rows, as_container
from models.schema import TabularSchema
from models.spec import Specification
from models.store import PRODUCTION, Store
from models.stored import Stored, load_stored


def challenge(
    spec: Specification, store: Store, fitted: Fitted, metrics: Sequence[Metric]
) -> Comparison:
    """Let a candidate and the production version answer the same rows.

    Args:
        spec: says by how much the candidate must be better, and on which slices not worse.
        store: holds the production version.
        fitted: the candidate with its held-out rows.
        metrics: the first one decides.

    Returns:
        The comparison; if the production version cannot be asked, only the reason.
    """
    version = store.resolve(spec.model.name, PRODUCTION)
    try:
        production = load_stored(store, spec.model.name, version)
        theirs = Contender(production.model, _as_it_takes(production, fitted))
    except StoreError as error:
        why = f"version {version} cannot be asked for the same rows ({error}); promote by hand"
        return Comparison(version, {}, {}, (why,))
    slices = {name: fitted.held_out[name].map(str) for name in spec.publish.slices}
    ours = Contender(fitted.chosen.model, fitted.X)
    whole, parts = compare(ours, theirs, fitted.y, slices, tuple(metrics))
    return judge(version, metrics[0], whole, parts, spec.publish)


def _as_it_takes(production: Stored, fitted: Fitted) -> Rows:
    """Return the held-out rows as the production version takes them.

    Raises:
        StoreError: it takes columns that the rows do not have, or answers another kind of thing.
    """
    if task_of(production.model) != task_of(fitted.chosen.model):
        raise StoreError(f"it is a {production.manifest.task} model")
    schema = production.manifest.input
    if not isinstance(schema, TabularSchema):
        if isinstance(fitted.X, pd.DataFrame):
            raise StoreError("it takes pictures")
        return fitted.X
    names = [column.name for column in schema.columns]
    absent = [name for name in names if name not in fitted.held_out]
    if absent:
        raise StoreError(f"it takes a column {absent[0]!r} that the specification does not have")
    return as_container(schema.container, fitted.held_out[names])
