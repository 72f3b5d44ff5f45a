"""Estimators of XGBoost and LightGBM, where they are installed."""

import importlib
from typing import Any, Final

from models.errors import BadSpecification

_LIBRARIES: Final = {
    "XGBClassifier": "xgboost",
    "XGBRegressor": "xgboost",
    "XGBRFClassifier": "xgboost",
    "XGBRFRegressor": "xgboost",
    "LGBMClassifier": "lightgbm",
    "LGBMRegressor": "lightgbm",
}

NAMES: Final = tuple(_LIBRARIES)

NEED_NUMBERED_CLASSES: Final = frozenset({"XGBClassifier", "XGBRFClassifier"})
"""They take labels 0, 1, 2 … and nothing else."""

QUIET: Final[dict[str, dict[str, Any]]] = {
    "xgboost": {"n_jobs": 1},
    "lightgbm": {"n_jobs": 1, "verbose": -1},
}
"""Parameters unless others are given: left alone, both take every core for each fit."""


def booster(name: str) -> type:
    """Return the class.

    Raises:
        BadSpecification: its library is not installed.
    """
    library = _LIBRARIES[name]
    try:
        module = importlib.import_module(library)
    except ImportError as error:
        raise BadSpecification(
            f"fit.estimator: {name} needs {library}, which is not installed here: pip install"
            " 'percore[boost]'"
        ) from error
    return getattr(module, name)  # type: ignore[no-any-return]


def quiet(name: str) -> dict[str, Any]:
    """Return the parameters that keep it to one core and silent."""
    return dict(QUIET[_LIBRARIES[name]])
