"""Classes of estimators by name."""

import difflib
import importlib
import inspect
from functools import cache
from typing import Any, Final, Literal

from sklearn.utils.discovery import all_estimators

from models.errors import BadSpecification
from models.fit import boosters

Task = Literal["classification", "regression"]

_KINDS: Final[dict[Task, Literal["classifier", "regressor"]]] = {
    "classification": "classifier",
    "regression": "regressor",
}


def class_named(name: str, task: Task) -> type:
    """Return the class of an estimator.

    Args:
        name: a class of scikit-learn, XGBoost or LightGBM, or "package.module:Class".
        task: what it is for.

    Raises:
        BadSpecification: there is none, it is for another task, or its library is missing.
    """
    if ":" in name:
        return _imported(name)
    if name in boosters.NAMES and name.endswith(_suffix(task)):
        return boosters.booster(name)
    known = _of_scikit_learn(task)
    if name in known:
        return known[name]
    raise BadSpecification(f"fit.estimator {name!r}: {_why_not(name, task, [*known])}")


def parameters_of(kind: type) -> list[str]:
    """Return the names of the parameters that a class takes by itself."""
    names = inspect.signature(kind).parameters
    varying = any(one.kind is one.VAR_KEYWORD for one in names.values())
    # Boosters write some of theirs as **kwargs, and tell them all by get_params.
    known: list[str] = list(kind().get_params()) if varying else list(names)
    return [name for name in known if name != "kwargs"]


def _suffix(task: Task) -> str:
    return _KINDS[task].capitalize()


@cache
def _of_scikit_learn(task: Task) -> dict[str, type]:
    # Every module of scikit-learn is imported for it, which takes a second.
    return dict(all_estimators(_KINDS[task]))


def _why_not(name: str, task: Task, known: list[str]) -> str:
    known = [*known, *(one for one in boosters.NAMES if one.endswith(_suffix(task)))]
    close = difflib.get_close_matches(name, known, 3, 0.5)
    instead = f"; near it: {', '.join(close)}" if close else ""
    other: Task = "regression" if task == "classification" else "classification"
    if name in _of_scikit_learn(other) or name in boosters.NAMES:
        return f"it is for {other}, and the task is {task}{instead}"
    return (
        f"scikit-learn, XGBoost and LightGBM have no {_KINDS[task]} of this name{instead}; one of"
        ' your own is named "package.module:Class"'
    )


def _imported(name: str) -> type:
    module_name, _, class_name = name.partition(":")
    if module_name == "__main__":
        raise BadSpecification(
            f"fit.estimator {name!r}: a class of __main__ lives in one script only; move it into a"
            " module that is installed where the model is served"
        )
    try:
        found: Any = getattr(importlib.import_module(module_name), class_name, None)
    except ImportError as error:
        raise BadSpecification(
            f"fit.estimator {name!r}: the module cannot be imported ({error}); install it, or put"
            " its folder into PYTHONPATH, here and where the model is served"
        ) from error
    if not (inspect.isclass(found) and hasattr(found, "fit") and hasattr(found, "get_params")):
        raise BadSpecification(
            f"fit.estimator {name!r}: {module_name} has no class {class_name!r} with fit and"
            " get_params, as scikit-learn's estimators have them"
        )
    return found
