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

_MORE: Final[dict[str, frozenset[str]]] = {
    "lightgbm": frozenset({
        "alpha", "bagging_fraction", "bagging_freq", "boost_from_average", "cat_l2",
        "cat_smooth", "data_sample_strategy", "deterministic", "device_type",
        "drop_rate", "enable_bundle", "extra_trees", "fair_c", "feature_fraction",
        "feature_fraction_bynode", "force_col_wise", "force_row_wise",
        "interaction_constraints", "is_unbalance", "lambda_l1", "lambda_l2",
        "linear_lambda", "linear_tree", "max_bin", "max_cat_threshold",
        "max_cat_to_onehot", "max_delta_step", "max_drop", "min_data_in_bin",
        "min_data_in_leaf", "min_data_per_group", "min_sum_hessian_in_leaf",
        "monotone_constraints", "monotone_constraints_method", "monotone_penalty",
        "neg_bagging_fraction", "other_rate", "path_smooth", "poisson_max_delta_step",
        "pos_bagging_fraction", "reg_sqrt", "scale_pos_weight", "sigmoid", "skip_drop",
        "top_rate", "tweedie_variance_power", "uniform_drop", "use_quantized_grad",
        "verbose", "xgboost_dart_mode",
    }),
}  # fmt: skip
"""What a library takes beside what its constructors name: LightGBM's parameters of learning. Of
**kwargs nobody could tell a misspelt name."""


def more_parameters(name: str) -> frozenset[str]:
    """Return the parameters that an estimator takes and its constructor does not name."""
    return _MORE.get(_LIBRARIES.get(name, ""), frozenset())


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
