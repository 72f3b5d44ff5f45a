"""Which estimators are known: by their very class, and with parameters that are all known.

A subclass, a method that was put into one instance, a parameter that a later version of the library
brought: each may compute something else, and nothing is guessed. Classes go by their names, so that
nothing is imported that the model at hand did not bring.
"""

import sys
from typing import Any, Final

from models.forms.errors import NoForm

_METHODS: Final = frozenset(
    {"predict", "predict_proba", "decision_function", "transform", "score_samples", "apply"}
)

_TREE: Final = (
    " ccp_alpha class_weight criterion max_depth max_features max_leaf_nodes min_impurity_decrease"
    " min_samples_leaf min_samples_split min_weight_fraction_leaf monotonic_cst random_state"
)
_ONE_TREE: Final = _TREE + " splitter"
_FOREST: Final = _TREE + " bootstrap max_samples n_estimators n_jobs oob_score verbose warm_start"
_BOOSTED: Final = _TREE + (
    " alpha init learning_rate loss n_estimators n_iter_no_change subsample tol verbose warm_start"
    " validation_fraction"
)
_HISTOGRAM: Final = (
    " categorical_features class_weight early_stopping interaction_cst l2_regularization loss"
    " learning_rate max_bins max_depth max_features max_iter max_leaf_nodes min_samples_leaf"
    " monotonic_cst n_iter_no_change quantile random_state scoring tol validation_fraction verbose"
    " warm_start"
)
_SGD: Final = (
    " alpha average class_weight early_stopping epsilon eta0 fit_intercept l1_ratio learning_rate"
    " loss max_iter n_iter_no_change n_jobs penalty power_t random_state shuffle tol verbose"
    " validation_fraction warm_start"
)
_RIDGE: Final = " alpha class_weight copy_X fit_intercept max_iter positive random_state solver tol"
_NET: Final = (
    " alpha copy_X fit_intercept l1_ratio max_iter positive precompute random_state selection tol"
    " warm_start"
)
_LINEAR_SVM: Final = (
    " C class_weight dual epsilon fit_intercept intercept_scaling loss max_iter multi_class penalty"
    " random_state tol verbose"
)

_PARAMETERS: Final[dict[str, frozenset[str]]] = {
    kind: frozenset(names.split())
    for kind, names in {
        "compose.ColumnTransformer": "n_jobs remainder sparse_threshold transformer_weights"
        " transformers verbose verbose_feature_names_out",
        "ensemble.AdaBoostClassifier": "estimator learning_rate n_estimators random_state",
        "ensemble.AdaBoostRegressor": "estimator learning_rate loss n_estimators random_state",
        "ensemble.ExtraTreesClassifier": _FOREST,
        "ensemble.ExtraTreesRegressor": _FOREST,
        "ensemble.GradientBoostingClassifier": _BOOSTED,
        "ensemble.GradientBoostingRegressor": _BOOSTED,
        "ensemble.HistGradientBoostingClassifier": _HISTOGRAM,
        "ensemble.HistGradientBoostingRegressor": _HISTOGRAM,
        "ensemble.RandomForestClassifier": _FOREST,
        "ensemble.RandomForestRegressor": _FOREST,
        "impute.SimpleImputer": "add_indicator copy fill_value keep_empty_features missing_values"
        " strategy",
        "impute.MissingIndicator": "error_on_new features missing_values sparse",
        "linear_model.ElasticNet": _NET,
        "linear_model.Lasso": _NET,
        "linear_model.LinearRegression": "copy_X fit_intercept n_jobs positive tol",
        "linear_model.LogisticRegression": "C class_weight dual fit_intercept intercept_scaling"
        " l1_ratio max_iter n_jobs penalty random_state solver tol verbose warm_start",
        "linear_model.Perceptron": _SGD,
        "linear_model.Ridge": _RIDGE,
        "linear_model.RidgeClassifier": _RIDGE,
        "linear_model.SGDClassifier": _SGD,
        "linear_model.SGDRegressor": _SGD,
        "models.LogOnePlus": "columns",
        "pipeline.Pipeline": "memory steps transform_input verbose",
        "preprocessing.FunctionTransformer": "accept_sparse check_inverse feature_names_out func"
        " inv_kw_args inverse_func kw_args validate",
        "preprocessing.KBinsDiscretizer": "dtype encode n_bins quantile_method random_state"
        " strategy subsample",
        "preprocessing.MaxAbsScaler": "clip copy",
        "preprocessing.MinMaxScaler": "clip copy feature_range",
        "preprocessing.Normalizer": "copy norm",
        "preprocessing.OneHotEncoder": "categories drop dtype feature_name_combiner handle_unknown"
        " max_categories min_frequency sparse_output",
        "preprocessing.OrdinalEncoder": "categories dtype encoded_missing_value handle_unknown"
        " max_categories min_frequency unknown_value",
        "preprocessing.RobustScaler": "copy quantile_range unit_variance with_centering"
        " with_scaling",
        "preprocessing.StandardScaler": "copy with_mean with_std",
        "preprocessing.TargetEncoder": "categories cv random_state shuffle smooth target_type",
        "svm.LinearSVC": _LINEAR_SVM,
        "svm.LinearSVR": _LINEAR_SVM,
        "tree.DecisionTreeClassifier": _ONE_TREE,
        "tree.DecisionTreeRegressor": _ONE_TREE,
        "tree.ExtraTreeClassifier": _ONE_TREE,
        "tree.ExtraTreeRegressor": _ONE_TREE,
    }.items()
}


def kind_of(estimator: Any) -> str:
    """Return which of scikit-learn's classes it is: its package and name.

    Raises:
        NoForm: something about it is not known, and what.
    """
    kind = type(estimator)
    name = class_name(estimator)
    known = _PARAMETERS.get(name)
    if known is None:
        raise NoForm(f"{kind.__module__}.{kind.__qualname__} is not known")
    own = _METHODS & vars(estimator).keys()
    if own:
        raise NoForm(f"a {kind.__name__} has {min(own)} of its own")
    strange = set(estimator.get_params(deep=False)) - known
    if strange:
        raise NoForm(f"{kind.__name__} has a parameter that is not known, {min(strange)}")
    container = getattr(estimator, "_sklearn_output_config", {}).get("transform")
    if container not in (None, "default"):
        raise NoForm(f"a {kind.__name__} answers with frames of {container}")
    return name


def class_name(estimator: Any) -> str:
    """Return package and name of a class, "linear_model.Ridge" or "models.LogOnePlus"; or ""."""
    kind = type(estimator)
    root, _, rest = kind.__module__.partition(".")
    defined = getattr(sys.modules.get(kind.__module__), kind.__name__, None)
    if defined is not kind:
        return ""
    if kind.__module__.startswith("models.transform."):
        return f"models.{kind.__name__}"
    if root != "sklearn":
        return ""
    return f"{rest.partition('.')[0]}.{kind.__name__}"
