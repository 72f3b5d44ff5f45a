"""Builds the form whose trees are walked by compiled code. Importing it imports numba."""

from typing import Any

from models.forms.chain import stages
from models.forms.errors import NoForm
from models.forms.histogram import HISTOGRAMS
from models.forms.known import kind_of
from models.forms.lean import piped
from models.forms.piped import Piped
from models.forms.trees import TREES
from models.forms.walk.walks import Walks
from models.schema import TabularSchema


def walked(estimator: Any, schema: TabularSchema) -> Piped:
    """Return the walked form.

    Args:
        estimator: fitted.
        schema: what it takes.

    Raises:
        NoForm: there is none, and why.
    """
    if kind_of(stages(estimator)[-1]) not in {*TREES, *HISTOGRAMS}:
        raise NoForm("there are no trees to walk")
    return piped("walked", estimator, schema, Walks())
