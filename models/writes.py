"""Does a model write into the rows that it is given?

The service asks some rows twice: for labels and for probabilities, or each request alone if all
together fail. So a second answer must be the first.
"""

from typing import Final

import numpy as np
import pandas as pd

from models.errors import RefusedModel
from models.estimators import Estimator, answer
from models.rows import Rows

SHOWN_COLUMNS: Final = 3


def refuse_if_writes_matter(model: Estimator, X: Rows) -> None:
    """Ask the same rows twice, if the first time changes them.

    Args:
        model: a fitted estimator that takes the rows.
        X: stays as it is.

    Raises:
        RefusedModel: the second answer is another one, or none.
    """
    given = X.copy()
    first = np.asarray(answer(model, given))
    changed = _changed(X, given)
    if not changed:
        return
    try:
        again = np.asarray(answer(model, given))
        same = first.shape == again.shape and bool((first == again).all())
    except Exception:
        same = False
    if not same:
        raise RefusedModel(
            f"the model writes into the rows that it is given ({changed}), and does not answer them"
            " the same again, as it has to where labels and probabilities are asked: look for a"
            " step whose function assigns to its argument, and let it begin with X = X.copy()"
        )


def _changed(before: Rows, after: Rows) -> str:
    """Return what is different, in words; "" if nothing is."""
    old, new = pd.DataFrame(before), pd.DataFrame(after)
    names = [
        str(name)
        for name in dict.fromkeys([*old.columns, *new.columns])
        if name not in old or name not in new or not old[name].equals(new[name])
    ]
    if names and isinstance(before, pd.DataFrame):
        shown = ", ".join(names[:SHOWN_COLUMNS]) + (", …" if len(names) > SHOWN_COLUMNS else "")
        return f"columns: {shown}"
    return "an array" if names else ""
