"""All forms of one estimator."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final, TypeAlias

from models.forms.errors import NoForm
from models.forms.form import Form, Name
from models.forms.lean import lean
from models.forms.scikit import ScikitForm
from models.schema import TabularSchema

_Builder: TypeAlias = Callable[[Any, TabularSchema], Form]

_OPTIONAL: Final[dict[Name, str]] = {"walked": "models.forms.walked"}
"""Forms of an optional extra → the module that needs it, with a function of the form's name."""


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
    wanted: Sequence[Name] = ("lean", *_OPTIONAL) if names is None else names
    for name in ("lean", *_OPTIONAL):
        build = _builder(name) if name in wanted else None
        if build is not None:
            try:
                found.append(build(estimator, schema))
            except NoForm:
                continue
    return found


def _builder(name: Name) -> _Builder | None:
    """Return what builds a form; None where its extra is not installed."""
    if name == "lean":
        return lean
    try:
        module = import_module(_OPTIONAL[name])
    except ImportError:
        return None
    builder: _Builder = getattr(module, name)
    return builder
