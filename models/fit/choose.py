"""All of [fit]: the runs, the best of them, and the learning curve."""

from dataclasses import replace

from models.errors import BadData, FitFailed
from models.fit.best import best_of
from models.fit.curve import learning_curve
from models.fit.progress import Progress, silent
from models.fit.run import Chosen
from models.fit.table import Table
from models.places import Places
from models.spec import Specification


def choose(spec: Specification, known: Table, places: Places, tell: Progress = silent) -> Chosen:
    """Return the best of the runs, with its learning curve if one is asked for.

    A learning curve that cannot be had is told in the notes: it is no reason to lose the winner.

    Args:
        spec: whose [fit].
        known: rows that runs may see; no held-out ones.
        places: where the journal is.
        tell: told of what happens.

    Raises:
        BadSpecification: the specification names what there is not.
        BadData: the rows cannot be divided as it says.
        FitFailed: every run failed, and why.
    """
    chosen = best_of(spec, known, places, tell)
    if spec.fit.curve is None:
        return chosen
    try:
        curve = learning_curve(spec, known, chosen.best, places, tell)
    except (BadData, FitFailed) as error:
        return replace(chosen, notes=(*chosen.notes, f"no learning curve: {error}"))
    return replace(chosen, curve=curve)
