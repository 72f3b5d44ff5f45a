"""What each rule of [[features]] becomes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from models.errors import BadSpecification
from models.estimators import Estimator
from models.spec import Specification
from models.spec.features import (
    AnyFeature,
    Boolean,
    DateParts,
    Function,
    Numeric,
    OneHot,
    Ordinal,
    Picture,
    Response,
    Words,
)
from models.transform.dates import DateFeatures
from models.transform.functions import OwnFunction, imported
from models.transform.logarithm import LogOnePlus
from models.transform.truth import TruthValues
from models.transform.words import HashedWords, WordWeights

Step: TypeAlias = tuple[str, Estimator, str | list[str]]
"""Kind, unfitted transformer, and its columns: one name for a step that takes a list of texts."""

FOLDS: Final = 5
"""Of response coding's cross-fitting."""

_TYPES: Final[dict[str, frozenset[str]]] = {
    "numeric": frozenset({"integer", "number", "boolean"}),
    "onehot": frozenset({"integer", "number", "text", "boolean", "date"}),
    "response": frozenset({"integer", "number", "text", "boolean", "date"}),
    "ordinal": frozenset({"integer", "number", "text", "boolean", "date"}),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date"}),
    "text": frozenset({"text"}),
    "picture": frozenset({"picture"}),
    "function": frozenset({"integer", "number", "text", "boolean", "date"}),
}
"""Kind of a rule → types of columns that it takes."""

_SCALERS: Final = {"standard": StandardScaler, "minmax": MinMaxScaler, "robust": RobustScaler}


@dataclass(frozen=True)
class Want:
    """What a rule has to know besides itself."""

    spec: Specification
    seed: int


def steps_of(rule: AnyFeature, want: Want) -> list[Step]:
    """Return the unfitted steps of one rule.

    Raises:
        BadSpecification: the rule cannot take one of its columns, and why.
    """
    _refuse_type(rule, want.spec)
    columns = list(rule.columns)
    if isinstance(rule, Numeric):
        return _numeric(rule, columns)
    if isinstance(rule, Words):
        return [("text", _words(rule), name) for name in columns]
    return [(rule.kind, _transformer(rule, want), columns)]


def _transformer(
    rule: OneHot | Response | Ordinal | Boolean | DateParts | Function | Picture, want: Want
) -> Estimator:
    made: Estimator
    match rule:
        case OneHot():
            made = OneHotEncoder(handle_unknown="ignore", min_frequency=rule.min_frequency)
        case Response():
            made = _response(rule, want)
        case Ordinal():
            made = _ordinal(rule, want.spec)
        case Boolean():
            made = Pipeline([("truth", TruthValues()), ("fill", _imputer("most_frequent"))])
        case DateParts():
            made = _dates(rule)
        case Function():
            made = OwnFunction(imported(rule.call), kw_args=dict(rule.arguments))
        case Picture():
            raise BadSpecification("features: a picture must be the only feature")
    return made


def _refuse_type(rule: AnyFeature, spec: Specification) -> None:
    taken = _TYPES[rule.kind]
    for name in rule.columns:
        found = spec.columns[name].type
        if found not in taken:
            fitting = [kind for kind, types in _TYPES.items() if found in types]
            raise BadSpecification(
                f"features: {name!r} is of type {found!r}, and kind = {rule.kind!r} takes"
                f" {_listed(sorted(taken))}; for it there is kind = {_listed(fitting)}"
            )


def _numeric(rule: Numeric, columns: list[str]) -> list[Step]:
    steps: list[tuple[str, Estimator]] = []
    if rule.impute != "none":
        steps.append(("impute", _imputer(rule.impute)))
    if rule.log:
        steps.append(("log", LogOnePlus(rule.columns)))
    if rule.scale != "none":
        steps.append(("scale", _SCALERS[rule.scale]()))
    # A name for a search, and a way through for numbers that nobody changes.
    made: Estimator = Pipeline(steps) if steps else "passthrough"
    found: list[Step] = [("numeric", made, columns)]
    if rule.indicator:
        # Columns without a hole in training give no feature, and may have one later.
        found.append(("missing", MissingIndicator(error_on_new=False), columns))
    return found


def _imputer(strategy: str) -> SimpleImputer:
    # A column that is empty in one division of the rows still gives a feature.
    if strategy == "zero":
        return SimpleImputer(strategy="constant", fill_value=0, keep_empty_features=True)
    return SimpleImputer(strategy=strategy, keep_empty_features=True)


def _response(rule: Response, want: Want) -> TargetEncoder:
    regression = want.spec.model.task == "regression"
    folds = KFold if regression else StratifiedKFold
    return TargetEncoder(
        # Left to itself it takes whole numbers for classes.
        target_type="continuous" if regression else "auto",
        smooth=rule.smooth,
        cv=folds(FOLDS, shuffle=True, random_state=want.seed),
    )


def _ordinal(rule: Ordinal, spec: Specification) -> OrdinalEncoder:
    if rule.order is not None:
        _refuse_order(rule.columns, rule.order, spec)
    return OrdinalEncoder(
        categories="auto" if rule.order is None else [list(order) for order in rule.order],
        handle_unknown="use_encoded_value",
        unknown_value=-1,
        encoded_missing_value=-1,
    )


def _refuse_order(
    columns: Sequence[str], orders: Sequence[Sequence[Any]], spec: Specification
) -> None:
    if len(orders) != len(columns):
        raise BadSpecification(
            f"features: ordinal has {len(columns)} columns and {len(orders)} orders; give a list of"
            " values for each column, lowest first"
        )
    for name, order in zip(columns, orders, strict=True):
        texts = spec.columns[name].type in {"text", "date"}
        if any(isinstance(value, str) != texts for value in order):
            raise BadSpecification(
                f"features: the order of {name!r} must hold values of its type,"
                f" {spec.columns[name].type}"
            )
        if not texts and list(order) != sorted(order):
            raise BadSpecification(
                f"features: the order of {name!r} is one of numbers and does not ascend; numbers"
                " have an order of their own: leave it out, or make the column a text"
            )


def _dates(rule: DateParts) -> Pipeline:
    steps: list[tuple[str, Estimator]] = [
        ("parts", DateFeatures(rule.parts)),
        ("fill", _imputer("median")),
    ]
    if rule.scale != "none":
        steps.append(("scale", _SCALERS[rule.scale]()))
    return Pipeline(steps)


def _words(rule: Words) -> Estimator:
    if rule.hashed:
        return HashedWords(
            n_features=rule.max_features, ngram_range=rule.ngrams, alternate_sign=False
        )
    return WordWeights(max_features=rule.max_features, ngram_range=rule.ngrams)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" or {names[-1]}" if len(names) > 1 else names[0]
