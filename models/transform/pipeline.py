"""One ColumnTransformer by declaration, and the Pipeline around it."""

from collections import Counter
from typing import Any, Final

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler
from sklearn.utils import get_tags

from models.estimators import Estimator
from models.pictures import PicturePixels
from models.spec import Specification
from models.spec.features import Picture
from models.transform.rules import Step, Want, steps_of

SPARSE_BELOW: Final = 0.1
"""Features of which a smaller share is not zero travel as a sparse matrix, to estimators that take
one. Above, dense rows are smaller and the exact solvers work on them."""


def features(spec: Specification, seed: int | None = None) -> Estimator:
    """Return the unfitted transformer of all rules.

    Args:
        spec: whose [[features]].
        seed: of the cross-fitting of response coding; the specification's if left out.

    Returns:
        A ColumnTransformer of a DataFrame with the specification's feature columns; for pictures a
        Pipeline of a 1-D object array of pictures.

    Raises:
        BadSpecification: a rule and the type of its column, or a function, do not go together.
    """
    first = spec.features[0]
    if isinstance(first, Picture):
        pixels = PicturePixels(mode=first.mode, width=first.width, height=first.height)
        return Pipeline([("pixels", pixels), ("scale", MaxAbsScaler())])
    want = Want(spec, spec.model.seed if seed is None else seed)
    steps = [step for rule in spec.features for step in steps_of(rule, want)]
    return ColumnTransformer(
        _named(steps), sparse_threshold=SPARSE_BELOW, verbose_feature_names_out=False
    )


def pipeline(spec: Specification, estimator: Estimator, seed: int | None = None) -> Pipeline:
    """Return the unfitted Pipeline of "features" and "model".

    Args:
        spec: whose [[features]].
        estimator: the unfitted last step.
        seed: as in `features`.

    Raises:
        BadSpecification: as `features`.
    """
    before = features(spec, seed)
    if isinstance(before, ColumnTransformer) and not get_tags(estimator).input_tags.sparse:
        before.set_params(sparse_threshold=0.0)
    return Pipeline([("features", before), ("model", estimator)])


def _named(steps: list[Step]) -> list[tuple[str, Any, Any]]:
    """Give each step a name that a search can reach: its kind, from the second on with a number."""
    seen: Counter[str] = Counter()
    named = []
    for kind, transformer, columns in steps:
        seen[kind] += 1
        named.append((kind if seen[kind] == 1 else f"{kind}_{seen[kind]}", transformer, columns))
    return named
