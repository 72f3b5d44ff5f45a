"""All forms of one estimator."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from models.forms.errors import NoForm
from models.forms.form import Form, Name
from models.forms.lean import lean
from models.forms.scikit import ScikitForm
from models.schema import TabularSchema

_BUILDERS: Final[dict[Name, Callable[[Any, TabularSchema], Form]]] = {"lean": lean}


def candidates(
    estimator: Any, schema: TabularSchema, names: Sequence[Name] | None = None
) -> list[Form]:
    """Return the forms that apply, scikit-learn first.

    That a form is built says that everything in the estimator is known; whether it answers as
    the estimator does is for the caller to verify.

    Args:
        estimator: fitted. It is not changed, and forms share its arrays.
        schema: what it takes.
        names: which forms are asked for; all of them if left out. Only what a form that was asked
            for needs is imported. The estimator itself always comes first.
    """
    found: list[Form] = [ScikitForm(estimator)]
    for name, build in _BUILDERS.items():
        if names is None or name in names:
            try:
                found.append(build(estimator, schema))
            except NoForm:
                continue
    return found
